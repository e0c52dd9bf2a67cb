"""What a bar can have wrong with it. Each finding names the bar; whether it is held back is decided by its kind.

Held back is what cannot be true (a high below the low, a price of zero, a bar on a Sunday) or what would move every indicator and
was undone by the next bar (a spike). A single large move may be true, so it is reported and kept, like gaps and stale prices.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from core.model.market import Flags, Floats


class Kind(StrEnum):
    """Kinds of defects, by what a person calls them."""

    DAMAGED = "damaged on disk"
    NOT_A_SESSION = "bar on a day without a session"
    PARTIAL = "incomplete bar"
    NOT_POSITIVE = "price of zero or below"
    HIGH_BELOW_LOW = "high below low"
    HIGH_TOO_LOW = "high below open or close"
    LOW_TOO_HIGH = "low above open or close"
    SPIKE = "spike that the next bar takes back"
    ZERO_VOLUME_MOVE = "price moved without volume"
    ZERO_VOLUME = "no volume"
    JUMP = "jump without a corporate action"
    GAP = "missing bars"
    STALE = "the same bar again and again"
    DUPLICATE = "two listings with the same bars"
    REPEATED_DAY = "the whole day is a copy of the day before"


HELD = frozenset(
    {Kind.NOT_A_SESSION, Kind.PARTIAL, Kind.NOT_POSITIVE, Kind.HIGH_BELOW_LOW, Kind.HIGH_TOO_LOW, Kind.LOW_TOO_HIGH, Kind.SPIKE}
    | {Kind.ZERO_VOLUME_MOVE, Kind.REPEATED_DAY}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is a defect.

    Attributes
    ----------
    tolerance : float
        Share by which a high may lie below the open or close (vendors round).
    spike, back : float
        A spike is off by a factor of at least `spike` from both neighbours, which agree within `back`.
    jump : float
        Factor from one close to the next that needs a corporate action.
    moved : float
        Share of a move that needs volume.
    stale : int
        Identical bars with volume in a row.
    twins : int
        Common bars from which two listings with the same closes and volumes are one.
    """

    tolerance: float = 0.0005
    spike: float = 1.5
    back: float = 1.2
    jump: float = 2.0
    moved: float = 0.05
    stale: int = 5
    twins: int = 20


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect of the bars of one column from `day` on, `bars` of them; column -1 stands for all."""

    kind: Kind
    day: date
    column: int
    bars: int = 1

    @property
    def held(self) -> bool:
        """Whether the bar is held back."""
        return self.kind in HELD or self.kind is Kind.DAMAGED


Rule = Callable[[Floats, Limits], Flags]


def partial(bars: Floats, _: Limits) -> Flags:
    """Some of open, high, low, close are there and some are not."""
    there = ~np.isnan(bars[:4])
    found: Flags = np.logical_or.reduce(there) & ~np.logical_and.reduce(there)
    return found


def not_positive(bars: Floats, _: Limits) -> Flags:
    """A price that nobody can have paid, or a negative volume."""
    found: Flags = np.logical_or.reduce(bars[:4] <= 0) | np.logical_or.reduce(np.isinf(bars)) | (bars[4] < 0)
    return found


def high_below_low(bars: Floats, _: Limits) -> Flags:
    """High below low."""
    found: Flags = bars[1] < bars[2]
    return found


def high_too_low(bars: Floats, limits: Limits) -> Flags:
    """High below open or close by more than rounding."""
    found: Flags = np.fmax(bars[0], bars[3]) > bars[1] * (1 + limits.tolerance)
    return found


def low_too_high(bars: Floats, limits: Limits) -> Flags:
    """Low above open or close by more than rounding."""
    found: Flags = np.fmin(bars[0], bars[3]) < bars[2] * (1 - limits.tolerance)
    return found


def zero_volume(bars: Floats, _: Limits) -> Flags:
    """A bar although nothing traded."""
    found: Flags = (bars[4] == 0) & ~np.isnan(bars[3])
    return found


def zero_volume_move(bars: Floats, limits: Limits) -> Flags:
    """A price that moved although nothing traded."""
    before = _before(bars[3])
    found: Flags = (bars[4] == 0) & (np.abs(bars[3] / before - 1) > limits.moved)
    return found


def spike(bars: Floats, limits: Limits) -> Flags:
    """A close far from both neighbours, which agree with each other."""
    close = bars[3]
    before, after = _before(close), _before(close[::-1])[::-1]
    up, down = close / before, close / after
    away = ((up >= limits.spike) & (down >= limits.spike)) | ((up <= 1 / limits.spike) & (down <= 1 / limits.spike))
    found: Flags = away & (np.maximum(before / after, after / before) <= limits.back)
    return found


def jump(bars: Floats, limits: Limits) -> Flags:
    """A move that needs a corporate action; `bars` are in the units of their last day."""
    close = np.where(spike(bars, limits), np.nan, bars[3])
    ratio = close / _before(close)
    found: Flags = (ratio >= limits.jump) | (ratio <= 1 / limits.jump)
    return found


#: Rules that look at every bar.
RULES: Mapping[Kind, Rule] = MappingProxyType(
    {
        Kind.PARTIAL: partial,
        Kind.NOT_POSITIVE: not_positive,
        Kind.HIGH_BELOW_LOW: high_below_low,
        Kind.HIGH_TOO_LOW: high_too_low,
        Kind.LOW_TOO_HIGH: low_too_high,
        Kind.SPIKE: spike,
        Kind.ZERO_VOLUME_MOVE: zero_volume_move,
        Kind.ZERO_VOLUME: zero_volume,
        Kind.JUMP: jump,
    }
)


def of_bars(days: Sequence[date], bars: Floats, limits: Limits) -> Iterator[Defect]:
    """Give what single columns have wrong, shape (5, days, columns), in the units of the last day.

    Columns are counted from 0. A bar on a weekend is found here; other days without a session only by who knows the sessions.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        for kind, rule in RULES.items():
            for row, column in np.argwhere(rule(bars, limits)).tolist():
                yield Defect(kind, days[row], column)
    yield from runs(Kind.GAP, days, _inside(np.isnan(bars[3])), 1)
    same = (bars[:, 1:] == bars[:, :-1]).all(axis=0) & (bars[4, 1:] > 0)
    yield from runs(Kind.STALE, days[1:], same, limits.stale - 1)


def runs(kind: Kind, days: Sequence[date], flags: Flags, length: int) -> Iterator[Defect]:
    """Give each run of so many flags or more in a column as one defect."""
    edges = np.diff(np.pad(flags.astype(np.int8), ((1, 1), (0, 0))), axis=0)
    starts, ends = np.argwhere(edges.T == 1), np.argwhere(edges.T == -1)
    for (column, start), (_, end) in zip(starts.tolist(), ends.tolist(), strict=True):
        if end - start >= length:
            yield Defect(kind, days[start], column, end - start)


def _before(close: Floats) -> Floats:
    """Last close before each bar, holes skipped."""
    there = np.where(np.isnan(close), 0, np.arange(1, len(close) + 1)[:, None])
    last = np.maximum.accumulate(there, axis=0)
    last = np.vstack([np.zeros((1, close.shape[1]), dtype=last.dtype), last[:-1]])
    padded = np.vstack([np.full((1, close.shape[1]), np.nan), close])
    found: Floats = np.take_along_axis(padded, last, axis=0)
    return found


def _inside(missing: Flags) -> Flags:
    """Holes between the first and the last bar of a column."""
    there = ~missing
    begun = np.logical_or.accumulate(there, axis=0)
    goes_on = np.logical_or.accumulate(there[::-1], axis=0)[::-1]
    found: Flags = missing & begun & goes_on
    return found
