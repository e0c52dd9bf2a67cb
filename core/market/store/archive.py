"""The symbol-sorted archive: one Parquet file, for charts of one name, rebuilt from the matrices now and then.

It holds bars as traded; quarantine and adjustments are applied when it is read, as for a window. Days that it does not hold yet
come from the matrices.
"""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.market.store import files
from core.market.store.fields import FIELDS
from core.market.store.matrices import Store, Window
from core.model.errors import OperatorError
from core.model.market import Bars, Floats

NAME = "archive.parquet"
#: Columns of one row group: what has to be read for one name.
GROUP = 64
#: Columns that are turned from rows into columns at a time.
BLOCK = 2_048
SCHEMA = pa.schema([("column", pa.int32()), ("day", pa.date32()), *((field, pa.float64()) for field in FIELDS)])


def rebuild(store: Store) -> Path:
    """Write the archive anew, whole or not at all; bars with a close of every column, oldest first.

    Raises
    ------
    OperatorError
        The disk does not take it; the old archive stays.
    """
    path = store.folder / NAME
    draft = path.with_name(NAME + ".new")
    end = store.days[-1].isoformat() if store.days else ""
    try:
        with draft.open("wb") as file:
            with pq.ParquetWriter(file, SCHEMA.with_metadata({"end": end}), compression="zstd", compression_level=3) as writer:
                for group in _groups(store):
                    writer.write_table(group, row_group_size=max(group.num_rows, 1))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        files.sync_folder(store.folder)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OperatorError(f"{path} cannot be written ({error.strerror or error}); make room and start again") from error
    return path


def history(store: Store, column: int, *, adjust: bool = True, dividends: bool = False) -> Bars:
    """Give all bars of one column in the units of the store's last day; quarantined ones are left out."""
    days, bars, end = _archived(store.folder / NAME, column)
    start = store.place(end) if end else 0
    recent = np.stack([store.raw(field)[start:, column] for field in FIELDS])
    known = [*days, *store.days[start:]]
    last = [day for day in store.days[-1:] if known[-1:] != [day]]  # the day whose units count, when the listing ended before
    nothing = np.full((len(FIELDS), len(last)), np.nan)
    everything = np.concatenate([bars, recent, nothing], axis=1)[:, :, None]
    window = Window((*known, *last), everything)
    store.refine(window, slice(column, column + 1), adjust=adjust, dividends=dividends)
    there = ~np.isnan(everything[3, :, 0])
    found = everything[:, there, 0]
    return Bars(np.array(window.days, dtype="datetime64[D]")[there], found[0], found[1], found[2], found[3], found[4])


def _archived(path: Path, column: int) -> tuple[tuple[date, ...], Floats, date | None]:
    if not path.exists():
        return (), np.empty((len(FIELDS), 0)), None
    with pq.ParquetFile(path) as file:
        end = (file.schema_arrow.metadata or {}).get(b"end", b"").decode()
        place = column // GROUP
        if place >= file.num_row_groups:
            return (), np.empty((len(FIELDS), 0)), date.fromisoformat(end) if end else None
        table = file.read_row_group(place)
    table = table.filter(pc.equal(table["column"], column))
    bars = np.stack([table[field].to_numpy() for field in FIELDS])
    return tuple(table["day"].to_pylist()), bars, date.fromisoformat(end)


def _groups(store: Store) -> Iterator[pa.Table]:
    days = np.array(store.days, dtype="datetime64[D]")
    for first in range(0, len(store.universe), BLOCK):
        block = [np.ascontiguousarray(store.raw(field)[:, first : first + BLOCK].T) for field in FIELDS]
        for start in range(0, len(block[0]), GROUP):
            part = [field[start : start + GROUP] for field in block]
            columns, rows = np.nonzero(~np.isnan(part[3]))
            values = [field[columns, rows] for field in part]
            yield pa.table([(columns + first + start).astype(np.int32), days[rows], *values], schema=SCHEMA)
