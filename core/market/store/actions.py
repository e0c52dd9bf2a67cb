"""Splits and dividends beside the matrices, and how they change what is read. What is stored stays as traded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from core.market.store import files
from core.model.errors import BadDataError
from core.model.market import ActionKind, Floats

PRICES = 4


@dataclass(frozen=True, slots=True)
class Action:
    """A split (`value` new shares for each old one) or dividend (dollars a share) before the open of `day`."""

    column: int
    day: date
    kind: ActionKind
    value: float


class Actions:
    """Every split and dividend of the store; a later word about the same column, day and kind counts."""

    def __init__(self, path: Path) -> None:
        self.log = files.Log(path)
        self._known: dict[tuple[int, date, ActionKind], float] = {}
        for record in self.log.found:
            self._take(record)

    def add(self, actions: Sequence[Action]) -> None:
        """Store those that are news.

        Raises
        ------
        BadDataError
            A split ratio is not positive, or a dividend negative or not a number.
        """
        for action in actions:
            low = 0.0 if action.kind is ActionKind.SPLIT else -1e-300
            if action.kind is ActionKind.DELISTING or not low < action.value < np.inf:
                raise BadDataError(f"a {action.kind} of {action.value} for column {action.column} on {action.day} is not possible")
        fresh = [one for one in actions if self._known.get((one.column, one.day, one.kind)) != one.value]
        if not fresh:
            return
        records: list[files.Record] = [
            {"column": one.column, "day": one.day.isoformat(), "kind": one.kind.value, "value": one.value} for one in fresh
        ]
        self.log.append(records)
        for record in records:
            self._take(record)

    def between(self, after: date, upto: date, kind: ActionKind, columns: slice) -> tuple[Action, ...]:
        """Actions of one kind after the first day, up to and including the last, by day; columns counted from the slice's start."""
        low, high = columns.start, columns.stop
        found = [
            Action(column - low, day, one, value)
            for (column, day, one), value in self._known.items()
            if one is kind and after < day <= upto and low <= column < high
        ]
        return tuple(sorted(found, key=lambda action: (action.day, action.column)))

    def _take(self, record: files.Record) -> None:
        key = (record["column"], date.fromisoformat(record["day"]), ActionKind(record["kind"]))
        self._known[key] = record["value"]


def split_adjust(bars: Floats, days: Sequence[date], splits: Iterable[Action]) -> None:
    """Put bars before each split into the units after it, in place; one division per split, oldest first.

    Parameters
    ----------
    bars : shape (5, days, columns): open, high, low, close, volume.
    """
    places = np.array(days, dtype="datetime64[D]")
    for split in splits:
        before = int(np.searchsorted(places, np.datetime64(split.day)))
        bars[:PRICES, :before, split.column] /= split.value
        bars[PRICES, :before, split.column] *= split.value


def dividend_adjust(bars: Floats, days: Sequence[date], dividends: Iterable[Action], closes: Floats) -> None:
    """Take each dividend out of the prices before it, in place: prices times 1 - dividend / last close before the day.

    Parameters
    ----------
    closes : shape (days, columns), as traded. A dividend without a close before it, or as large as that close, is left out.
    """
    places = np.array(days, dtype="datetime64[D]")
    for dividend in dividends:
        before = int(np.searchsorted(places, np.datetime64(dividend.day)))
        known = closes[:before, dividend.column]
        known = known[~np.isnan(known)]
        if len(known) and dividend.value < known[-1]:
            bars[:PRICES, :before, dividend.column] *= 1.0 - dividend.value / known[-1]
