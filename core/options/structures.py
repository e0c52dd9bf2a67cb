"""Positions of one to four option legs and stock as data: what they can lose at most, margin, early assignment."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from core.model.errors import BadDataError
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.money import ZERO, cents
from core.quant.dividends import Dividend

MOST_LEGS = 4


@dataclass(frozen=True, slots=True)
class Position:
    """One unit: its legs and what it was opened for.

    Attributes
    ----------
    net : Decimal
        Dollars per share of the largest multiplier, credit positive, debit negative.
    costs : Decimal
        Dollars of fees of one unit, opening and closing together, without sign.

    Raises
    ------
    BadDataError
        On construction: no leg, more than four option legs, two stock legs, two underlyings, a ratio below one, negative costs.
    """

    legs: tuple[Leg, ...]
    net: Decimal
    costs: Decimal = ZERO

    def __post_init__(self) -> None:
        options = [leg for leg in self.legs if isinstance(leg.instrument, Option)]
        names = {leg.instrument.underlying for leg in self.legs}
        if not self.legs or len(options) > MOST_LEGS or len(self.legs) - len(options) > 1:
            raise BadDataError(f"a position has one to four option legs and at most one of stock, not {len(self.legs)} legs")
        if len(names) > 1:
            raise BadDataError(f"the legs of a position share one underlying, not {', '.join(sorted(names))}")
        if any(leg.ratio < 1 for leg in self.legs) or self.costs < 0 or not self.net.is_finite():
            raise BadDataError("ratios are at least one, costs are not negative and the net price is a number")

    @property
    def underlying(self) -> str:
        """Symbol of what the legs are on."""
        return self.legs[0].instrument.underlying

    @property
    def unit(self) -> int:
        """Shares that the net price counts for."""
        return max(leg.instrument.multiplier for leg in self.legs)

    @property
    def first_expiry(self) -> date | None:
        """Day on which the first option leg expires; None for stock alone."""
        return min((leg.instrument.expiry for leg in self.legs if isinstance(leg.instrument, Option)), default=None)

    @property
    def opened(self) -> Decimal:
        """Dollars received (positive) or paid (negative) for one unit, without fees."""
        return self.net * self.unit


def weight(leg: Leg) -> int:
    """Signed shares behind a leg."""
    return leg.side.sign * leg.ratio * leg.instrument.multiplier


def max_loss(position: Position) -> Decimal:
    """Most that one unit can lose up to its first expiry, positive dollars with costs; infinite when there is no bound.

    Legs of the first expiry end at their intrinsic value. A later long leg is worth at least its intrinsic value, because it is
    American; a later short call at most the share and a later short put at most its strike. Between strikes all of these are
    straight, so the bound is exact for one expiry and safe for several.
    """
    slope = sum(
        weight(leg) for leg in position.legs if not isinstance(leg.instrument, Option) or leg.instrument.right is Right.CALL
    )
    if slope < 0:
        return Decimal("Infinity")
    kinks = [ZERO, *sorted(leg.instrument.strike for leg in position.legs if isinstance(leg.instrument, Option))]
    worst = min(least(position, spot) for spot in kinks)
    return cents(max(position.costs - worst, ZERO))


def max_profit(position: Position) -> Decimal:
    """Most that one unit can earn at its first expiry, dollars after costs; infinite without bound, NaN for several expiries."""
    options = [leg.instrument for leg in position.legs if isinstance(leg.instrument, Option)]
    if len({option.expiry for option in options}) > 1:
        return Decimal("NaN")
    slope = sum(
        weight(leg) for leg in position.legs if not isinstance(leg.instrument, Option) or leg.instrument.right is Right.CALL
    )
    if slope > 0:
        return Decimal("Infinity")
    kinks = [ZERO, *sorted(option.strike for option in options)]
    return cents(max(least(position, spot) for spot in kinks) - position.costs)


def least(position: Position, spot: Decimal) -> Decimal:
    """Smallest result of one unit at its first expiry if the underlying stands there, dollars without costs."""
    total, first = position.opened, position.first_expiry
    for leg in position.legs:
        thing = leg.instrument
        if not isinstance(thing, Option):
            total += weight(leg) * spot
            continue
        inside = max(spot - thing.strike if thing.right is Right.CALL else thing.strike - spot, ZERO)
        if thing.expiry != first and leg.side is Side.SELL:
            inside = spot if thing.right is Right.CALL else thing.strike
        total += weight(leg) * inside
    return total


def break_evens(position: Position) -> tuple[Decimal, ...]:
    """Prices of the underlying at which one unit of one expiry neither earns nor loses after costs, lowest first, in cents.

    Raises
    ------
    BadDataError
        The legs expire on different days.
    """
    options = [leg.instrument for leg in position.legs if isinstance(leg.instrument, Option)]
    if len({option.expiry for option in options}) > 1:
        raise BadDataError("break-evens at one expiry need legs that expire together")
    top = max((option.strike for option in options), default=abs(position.net)) * 2 + 2 * abs(position.net) + 1
    kinks = [ZERO, *sorted({option.strike for option in options}), top]
    found: set[Decimal] = set()
    for low, high in pairwise(kinks):
        left, right = (least(position, spot) - position.costs for spot in (low, high))
        if left == 0:
            found.add(low)
        if left * right < 0:
            found.add(low + (high - low) * left / (left - right))
    return tuple(sorted({cents(price) for price in found}))


def margin(position: Position, spot: Decimal) -> Decimal:
    """Buying power that a broker is likely to hold for one unit, dollars: an estimate by the rules of a margin account.

    A bounded loss is held in full. Otherwise the uncovered short options cost the larger of 20 % of the underlying less what they
    are out of the money, and 10 % (of the underlying for calls, of the strike for puts), plus the premium received; a call against
    100 shares is covered. The broker's own preview is the fact.
    """
    loss = max_loss(position)
    shares = sum(weight(leg) for leg in position.legs if isinstance(leg.instrument, Stock))
    if loss.is_finite():
        return loss
    held, free = ZERO, {Right.CALL: max(shares, 0), Right.PUT: max(-shares, 0)}
    for leg in position.legs:
        thing = leg.instrument
        if isinstance(thing, Option) and leg.side is Side.BUY:
            free[thing.right] += leg.ratio * thing.multiplier
    for leg in position.legs:
        thing = leg.instrument
        if not isinstance(thing, Option) or leg.side is Side.BUY:
            continue
        bare = max(leg.ratio * thing.multiplier - free[thing.right], 0)
        free[thing.right] = max(free[thing.right] - leg.ratio * thing.multiplier, 0)
        out = max(thing.strike - spot if thing.right is Right.CALL else spot - thing.strike, ZERO)
        floor = spot if thing.right is Right.CALL else thing.strike
        held += bare * max(spot * Decimal("0.20") - out, floor * Decimal("0.10"))
    short = max(-shares, 0) * spot * Decimal("1.5")
    return cents(held + short + max(position.opened, ZERO))


class Assignment(StrEnum):
    """Why the holder of a short leg's other side may exercise early."""

    DIVIDEND = "the dividend is worth more than the call's time value"
    INTEREST = "the interest on the strike is worth more than the put's time value"
    PIN = "the underlying is near the strike shortly before expiry"


@dataclass(frozen=True, slots=True)
class AssignmentRisk:
    """One short leg that may be assigned; extrinsic value and what speaks against it, dollars per share."""

    leg: Leg
    why: Assignment
    extrinsic: float
    gain: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What early exercise depends on: spot, annual rate, days to each expiry, dividends to come, mid of each option by key."""

    spot: float
    rate: float
    years: Mapping[date, float]
    dividends: Sequence[Dividend]
    mids: Mapping[str, float]


def assignment_risks(
    position: Position, moment: Moment, pin_days: float = 2.0, pin_share: float = 0.01
) -> tuple[AssignmentRisk, ...]:
    """Short legs that may be assigned early, or at expiry by a coin toss; a leg without a mid counts as without time value."""
    found = []
    for leg in position.legs:
        thing = leg.instrument
        if not isinstance(thing, Option) or leg.side is Side.BUY:
            continue
        is_call, strike, years = thing.right is Right.CALL, float(thing.strike), moment.years[thing.expiry]
        inside = max((moment.spot - strike) * (1 if is_call else -1), 0.0)
        mid = moment.mids.get(thing.key, math.nan)
        extrinsic = max(mid - inside, 0.0) if math.isfinite(mid) else 0.0
        due = sum(one.cash for one in moment.dividends if 0 < one.years <= years)
        interest = strike * -math.expm1(-max(moment.rate, 0.0) * max(years, 0.0))
        gain = due if is_call else interest - due
        if inside > 0 and gain > extrinsic:
            found.append(AssignmentRisk(leg, Assignment.DIVIDEND if is_call else Assignment.INTEREST, extrinsic, gain))
        if years * 365 <= pin_days and abs(moment.spot - strike) <= pin_share * moment.spot:
            found.append(AssignmentRisk(leg, Assignment.PIN, extrinsic, 0.0))
    return tuple(found)
