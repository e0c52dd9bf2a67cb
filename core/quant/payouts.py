"""Dividends to come: those announced, and estimates from the regular ones of the past."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from core.quant.dividends import Dividend

#: Days between regular dividends that companies keep to: monthly, quarterly, half-yearly, yearly.
RHYTHMS = (30.4, 91.3, 182.6, 365.2)
#: A dividend above so many times the median is a special one and says nothing about the next.
SPECIAL = 2.5


class Payout(NamedTuple):
    """One dividend: the day that the share goes ex, dollars per share, and whether it is announced or estimated."""

    day: date
    cash: float
    known: bool


def expected(
    announced: Sequence[tuple[date, float]], history: Sequence[tuple[date, float]], today: date, until: date
) -> tuple[Payout, ...]:
    """Dividends after `today` and up to `until`: the announced ones, then the last regular one repeated in its rhythm.

    Nothing is estimated from fewer than three regular dividends, from an irregular rhythm, or when the last is so old that the
    company seems to have stopped (one and a half periods). Amounts must be in shares of today.
    """
    sound = [(day, cash) for day, cash in announced if today < day <= until and math.isfinite(cash) and cash > 0]
    known = [Payout(day, cash, known=True) for day, cash in sorted(sound)]
    past = sorted((day, cash) for day, cash in history if day <= today and math.isfinite(cash) and cash > 0)
    regular = past[-12:]
    if len(regular) < 3:
        return tuple(known)
    usual = median(cash for _, cash in regular)
    regular = [(day, cash) for day, cash in regular if cash <= SPECIAL * usual]
    rhythm = _rhythm([day for day, _ in regular])
    if rhythm is None or (today - regular[-1][0]).days > 1.5 * rhythm:
        return tuple(known)
    last, cash = (known[-1].day, known[-1].cash) if known else regular[-1]
    count, found = 1, list(known)
    while (day := last + timedelta(days=round(rhythm * count))) <= until:
        if day > today:
            found.append(Payout(day, cash, known=False))
        count += 1
    return tuple(found)


def in_years(payouts: Sequence[Payout], today: date) -> tuple[Dividend, ...]:
    """Express days as years of 365 days from the morning of `today`, as the pricing model takes them."""
    return tuple(Dividend((payout.day - today).days / 365, payout.cash, payout.known) for payout in payouts)


def _rhythm(days: Sequence[date]) -> float | None:
    """Usual days between dividends; None when they come irregularly."""
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    if len(gaps) < 2:
        return None
    nearest = min(RHYTHMS, key=lambda rhythm: abs(rhythm - median(gaps)))
    return nearest if abs(nearest - median(gaps)) <= 0.2 * nearest else None
