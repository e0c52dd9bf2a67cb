"""What the tape knows about single names as of one session: bars in the units of now, and what is modelled from them.

Nothing is computed before somebody asks for a name, and each name at most once per session.

Where only bars exist, options are modelled. Their thirty-day volatility is the mean of the realised volatilities of the last
21 and 63 returns (annual, no mean subtracted), times 1.1 because options have usually been dearer than what followed, kept
between 0.08 and 3. Its rank is taken in its own last 252 values. Quotes of shares have half a spread of 2.5 basis points on
each side, half a tick at least (a cent, a hundredth of one below a dollar), and offer 1 % of the mean volume of 20 sessions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from core.feeds.flatfiles.tape import FAR, UNCOVERED, Tape
from core.market.panel import CLOSE, KEEP, VOLUME
from core.model.market import ActionKind, Bars, Events, Features, Floats

YEAR = 252
SHORT, LONG = 21, 63
PREMIUM, LOWEST, HIGHEST = 1.1, 0.08, 3.0
OFFERED = 0.01
MOST_YIELD = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """Splits and dividends of the tape by symbol, oldest first: (session number, day, value)."""

    splits: dict[str, list[tuple[int, date, float]]]
    dividends: dict[str, list[tuple[int, date, float]]]

    @classmethod
    def of(cls, tape: Tape) -> "Ledger":
        """Sort the tape's actions by symbol."""
        ledger = cls({}, {})
        kept = {ActionKind.SPLIT: ledger.splits, ActionKind.DIVIDEND: ledger.dividends}
        for place, actions in tape.actions.items():
            for action in actions:
                if action.kind in kept:
                    kept[action.kind].setdefault(action.symbol, []).append((place, action.day, float(action.value)))
        return ledger


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """Single names as of a session; reads nothing newer.

    Attributes
    ----------
    completed : int
        Number of the last completed session; -1 before the first.
    units : int
        Number of the last session that has begun: prices are in the units after its splits.
    volume : row
        Mean volume of the last 20 sessions in these units; 0 where there was no bar.
    """

    tape: Tape
    ledger: Ledger
    days: np.typing.NDArray[np.datetime64]
    completed: int
    units: int
    volume: Floats
    _bars: dict[int, Bars] = field(default_factory=dict)
    _rows: dict[int, Mapping[str, float]] = field(default_factory=dict)
    _events: dict[int, Events] = field(init=False, default_factory=dict)
    _volatility: dict[int, tuple[float, float]] = field(default_factory=dict)

    def bars(self, column: int) -> Bars:
        """Give the last 260 sessions of one name."""
        if column not in self._bars:
            first = max(self.completed + 1 - KEEP, 0)
            matrix = self.matrix(column, KEEP)
            there = ~np.isnan(matrix[CLOSE])
            self._bars[column] = Bars(self.days[first : self.completed + 1][there], *(row[there] for row in matrix))
        return self._bars[column]

    def row(self, column: int, features: Features) -> Mapping[str, float]:
        """Give the features of one name; they stand as long as the session does."""
        if column not in self._rows:
            self._rows[column] = {name: float(values[column]) for name, values in features.columns.items()}
        return self._rows[column]

    def matrix(self, column: int, sessions: int) -> Floats:
        """Give bars in the units of now, shape (5, sessions or fewer), holes as NaN."""
        first = max(self.completed + 1 - sessions, 0)
        matrix = self.tape.bars[:, first : self.completed + 1, column].copy()
        for place, _, ratio in self.ledger.splits.get(self.tape.symbols[column], ()):
            if first < place <= self.units:
                matrix[:VOLUME, : place - first] /= ratio
                matrix[VOLUME, : place - first] *= ratio
        return matrix

    def size(self, column: int) -> int:
        """Shares that are bid and offered."""
        mean = float(self.volume[column])
        return max(int(OFFERED * mean), 1) if mean else 0

    def volatility(self, column: int) -> tuple[float, float]:
        """Modelled thirty-day volatility (annual fraction) and its rank (0 to 100); NaN where history is too short."""
        if column not in self._volatility:
            self._volatility[column] = _modelled(self.matrix(column, YEAR + LONG + 1)[CLOSE])
        return self._volatility[column]

    def dividend_yield(self, symbol: str, spot: float) -> float:
        """Dividends of the last 252 sessions as a share of the price, 0.25 at most; 0 where none is known."""
        paid = 0.0
        for place, _, amount in self.ledger.dividends.get(symbol, ()):
            if self.units - YEAR < place <= self.units:
                ratios = [ratio for other, _, ratio in self.ledger.splits.get(symbol, ()) if place <= other <= self.units]
                paid += amount / math.prod(ratios)
        return min(paid / spot, MOST_YIELD)

    def events(self, column: int) -> Events:
        """Give the next report, and the dividends and splits of the last 252 sessions."""
        if column not in self._events:
            self._events[column] = self._told(column)
        return self._events[column]

    def _told(self, column: int) -> Events:
        symbol = self.tape.symbols[column]
        recent = (
            tuple((day, value) for place, day, value in book.get(symbol, ()) if self.units - YEAR < place <= self.units)
            for book in (self.ledger.dividends, self.ledger.splits)
        )
        return Events(*self._report(column), *recent)

    def _report(self, column: int) -> tuple[date | None, bool]:
        ahead = UNCOVERED if self.tape.reports is None or self.completed < 0 else int(self.tape.reports[self.completed, column])
        if ahead in {UNCOVERED, FAR}:
            return None, ahead == FAR
        today = self.tape.days[self.completed]
        reports = self.tape.earnings[self.tape.symbols[column]]
        return next(report.day for report in reports if not report.heard_by(today)), True


def _modelled(close: Floats) -> tuple[float, float]:
    known = close[~np.isnan(close)]
    squares = np.diff(np.log(known)) ** 2
    if len(squares) < SHORT:
        return math.nan, math.nan
    short = np.sqrt(YEAR * _rolling_mean(squares, SHORT))
    long = np.sqrt(YEAR * _rolling_mean(squares, LONG)) if len(squares) >= LONG else short[-1:]
    count = min(len(short), len(long))
    level = np.clip(PREMIUM * (short[-count:] + long[-count:]) / 2.0, LOWEST, HIGHEST)
    history = level[-YEAR:]
    low, high = float(history.min()), float(history.max())
    rank = 100.0 * (float(level[-1]) - low) / (high - low) if len(history) == YEAR and high > low else math.nan
    return float(level[-1]), rank


def _rolling_mean(values: Floats, length: int) -> Floats:
    mean: Floats = np.lib.stride_tricks.sliding_window_view(values, length).mean(axis=1)
    return mean
