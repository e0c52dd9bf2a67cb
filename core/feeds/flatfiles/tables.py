"""Reading tables of bars: Parquet, CSV, or a directory of Polygon day aggregates.

Every reader answers the same columns. Tickers such as NA, NAN and TRUE are text, never missing values.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from core.model.errors import OperatorError

PRICES = ("open", "high", "low", "close", "volume")
TEXT = ("symbol", "ticker", "kind", "release_time", "sector", "confirmed")
_NANOSECONDS_A_DAY = 86_400_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class BarTable:
    """Rows of daily bars: columns symbol (text), date (date32), open, high, low, close, volume (numbers).

    Attributes
    ----------
    adjusted : bool
        The file says that its prices are split-adjusted (it carries `adj_factor`).
    as_traded : bool
        The file is known to hold prices as traded (Polygon flat files).
    """

    table: pa.Table
    adjusted: bool = False
    as_traded: bool = False


def read_bars(path: Path) -> BarTable:
    """Read bars from a table or from a directory of day aggregates.

    Raises
    ------
    OperatorError
        The path does not exist, cannot be read, lacks a column, holds a malformed date or no row at all.
    """
    found = _day_aggregates(path) if path.is_dir() else _bar_table(path)
    if not len(found.table):
        raise OperatorError(f"{path} holds no bars: give a file with rows")
    return found


def read_table(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> pa.Table:
    """Read the named columns of a Parquet or CSV file; column names are met without regard to case.

    `symbol` and other words come as text, `date` and `ex_date` as date32, everything else as float64, or float32 where a
    Parquet file has no more.

    Raises
    ------
    OperatorError
        The file does not exist, cannot be read, lacks a needed column or holds a value that is no date or number.
    """
    if not path.is_file():
        raise OperatorError(f"{path} does not exist: give the path of a Parquet or CSV file")
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else _read_csv(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {_first_line(error)}; give a Parquet or CSV file") from error
    table = table.rename_columns([name.strip().lower() for name in table.column_names])
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        known = ", ".join(table.column_names)
        raise OperatorError(f"{path} has no column {', '.join(missing)} (it has {known}): give a file with {', '.join(needed)}")
    wanted = [*needed, *(name for name in optional if name in table.column_names)]
    return pa.table({name: _typed(table[name], name, path) for name in wanted})


def _read_csv(path: Path) -> pa.Table:
    """Read all columns as text, so that each is converted by what it means and not by what it looks like."""
    with pacsv.open_csv(path) as reader:
        names = reader.schema.names
    convert = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return pacsv.read_csv(path, convert_options=convert)


def _typed(column: pa.ChunkedArray, name: str, path: Path) -> pa.ChunkedArray:
    wanted = pa.string() if name in TEXT else pa.date32() if name in {"date", "ex_date"} else pa.float64()
    if column.type == wanted or (pa.types.is_float32(column.type) and wanted == pa.float64()):
        return column
    try:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = _blank_to_null(column)
        if wanted == pa.date32() and pa.types.is_string(column.type):
            column = pc.replace_substring_regex(column, "[ T]00:00.*$", "")
        if wanted == pa.date32() and pa.types.is_timestamp(column.type):
            column = pc.floor_temporal(column, unit="day")
        return column.cast(wanted)
    except pa.ArrowException as error:
        kind = "a date like 2024-07-10" if wanted == pa.date32() else "a number"
        found = re.search(r"'(.*?)'", str(error))
        value = repr(found[1]) if found else _first_line(error)
        raise OperatorError(f"{path}, column {name}: {value} is not {kind}; correct that row or give another file") from error


def _blank_to_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(column)
    blank = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(["", "nan", "na", "n/a", "null", "none", "."]))
    return pc.if_else(blank, pa.scalar(None, pa.string()), trimmed)


def _bar_table(path: Path) -> BarTable:
    table = read_table(path, ("symbol", "date", *PRICES), ("adj_factor",))
    return BarTable(table.select(["symbol", "date", *PRICES]), adjusted="adj_factor" in table.column_names)


def _day_aggregates(path: Path) -> BarTable:
    files = sorted((file for file in path.rglob("*.csv*") if file.name.endswith((".csv", ".csv.gz"))), key=lambda file: file.name)
    if not files:
        raise OperatorError(f"{path} holds no flat files: give the folder that holds day_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz")
    names = ("ticker", *PRICES, "window_start")
    tables = [read_table(file, names) for file in files]
    table = pa.concat_tables(tables)
    days = pc.cast(pc.floor(pc.divide(table["window_start"], float(_NANOSECONDS_A_DAY))), pa.int32()).cast(pa.date32())
    columns = {"symbol": table["ticker"], "date": days} | {name: table[name] for name in PRICES}
    return BarTable(pa.table(columns), as_traded=True)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
