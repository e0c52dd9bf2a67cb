"""Indicators, one definition each, for all symbols at once and one session after the other.

Shapes: a *row* has one value per symbol, shape (symbols,); *rows* have shape (sessions, symbols), oldest first. NaN in a row is
a session without a bar. Every function and state looks backward only, so cutting the data at any day changes nothing up to it.

Two kinds, and what a session without a bar does to them:

* recursive (Wilder's and exponential averages, the classes): the value holds; the seed is taken over a symbol's first bars,
  with the seeds of TA-Lib (the plain mean of the first n values);
* windows over the last n sessions: they use the bars that are there and are NaN when fewer than 90 % of the n sessions have
  one (`MOST`), or when the first bar of the symbol is younger than n sessions.

Sources: J. Welles Wilder, New Concepts in Technical Trading Systems (1978), for ATR and RSI; the TA-Lib C library for seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.model.market import Flags, Floats

MOST = 0.9


@dataclass(slots=True, eq=False)
class TrueRange:
    """Wilder's average true range in dollars: `value` is NaN until a symbol has `period` + 1 bars.

    True range is max(high, previous close) - min(low, previous close); the seed is the mean of the first `period` of them.
    """

    symbols: int
    period: int = 14
    value: Floats = field(init=False)
    _close: Floats = field(init=False)
    _total: Floats = field(init=False)
    _count: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.value = np.full(self.symbols, np.nan)
        self._close = np.full(self.symbols, np.nan)
        self._total = np.zeros(self.symbols)
        self._count = np.zeros(self.symbols)

    def update(self, high: Floats, low: Floats, close: Floats) -> None:
        """Take one session's rows."""
        true_range = np.fmax(high, self._close) - np.fmin(low, self._close)
        there = ~np.isnan(close)
        ready = there & ~np.isnan(self._close)
        self._count += ready
        seeding = ready & (self._count <= self.period)
        self._total = np.where(seeding, self._total + true_range, self._total)
        smooth = (self.value * (self.period - 1) + true_range) / self.period
        self.value = np.where(ready & (self._count > self.period), smooth, self.value)
        self.value = np.where(seeding & (self._count == self.period), self._total / self.period, self.value)
        self._close = np.where(there, close, self._close)

    def rescale(self, ratio: Floats) -> None:
        """Put the past into the units after a split of `ratio` new shares for each old one (1 where there is none)."""
        self.value = self.value / ratio
        self._close = self._close / ratio
        self._total = self._total / ratio


@dataclass(slots=True, eq=False)
class StrengthIndex:
    """Wilder's relative strength index, 0 to 100: `value` is NaN until a symbol has `period` + 1 bars.

    100 * mean gain / (mean gain + mean loss), both with Wilder's smoothing; 0 when nothing moved (as TA-Lib).
    """

    symbols: int
    period: int = 14
    value: Floats = field(init=False)
    _close: Floats = field(init=False)
    _gain: Floats = field(init=False)
    _loss: Floats = field(init=False)
    _count: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.value = np.full(self.symbols, np.nan)
        self._close = np.full(self.symbols, np.nan)
        self._gain = np.zeros(self.symbols)
        self._loss = np.zeros(self.symbols)
        self._count = np.zeros(self.symbols)

    def update(self, close: Floats) -> None:
        """Take one session's row."""
        change = close - self._close
        ready = ~np.isnan(change)
        self._count += ready
        self._gain = self._smooth(self._gain, np.fmax(change, 0.0), ready)
        self._loss = self._smooth(self._loss, np.fmax(-change, 0.0), ready)
        both = self._gain + self._loss
        still = both < 1e-14
        strength = np.where(still, 0.0, 100.0 * (self._gain / np.where(still, 1.0, both)))
        self.value = np.where(ready & (self._count >= self.period), strength, self.value)
        self._close = np.where(np.isnan(close), self._close, close)

    def rescale(self, ratio: Floats) -> None:
        """Put the past into the units after a split of `ratio` new shares for each old one (1 where there is none)."""
        self._close = self._close / ratio
        self._gain = self._gain / ratio
        self._loss = self._loss / ratio

    def _smooth(self, mean: Floats, value: Floats, ready: Flags) -> Floats:
        total = mean + value
        seeded = np.where(self._count == self.period, total / self.period, total)
        moved = (mean * (self.period - 1) + value) / self.period
        return np.where(ready, np.where(self._count > self.period, moved, seeded), mean)


@dataclass(slots=True, eq=False)
class ExponentialMeans:
    """Exponential moving averages of several periods: `value` has shape (periods, symbols), NaN until `period` bars.

    new = (close - old) * 2 / (period + 1) + old; the seed is the mean of the first `period` closes.
    """

    symbols: int
    periods: tuple[int, ...] = (10, 20, 50, 200)
    value: Floats = field(init=False)
    _total: Floats = field(init=False)
    _count: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.value = np.full((len(self.periods), self.symbols), np.nan)
        self._total = np.zeros(self.symbols)
        self._count = np.zeros(self.symbols)

    def update(self, close: Floats) -> None:
        """Take one session's row."""
        there = ~np.isnan(close)
        self._count += there
        self._total = np.where(there & (self._count <= max(self.periods)), self._total + close, self._total)
        length = np.asarray(self.periods, dtype=np.float64)[:, None]
        moved = (close - self.value) * (2.0 / (length + 1.0)) + self.value
        seeded = np.where(self._count == length, self._total / length, self.value)
        self.value = np.where(there, np.where(self._count > length, moved, seeded), self.value)

    def rescale(self, ratio: Floats) -> None:
        """Put the past into the units after a split of `ratio` new shares for each old one (1 where there is none)."""
        self.value = self.value / ratio
        self._total = self._total / ratio


def enough(bars: Floats, age: Floats, period: int) -> Flags:
    """Say where a window of `period` sessions may be used: old enough, and at least 90 % of its sessions have a bar.

    Parameters
    ----------
    bars : row of how many of the last `period` sessions have a bar.
    age : row of sessions since the symbol's first bar, that session included; 0 before it.
    """
    return (age >= period) & (bars >= MOST * period)


def total(rows: Floats) -> tuple[Floats, Floats]:
    """Sum each column over its sessions with a bar, oldest first, and count these sessions."""
    plain: Floats = np.add.reduce(rows, axis=0)
    count = np.full(rows.shape[1], float(len(rows)))
    holes = np.flatnonzero(np.isnan(plain))
    if len(holes):
        some = rows[:, holes]
        plain[holes] = np.nansum(some, axis=0)
        count[holes] = np.count_nonzero(~np.isnan(some), axis=0)
    return plain, count


def simple_means(rows: Floats, age: Floats, periods: Sequence[int]) -> tuple[Floats, ...]:
    """Give the simple moving average of each period (ascending) in one pass over the rows; one row per period.

    Parameters
    ----------
    rows : the last sessions, up to the longest period of them.
    age : as in `enough`.
    """
    means = []
    summed, counted, reached = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), 0
    for period in periods:
        older, bars = total(rows[max(len(rows) - period, 0) : len(rows) - reached])
        summed, counted, reached = summed + older, counted + bars, min(period, len(rows))
        means.append(np.where(enough(counted, age, period), summed / np.maximum(counted, 1.0), np.nan))
    return tuple(means)


def simple_mean_series(values: Floats, period: int) -> Floats:
    """Give the simple moving average of one series without holes, shape (n,): NaN before `period` values."""
    means = np.full(len(values), np.nan)
    if len(values) >= period:
        means[period - 1 :] = np.lib.stride_tricks.sliding_window_view(values, period).mean(axis=1)
    return means


def range_position(high: Floats, low: Floats, close: Floats) -> Floats:
    """Place of the close between the lowest low and the highest high of the rows, 0 to 100; NaN when they are equal."""
    top, bottom = np.fmax.reduce(high, axis=0), np.fmin.reduce(low, axis=0)
    width = top - bottom
    position: Floats = 100.0 * (close - bottom) / np.where(width > 0, width, np.nan)
    return position


def distance(close: Floats, mean: Floats, true_range: Floats) -> Floats:
    """D = (close - SMA50) / ATR14, the extension in dollar form; NaN when the true range is 0."""
    return (close - mean) / np.where(true_range > 0, true_range, np.nan)


def distance_percent_form(close: Floats, mean: Floats, true_range: Floats) -> Floats:
    """J = D * close / SMA50, the extension in percent form. Never compare it with a threshold made for D."""
    return distance(close, mean, true_range) * close / mean


def true_range_percent(close: Floats, true_range: Floats) -> Floats:
    """ATR% = 100 * ATR14 / close."""
    return 100.0 * true_range / close


def low_distance(close: Floats, low: Floats, true_range: Floats) -> Floats:
    """How far the close stands above the low of its day, in percent of ATR14; NaN when the true range is 0."""
    return 100.0 * (close - low) / np.where(true_range > 0, true_range, np.nan)


def percentile(values: Floats) -> Floats:
    """Rank each finite value among the finite ones: 0 the lowest, 100 the highest.

    100 * (values below + half of the other equal ones) / (finite values - 1), so equal values share one rank. NaN where the
    value is not finite, everywhere when fewer than two are finite.
    """
    finite = np.isfinite(values)
    known = np.sort(values[finite])
    ranks = np.full(len(values), np.nan)
    if len(known) < 2:
        return ranks
    below = np.searchsorted(known, values[finite], side="left")
    upto = np.searchsorted(known, values[finite], side="right")
    ranks[finite] = 100.0 * ((below + upto - 1) / 2.0) / (len(known) - 1)
    return ranks
