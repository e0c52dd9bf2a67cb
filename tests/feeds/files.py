"""Small files of bars, written for one test each."""

import gzip
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

HEAD = "symbol,date,open,high,low,close,volume"
Row = Sequence[object]

#: The first sessions of 2024.
DAYS = tuple(date(2024, 1, number) for number in (2, 3, 4, 5, 8, 9, 10, 11, 12, 16, 17, 18, 19, 22, 23, 24, 25, 26))


def table(path: Path, rows: Iterable[Row | str], head: str = HEAD) -> Path:
    lines = (row if isinstance(row, str) else ",".join(str(value) for value in row) for row in rows)
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def flat(symbol: str, days: Iterable[date], price: float = 10.0, volume: int = 100) -> list[str]:
    """Bars that never move."""
    return [f"{symbol},{day},{price},{price},{price},{price},{volume}" for day in days]


def day_file(folder: Path, day: date, rows: Iterable[str], start: date | None = None) -> Path:
    """One Polygon day file; window_start is midnight in New York."""
    path = folder / f"day_aggs_v1/{day:%Y}/{day:%m}/{day}.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    midnight = datetime.combine(start or day, datetime.min.time(), UTC) + timedelta(hours=5)
    nanoseconds = int(midnight.timestamp()) * 1_000_000_000
    lines = ["ticker,volume,open,close,high,low,window_start,transactions", *(f"{row},{nanoseconds},7" for row in rows)]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
    return path
