"""Odds of a position: probability of profit and of touching a price, expected value after costs, reward against risk."""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.market.chains import years_to
from core.model.errors import BadDataError
from core.model.instruments import Option, Right
from core.model.market import Floats
from core.options.structures import Position, weight
from core.options.structures_value import Scenario, profit
from core.options.surface import Surface
from core.quant.exercise import Shelf

#: Prices at expiry that the distribution is cut into, and how many deviations they span on each side.
CUTS, SPAN = 4000, 8.0


@dataclass(frozen=True, slots=True)
class Odds:
    """Of one unit held to its expiry, under the market's own distribution and, beside it, one lognormal.

    Attributes
    ----------
    profit, profit_lognormal : float
        Probability of a profit after costs.
    expected, expected_lognormal : float
        Expected profit after half-spreads (they are in the net price) and costs, dollars of today.
    """

    profit: float
    profit_lognormal: float
    expected: float
    expected_lognormal: float


def odds(position: Position, surface: Surface, now: datetime) -> Odds:
    """Odds at the common expiry of the legs.

    Raises
    ------
    BadDataError
        No option leg, legs that expire on different days, or an expiry in the past.
    """
    expiries = {leg.instrument.expiry for leg in position.legs if isinstance(leg.instrument, Option)}
    if len(expiries) != 1:
        raise BadDataError("odds at expiry need option legs that expire together")
    years = years_to(expiries.pop(), now)
    if years <= 0:
        raise BadDataError(f"{position.underlying}: the position has expired, so there are no odds left")
    forward = surface.forward(years)
    width = math.sqrt(float(surface.variance(forward, years)))
    edges = forward * np.exp(np.linspace(-SPAN * width, SPAN * width, CUTS + 1))
    middle = np.sqrt(edges[:-1] * edges[1:])
    result = payoff(position, middle)
    discount = math.exp(-surface.rate(years) * years)
    # Money paid or received now is certain; what comes at expiry is discounted.
    sure = float(position.opened - position.costs)
    found = []
    for below in (surface.below(edges, years), surface.below_lognormal(edges, years)):
        chance = np.maximum(np.diff(below), 0.0)
        chance[0], chance[-1] = chance[0] + below[0], chance[-1] + 1 - below[-1]
        chance /= chance.sum()
        found.append((float(chance[result + sure > 0].sum()), float((chance * result).sum()) * discount + sure))
    return Odds(found[0][0], found[1][0], found[0][1], found[1][1])


def payoff(position: Position, spots: Floats) -> Floats:
    """Worth of one unit at the expiry of all its legs, dollars, shape of spots."""
    total = np.zeros(spots.shape)
    for leg in position.legs:
        thing = leg.instrument
        if isinstance(thing, Option):
            sign = 1.0 if thing.right is Right.CALL else -1.0
            total += weight(leg) * np.maximum(sign * (spots - float(thing.strike)), 0.0)
        else:
            total += weight(leg) * spots
    return total


def touch(surface: Surface, level: float, years: float) -> float:
    """Probability that the underlying trades at the level before then, with the volatility of that strike, no smile of time.

    Reflection principle for a lognormal with the forward's drift; 1 where it stands there already.
    """
    if not level > 0 or not years > 0:
        return math.nan
    sigma = float(surface.volatility_of(level, years))
    far, drift = math.log(level / surface.spot), math.log(surface.forward(years) / surface.spot) / years - sigma * sigma / 2
    if far == 0:
        return 1.0
    side, root = math.copysign(1.0, far), sigma * math.sqrt(years)
    first = _normal(side * (drift * years - far) / root)
    power = 2 * drift * far / sigma**2
    second = math.exp(min(power, 700.0)) * _normal(-side * (drift * years + far) / root)
    return min(first + second, 1.0)


@dataclass(frozen=True, slots=True)
class Reward:
    """Profit of one unit at target and stop on the same day, dollars; the ratio is NaN unless one gains and the other loses."""

    at_target: float
    at_stop: float

    @property
    def ratio(self) -> float:
        """Gain at the target per dollar lost at the stop."""
        return self.at_target / -self.at_stop if self.at_target > 0 > self.at_stop else math.nan


def reward(
    position: Position, surface: Surface, now: datetime, prices: tuple[float, float], days: float, shelf: Shelf | None = None
) -> Reward:
    """Reward and risk at (target, stop) after so many days, legs at their own volatilities."""
    seen = profit(position, surface, now, Scenario(np.array(prices), np.ones(1), np.array([days])), shelf)
    return Reward(float(seen[0, 0, 0]), float(seen[0, 0, 1]))


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
