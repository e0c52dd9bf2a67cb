"""What one unit of an order earns at expiry: the payoff, what it can lose at most, where it breaks even.

Legs expire together; the net price is that of one unit per share of its largest multiplier, credit positive. A stock leg beside
options counts its shares in its ratio: 100 shares and one contract are ratios 100 and 1.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import numpy as np

from core.model.errors import BadDataError
from core.model.instruments import Leg, Option, Right
from core.model.market import Floats
from core.model.money import ZERO, cents


def payoff(legs: Sequence[Leg], net: Decimal, spots: Floats) -> Floats:
    """Profit in dollars of one unit at expiry.

    Parameters
    ----------
    net : Decimal
        Dollars per share paid (negative) or received (positive) for one unit.
    spots : array of shape (n,)
        Prices of the underlying at expiry, dollars; NaN gives NaN.

    Returns
    -------
    array of shape (n,)

    Raises
    ------
    BadDataError
        No legs, or legs that do not expire on the same day.
    """
    unit = _unit(legs)
    total = np.full(np.shape(spots), float(net * unit))
    for leg in legs:
        thing, weight = leg.instrument, float(_weight(leg))
        if isinstance(thing, Option):
            sign = 1.0 if thing.right is Right.CALL else -1.0
            total += weight * np.maximum(sign * (spots - float(thing.strike)), 0.0)
        else:
            total += weight * spots
    return total


def max_loss(legs: Sequence[Leg], net: Decimal) -> Decimal:
    """Most that one unit can lose at expiry, in positive dollars without fees; 0 when it cannot lose.

    Returns
    -------
    Decimal
        Rounded to cents. Infinity when the loss grows without bound as the underlying rises.

    Raises
    ------
    BadDataError
        As for `payoff`.
    """
    if _slope(legs) < 0:
        return Decimal("Infinity")
    return cents(max(-min(_profit(legs, net, spot) for spot in _kinks(legs)), ZERO))


def break_evens(legs: Sequence[Leg], net: Decimal) -> tuple[Decimal, ...]:
    """Prices of the underlying at which one unit neither earns nor loses at expiry, lowest first, dollars.

    Stretches that earn exactly nothing are given by the prices where they begin and end.
    """
    kinks = _kinks(legs)
    found = {spot for spot in kinks if _profit(legs, net, spot) == 0}
    for low, high in pairwise(kinks):
        left, right = _profit(legs, net, low), _profit(legs, net, high)
        if left * right < 0:
            found.add(low + (high - low) * left / (left - right))
    last, slope = _profit(legs, net, kinks[-1]), _slope(legs)
    if last * slope < 0:
        found.add(kinks[-1] - last / slope)
    return tuple(sorted(found))


def _unit(legs: Sequence[Leg]) -> int:
    """Shares that the net price counts for; checks the legs."""
    if not legs:
        raise BadDataError("an order without legs has no payoff")
    expiries = {leg.instrument.expiry for leg in legs if isinstance(leg.instrument, Option)}
    if len(expiries) > 1:
        raise BadDataError(f"legs that expire on different days ({min(expiries)}, {max(expiries)}) have no payoff at one expiry")
    return max(leg.instrument.multiplier for leg in legs)


def _weight(leg: Leg) -> int:
    """Signed shares behind the leg."""
    return leg.side.sign * leg.ratio * leg.instrument.multiplier


def _kinks(legs: Sequence[Leg]) -> list[Decimal]:
    """Prices between which the payoff is straight: zero and every strike."""
    return sorted({ZERO, *(leg.instrument.strike for leg in legs if isinstance(leg.instrument, Option))})


def _slope(legs: Sequence[Leg]) -> int:
    """Dollars per dollar of the underlying above the highest strike."""
    return sum(_weight(leg) for leg in legs if not isinstance(leg.instrument, Option) or leg.instrument.right is Right.CALL)


def _profit(legs: Sequence[Leg], net: Decimal, spot: Decimal) -> Decimal:
    """Exact payoff at one price."""
    total = net * _unit(legs)
    for leg in legs:
        thing = leg.instrument
        if isinstance(thing, Option):
            total += _weight(leg) * max(spot - thing.strike if thing.right is Right.CALL else thing.strike - spot, ZERO)
        else:
            total += _weight(leg) * spot
    return total
