"""What companies do on a day known ahead: reports, splits and dividends."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from core.feeds.simulated.names import QUARTER, Traits
from core.model.market import ActionKind, CorporateAction, Flags, Floats

NOTICE = 10
DECLARED_AHEAD = 15
REPORT_UNKNOWN = 999.0

Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class Plans:
    """What is announced and not yet done; arrays have shape (symbols,).

    Attributes
    ----------
    split_in : int array
        Sessions until the announced split takes effect; 0 when none is announced.
    split_ratio : array
        New shares for each old one.
    dividend : array
        Dollars per share of the next ex-dividend day; NaN when none is declared.
    """

    split_in: Counts
    split_ratio: Floats
    dividend: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """What takes effect before the open of one session: split ratio (1: none), dollars paid (0: none), plans afterwards."""

    ratio: Floats
    paid: Floats
    plans: Plans


def nothing(count: int) -> Plans:
    """Give the plans of companies that announced nothing."""
    return Plans(np.zeros(count, dtype=np.int64), np.ones(count), np.full(count, np.nan))


def reporting(traits: Traits, position: int) -> Flags:
    """Tell who reports before the open of the session at this position."""
    return np.equal((position + traits.report) % QUARTER, 0)


def sessions_to_report(traits: Traits, position: int) -> Counts:
    """Count the sessions from the one at this position to the next report after it: 1 to `QUARTER`."""
    return QUARTER - (position + traits.report) % QUARTER


def act(plans: Plans, traits: Traits, position: int, price: Floats, chance: Floats) -> Done:
    """Carry out what is due before the open of a session, and announce what is new.

    A share above 300 dollars tends to be split towards 90; one below 2.50 dollars is merged ten to one.

    Parameters
    ----------
    price : array
        Last close, dollars per share.
    chance : array
        Uniform draws of this session.
    """
    due = plans.split_in == 1
    ratio = np.where(due, plans.split_ratio, 1.0)
    waiting = np.maximum(plans.split_in - 1, 0)
    payday = (position + traits.payment) % QUARTER == 0
    declared = plans.dividend / ratio
    paid = np.where(payday & ~np.isnan(declared), declared, 0.0)
    free = (waiting == 0) & ~due & ((position + NOTICE + traits.payment) % QUARTER != 0)
    grow = free & (price > 300.0) & (chance < 0.02)
    merge = free & (price < 2.5) & (chance < 0.2)
    announces = (traits.dividend > 0) & ((position + DECLARED_AHEAD + traits.payment) % QUARTER == 0)
    amount = np.round(price / ratio * traits.dividend / 4, 2)
    return Done(
        ratio=ratio,
        paid=paid,
        plans=Plans(
            split_in=np.where(grow | merge, NOTICE, waiting),
            split_ratio=np.where(grow, np.clip(np.round(price / 90.0), 2, 10), np.where(merge, 0.1, plans.split_ratio)),
            dividend=np.where(announces & (amount > 0), amount, np.where(payday, np.nan, declared)),
        ),
    )


def actions(done: Done, symbols: tuple[str, ...], listed: Flags, day: date) -> tuple[CorporateAction, ...]:
    """Name the splits and dividends of one session, in the order of the symbols."""
    found = []
    for place in np.flatnonzero(((done.ratio != 1.0) | (done.paid > 0)) & listed).tolist():
        kind, value = (ActionKind.SPLIT, done.ratio[place]) if done.ratio[place] != 1.0 else (ActionKind.DIVIDEND, done.paid[place])
        found.append(CorporateAction(symbols[place], day, kind, Decimal(str(round(float(value), 4)))))
    return tuple(found)
