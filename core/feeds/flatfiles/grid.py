"""Rows of bars become one matrix (field, session, symbol) on the sessions of the exchange."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.feeds.flatfiles.tables import PRICES
from core.market.sessions import Sessions
from core.model.errors import OperatorError
from core.model.market import Flags, Floats

EPOCH = date(1970, 1, 1)
BEFORE, AFTER = timedelta(days=100), timedelta(days=400)
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Sessions by symbols, and the bars on it: shape (5, sessions, symbols), NaN where there is none.

    Attributes
    ----------
    calendar : Sessions
        Covers the days and some more before and after.
    """

    symbols: tuple[str, ...]
    days: tuple[date, ...]
    calendar: Sessions
    bars: Floats


def to_grid(table: pa.Table, source: Path, defects: Counter[str]) -> Grid:
    """Put every row where it belongs; of several rows for the same symbol and day the last one stays.

    Parameters
    ----------
    source : where the rows came from, for the sentences of errors.

    Raises
    ------
    OperatorError
        No row has a symbol and falls on a session.
    """
    names, codes = _symbols(table["symbol"])
    ordinals, dated = _ordinals(table["date"])
    known = dated & np.asarray([bool(name) for name in names], dtype=np.bool_)[codes]
    defects["row without symbol or date"] += int(np.count_nonzero(~known))
    if not known.any():
        raise OperatorError(f"{source} has no row with both a symbol and a date: give a file with daily bars")
    first, last = _day(ordinals[known].min()), _day(ordinals[known].max())
    calendar = Sessions.open(first - BEFORE, last + AFTER)
    days = tuple(session.day for session in calendar.between(first, last))
    places = _places(ordinals, days)
    good = known & (places >= 0)
    defects["row on a day without a session"] += int(np.count_nonzero(known & (places < 0)))
    if not good.any():
        raise OperatorError(f"{source} has no row from {first} to {last} that falls on a trading day: give a file with daily bars")
    used = np.bincount(codes[good], minlength=len(names)) > 0
    kept = sorted(np.flatnonzero(used).tolist(), key=lambda code: names[code])
    column_of = np.zeros(len(names), dtype=np.int64)
    column_of[kept] = np.arange(len(kept))
    cells = places[good] * len(kept) + column_of[codes[good]]
    bars = _scatter(table, good, cells, (len(days), len(kept)))
    defects["second row for the same symbol and day"] += len(cells) - int(np.count_nonzero(np.bincount(cells)))
    return Grid(tuple(names[code] for code in kept), days, calendar, bars)


def place_of(days: tuple[date, ...], day: date) -> int:
    """Number of the session on the day, or of the next one; len(days) when there is none."""
    return bisect_left(days, day)


def _symbols(column: pa.ChunkedArray) -> tuple[list[str], Places]:
    coded = column.combine_chunks().dictionary_encode()
    names = [str(name) for name in coded.dictionary.to_pylist()]
    codes: Places = pc.fill_null(coded.indices, len(names)).to_numpy(zero_copy_only=False).astype(np.int64)
    return [*names, ""], codes


def _ordinals(column: pa.ChunkedArray) -> tuple[Places, Flags]:
    dated: Flags = pc.is_valid(column).to_numpy()
    ordinals: Places = pc.fill_null(column.cast(pa.int32()), 0).to_numpy().astype(np.int64)
    return ordinals, dated


def _day(ordinal: np.int64) -> date:
    return EPOCH + timedelta(days=int(ordinal))


def _numbers(days: tuple[date, ...]) -> Places:
    return np.asarray([(day - EPOCH).days for day in days], dtype=np.int64)


def _places(ordinals: Places, days: tuple[date, ...]) -> Places:
    """Number of the session of each day since 1970, -1 for a day without one."""
    numbers = _numbers(days)
    found = np.searchsorted(numbers, ordinals)
    inside = found < len(numbers)
    exact = inside & (numbers[np.where(inside, found, 0)] == ordinals) if len(numbers) else inside
    return np.where(exact, found, -1)


def _scatter(table: pa.Table, good: Flags, cells: Places, shape: tuple[int, int]) -> Floats:
    bars = np.full((len(PRICES), shape[0] * shape[1]), np.nan)
    for field, name in enumerate(PRICES):
        values = pc.fill_null(table[name], np.nan).to_numpy()
        bars[field, cells] = values[good]  # numpy keeps the last of several values for one cell
    return bars.reshape(len(PRICES), *shape)
