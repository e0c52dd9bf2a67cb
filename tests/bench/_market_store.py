"""Rows of the bar store: a window against memcpy and Parquet, a durable day, a cold start."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.market.scan_state_history import open_state, save_state
from core.market.store import archive
from core.market.store.fields import FIELDS
from core.market.store.matrices import Store
from core.market.store.universe import Newcomer
from core.model.market import Floats
from tests.bench._market_scan import GATES, SESSIONS, UNIVERSE, elapsed, panel
from tests.bench.report import Row, progress

FIRST = date(2024, 1, 1)


def store_rows(quick: bool) -> Iterator[Row]:
    """Everything about the store, in a folder that is removed afterwards."""
    columns = 4_000 if quick else UNIVERSE
    bars = panel(columns, SESSIONS + 20)
    folder = Path(tempfile.mkdtemp(prefix="bar_store_"))
    try:
        with Store(folder / "store", write=True) as store:
            progress("the bar store")
            store.universe.enlist([Newcomer(f"S{column}", FIRST) for column in range(columns)])
            store.extend([FIRST + timedelta(days=place) for place in range(SESSIONS)], bars[:, :SESSIONS])
            yield from _append(store, bars)
            yield from _window(store, folder / "window.parquet")
            progress("the archive")
            yield Row("archive rebuilt", elapsed(lambda: archive.rebuild(store), 1) * 1e3, "ms", f"{len(store.days)} days, zstd")
            yield Row("history of one name from the archive", elapsed(lambda: archive.history(store, 77)) * 1e3, "ms", "aim 6 ms")
            save_state(store, open_state(store))
        yield from _cold(folder / "store")
    finally:
        shutil.rmtree(folder)


def _append(store: Store, bars: Floats) -> Iterator[Row]:
    days = iter(range(SESSIONS, SESSIONS + 20))

    def one() -> None:
        place = next(days)
        store.append(FIRST + timedelta(days=place), bars[:, place])

    one()
    yield Row.promised(
        "append a day, durable", elapsed(one, 15) * 1e3, "ms", "<= 5", f"{len(store.universe)} symbols, six files synced"
    )


def _window(store: Store, path: Path) -> Iterator[Row]:
    sources = [np.array(store.raw(field)[-SESSIONS:]) for field in FIELDS]
    target = np.empty((len(FIELDS), *sources[0].shape))

    def copy() -> None:
        fresh = np.empty_like(target)
        for place, source in enumerate(sources):
            fresh[place] = source

    def parquet() -> list[Floats]:
        table = pq.read_table(path, columns=list(FIELDS))
        return [table[field].to_numpy() for field in FIELDS]

    day = np.repeat(np.arange(SESSIONS, dtype=np.int32), sources[0].shape[1])
    column = np.tile(np.arange(sources[0].shape[1], dtype=np.int32), SESSIONS)
    values = [source.ravel() for source in sources]
    table = pa.table([day, column, *values], names=["day", "column", *FIELDS])
    pq.write_table(table, path, compression="zstd", compression_level=3, row_group_size=32 * sources[0].shape[1])
    del table, values, day, column
    ours, plain, theirs = elapsed(lambda: store.window(SESSIONS), 7), elapsed(copy, 7), elapsed(parquet, 3)
    size = target.nbytes / 2**20
    yield Row.promised(
        "window of 260 bars against a memcpy", ours / plain, "times", "<= 1.5", f"{ours * 1e3:.0f} ms for {size:.0f} MiB"
    )
    yield Row.promised(
        "window of 260 bars against Parquet", theirs / ours, "times", ">= 5", f"pyarrow, zstd, by day: {theirs * 1e3:.0f} ms"
    )


def _cold(folder: Path) -> Iterator[Row]:
    def start() -> None:
        with Store(folder, write=False) as store:
            scan = open_state(store)
            scan.take(range(len(scan.symbols)), store.window(1).bars[:, 0])
            scan.refresh(strengths=True)
            scan.scan(GATES)

    against = "store opened, recursions and window read, first scan; files in the page cache, kernels compiled"
    yield Row.promised("cold start to first scan", elapsed(start, 3) * 1e3, "ms", "<= 1000", against)
    (folder / "recursions.bin").unlink()
    yield Row("cold start, recursions made anew", elapsed(start, 2) * 1e3, "ms", "from all bars of the store")
