"""What implied volatility was before: rank and percentile, premium over what really happened, moves on earnings.

A rank needs a year of our own days. Until there is one the answer is "n/a (31 of 252 days)", never a guess from other numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from core.model.errors import BadDataError
from core.model.market import Bars, Floats
from core.options.surface import Surface

NEEDED = 252
TENORS = (30, 60, 90)


@dataclass(frozen=True, slots=True)
class VolatilityDay:
    """One stored day of one underlying: volatility at the money of 30, 60 and 90 days, annual fractions; NaN where unknown."""

    day: date
    iv30: float
    iv60: float
    iv90: float
    skew: float = math.nan


def of_day(surface: Surface, day: date) -> VolatilityDay:
    """What to store of a surface; modelled quotes are no history, so they are refused.

    Raises
    ------
    BadDataError
        The surface was made of modelled quotes.
    """
    if surface.modelled:
        raise BadDataError(f"{surface.underlying}: modelled quotes of {day} are not stored as history of implied volatility")
    if not surface.smiles:
        return VolatilityDay(day, math.nan, math.nan, math.nan)
    iv30, iv60, iv90 = (surface.constant_maturity(days) for days in TENORS)
    nearest = min(surface.smiles, key=lambda smile: abs(smile.years * 365 - 30))
    return VolatilityDay(day, iv30, iv60, iv90, nearest.skew)


@dataclass(frozen=True, slots=True)
class Rank:
    """Where today's volatility stands among the days before it.

    Attributes
    ----------
    rank : float
        Percent (0 to 100) of the way from the lowest to the highest day; NaN until `known` reaches `needed`, and
        where all days are alike.
    percentile : float
        Percent of days below today's; NaN likewise.
    """

    rank: float
    percentile: float
    known: int
    needed: int

    def __str__(self) -> str:
        if math.isnan(self.rank):
            return f"n/a ({self.known} of {self.needed} days)"
        return f"{self.rank:.0f} (percentile {self.percentile:.0f})"


def rank(before: Sequence[float], today: float, needed: int = NEEDED) -> Rank:
    """Rank of today's volatility among the last `needed` known days before it, oldest first; NaN days do not count."""
    known = [value for value in before if math.isfinite(value) and value > 0]
    window = np.array(known[-needed:])
    if len(window) < needed or not math.isfinite(today):
        return Rank(math.nan, math.nan, len(window), needed)
    low, high = min(float(window.min()), today), max(float(window.max()), today)
    place = 100 * (today - low) / (high - low) if high > low else math.nan
    return Rank(place, 100 * float((window < today).mean()), len(window), needed)


@dataclass(frozen=True, slots=True)
class Premium:
    """Implied against realised volatility over the same number of sessions, annual fractions; NaN where one is unknown."""

    implied: float
    realised: float

    @property
    def points(self) -> float:
        """Implied less realised."""
        return self.implied - self.realised

    @property
    def variance(self) -> float:
        """Difference of the squares: what a seller of variance was paid for."""
        return self.implied**2 - self.realised**2


def premiums(
    days: Sequence[VolatilityDay], session_days: Sequence[date], realised: Floats, sessions: int = 21
) -> tuple[Premium, ...]:
    """Hold each day's 30-day volatility against what the following sessions really brought.

    Parameters
    ----------
    realised : array of shape (len(session_days),)
        Realised volatility over the `sessions` that end on each session, so that of the day `sessions` later is taken.
    """
    place = {day: index for index, day in enumerate(session_days)}
    found = []
    for one in days:
        later = place.get(one.day, len(session_days)) + sessions
        found.append(Premium(one.iv30, float(realised[later]) if later < len(session_days) else math.nan))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class EarningsMove:
    """What one report did: the first session that could react, its close-to-close move (fraction), the move implied before it."""

    day: date
    move: float
    implied: float = math.nan


def earnings_moves(bars: Bars, reports: Sequence[tuple[date, bool]]) -> tuple[EarningsMove, ...]:
    """Moves on reports, oldest first.

    Parameters
    ----------
    reports : sequence of (day, before_open)
        Reported after the close, the next session reacts. Reports that the bars do not cover on both sides are left out.
    """
    days = bars.day.astype("datetime64[D]")
    found = []
    for day, before_open in sorted(reports):
        reaction = int(np.searchsorted(days, np.datetime64(day, "D"), side="left" if before_open else "right"))
        if 0 < reaction < len(days):
            move = float(bars.close[reaction] / bars.close[reaction - 1] - 1)
            found.append(EarningsMove(days[reaction].astype(object), move))
    return tuple(sorted(found, key=lambda one: one.day))


def usual_move(moves: Sequence[EarningsMove]) -> float:
    """Mean size of the moves, as a fraction; NaN without one."""
    sizes = [abs(one.move) for one in moves if math.isfinite(one.move)]
    return math.fsum(sizes) / len(sizes) if sizes else math.nan


def implied_move(surface: Surface, before: float, after: float) -> float:
    """Move on an event that lies between two expiries (years), as a fraction of spot: what the later has in variance beyond time.

    The variance up to the earlier expiry is taken as the pace of quiet days. NaN when the later one has no more than that.
    """
    quiet = float(surface.variance(surface.forward(before), before))
    whole = float(surface.variance(surface.forward(after), after))
    event = whole - quiet * after / before
    return math.sqrt(event * 2 / math.pi) if event > 0 else math.nan
