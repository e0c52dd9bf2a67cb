"""The bar store itself: sessions in, windows out, what lies beside the matrices in hand."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np

from core.market.store import files
from core.market.store.actions import Actions, dividend_adjust, split_adjust
from core.market.store.fields import FIELDS, Fields
from core.market.store.quarantine import ALL, Held, Quarantine
from core.market.store.universe import Universe
from core.model.errors import BadDataError, RefusedError
from core.model.market import ActionKind, Floats

CLOSE = FIELDS.index("close")


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Bars of consecutive sessions: `bars` has shape (5, days, columns); NaN: no bar, or it is in quarantine."""

    days: tuple[date, ...]
    bars: Floats


class Store:
    """Daily bars on disk, as traded. One process writes at a time; any number may read.

    Attributes
    ----------
    universe, actions, quarantine : what lies beside the matrices
    days : list of date
        Session of each row, oldest first.

    Raises
    ------
    AlreadyRunningError
        On opening for writing, when another process writes.
    NewerDatabaseError
        The store was written by a newer version of this program.
    OperatorError
        The folder cannot be written, or a log of the store is damaged.
    """

    def __init__(self, folder: Path, *, write: bool) -> None:
        self.folder = folder
        with ExitStack() as stack:
            if write:
                stack.enter_context(files.locked(folder))
            self._fields = Fields(folder)
            self.universe = Universe(folder / "universe.jsonl")
            self.actions = Actions(folder / "actions.jsonl")
            self.quarantine = Quarantine(folder / "quarantine.jsonl")
            self.days: list[date] = []
            self._checks: list[tuple[int, list[int]]] = []
            self._log = files.Log(folder / "days.jsonl")
            for record in self._log.found:
                self._take(record)
            for log in (self._log, self.universe.log, self.actions.log, self.quarantine.log):
                stack.callback(log.close)
                if write:
                    log.write()
            if write:
                self._fields.clean()
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give files and lock free."""
        self._open.close()

    def append(self, day: date, bars: Floats) -> None:
        """Add one session, shape (5, columns), and wait until it is on disk; see `extend`."""
        self.extend([day], bars[:, None])

    def extend(self, days: Sequence[date], bars: Floats) -> None:
        """Add sessions and wait until they are on disk: all of them or, when that fails, none.

        Parameters
        ----------
        bars : shape (5, days, columns) as traded, for every column of the universe; NaN: no bar.

        Raises
        ------
        BadDataError
            The shape does not fit, or the days are not in order after the last one.
        OperatorError
            The disk does not take them (no room, for one).
        RefusedError
            The store is open for reading.
        """
        self._log.must_write()
        if not days:
            return
        needed = (len(FIELDS), len(days), len(self.universe))
        if bars.shape != needed:
            raise BadDataError(f"the bars from {days[0]} on have shape {bars.shape}, the store needs {needed}")
        for before, day in pairwise([*self.days[-1:], *days]):
            if day <= before:
                raise BadDataError(f"the bars of {day} do not come after those of {before}")
        rows = len(self.days)
        if len(self.universe) > self._fields.width:
            self._fields.widen(len(self.universe), rows)
        self._record(rows, days, self._fields.put(rows, rows, bars))

    def restore(self, day: date, bars: Floats) -> None:
        """Write a damaged day anew, shape (5, columns), and free it from quarantine.

        Raises
        ------
        BadDataError
            The shape does not fit.
        RefusedError
            The day is not in quarantine as a whole, or the store is open for reading.
        """
        self._log.must_write()
        if bars.shape != (len(FIELDS), len(self.universe)):
            raise BadDataError(f"the bars of {day} have shape {bars.shape}, the store needs {(len(FIELDS), len(self.universe))}")
        if not any(held.column == ALL for held in self.quarantine.held(day)):
            raise RefusedError(f"{day} is not a damaged day of this bar store; only those may be written again")
        row = self.days.index(day)
        self._record(row, [day], self._fields.put(row, len(self.days), bars[:, None]))
        self.quarantine.release(day, ALL, "written anew")

    def raw(self, field: str) -> Floats:
        """Zero-copy view of a field, shape (days, columns): as traded, quarantined bars included. It cannot be written."""
        return self._fields.raw(field, len(self.days))[:, : len(self.universe)]

    def place(self, day: date | None) -> int:
        """How many rows there are up to and including a day; None: all."""
        return len(self.days) if day is None else int(np.searchsorted(_days(self.days), np.datetime64(day), "right"))

    def window(self, sessions: int, last: date | None = None, *, adjust: bool = True, dividends: bool = False) -> Window:
        """Copy the last sessions up to a day, quarantined bars left out.

        Parameters
        ----------
        adjust : put prices and volumes into the units of the last day of the window (no later split counts).
        dividends : take dividends out of the prices as well.
        """
        end = self.place(last)
        start = max(end - sessions, 0)
        bars = np.empty((len(FIELDS), end - start, len(self.universe)))
        for place, field in enumerate(FIELDS):
            bars[place] = self.raw(field)[start:end]
        window = Window(tuple(self.days[start:end]), bars)
        self.refine(window, slice(0, len(self.universe)), adjust=adjust, dividends=dividends)
        return window

    def refine(self, window: Window, columns: slice, *, adjust: bool, dividends: bool) -> None:
        """Take quarantined bars out of bars as stored, and put them into the units of their last day, in place."""
        days, bars = window.days, window.bars
        if not days:
            return
        rows = {day: row for row, day in enumerate(days)}
        for held in self.quarantine.held():
            if held.day in rows and held.column == ALL:
                bars[:, rows[held.day]] = np.nan
            elif held.day in rows and columns.start <= held.column < columns.stop:
                bars[:, rows[held.day], held.column - columns.start] = np.nan
        closes = bars[CLOSE].copy() if dividends else bars[CLOSE]
        if adjust:
            self.adjust(window, columns)
        if dividends:
            dividend_adjust(bars, days, self.actions.between(days[0], days[-1], ActionKind.DIVIDEND, columns), closes)

    def adjust(self, window: Window, columns: slice) -> None:
        """Put bars as stored into the units of their last day, in place."""
        if window.days:
            splits = self.actions.between(window.days[0], window.days[-1], ActionKind.SPLIT, columns)
            split_adjust(window.bars, window.days, splits)

    def verify(self, start: int = 0, end: int | None = None) -> tuple[Held, ...]:
        """Compare rows with their checksums; the damaged days, each with the fields that do not fit."""
        damaged = []
        for row in range(start, len(self.days) if end is None else end):
            columns, written = self._checks[row]
            found = self._fields.check(row, len(self.days), columns)
            bad = [field for field, is_, was in zip(FIELDS, found, written, strict=True) if is_ != was]
            if bad:
                damaged.append(Held(self.days[row], ALL, f"damaged on disk: {', '.join(bad)}"))
        return tuple(damaged)

    def _record(self, row: int, days: Sequence[date], checks: list[list[int]]) -> None:
        records = [
            {"day": day.isoformat(), "row": number, "columns": len(self.universe), "check": check}
            for number, (day, check) in enumerate(zip(days, checks, strict=True), row)
        ]
        self._log.append(records)
        for record in records:
            self._take(record)

    def _take(self, record: files.Record) -> None:
        written = (record["columns"], record["check"])
        if record["row"] == len(self.days):
            self.days.append(date.fromisoformat(record["day"]))
            self._checks.append(written)
        else:
            self._checks[record["row"]] = written


def _days(days: Sequence[date]) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.array(days, dtype="datetime64[D]")
