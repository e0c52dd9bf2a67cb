"""What a position is worth at other prices, volatilities and dates, by its surface; Greeks of the whole.

Each leg keeps the volatility of its own strike and expiry on the surface (sticky strike), scaled by the scenario. American rights,
cash dividends and carry are those of the surface; dividends that have been paid by the scenario's date are gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from core.market.chains import years_to
from core.model.errors import BadDataError
from core.model.instruments import Leg, Option, Right
from core.model.market import Floats
from core.options.structures import Position, weight
from core.options.surface import Surface, flat_dividends
from core.options.surface_quotes import settled
from core.quant import dividends as cash
from core.quant import european
from core.quant.dividends import Question
from core.quant.exercise import Shelf


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """Where to look: prices of the underlying, factors on volatility, days from now (fractions allowed)."""

    spots: Floats
    factors: Floats
    days: Floats


class Greeks(NamedTuple):
    """Of one unit: dollars; shares; shares per dollar; dollars per volatility point; dollars per calendar day."""

    worth: float
    delta: float
    gamma: float
    vega: float
    theta: float


def worth(legs: Sequence[Leg], surface: Surface, now: datetime, scenario: Scenario, shelf: Shelf | None = None) -> Floats:
    """Worth of one unit in each scenario.

    Returns
    -------
    array of shape (days, factors, spots)
        Signed dollars; an option that has expired by the scenario's day is worth its intrinsic value; NaN where a leg has no price.
    """
    shape = (len(scenario.days), len(scenario.factors), len(scenario.spots))
    total, shelf = np.zeros(shape), shelf or Shelf()
    for leg in legs:
        thing = leg.instrument
        if not isinstance(thing, Option):
            total += weight(leg) * scenario.spots
            continue
        for place, days in enumerate(scenario.days.tolist()):
            total[place] += weight(leg) * _priced(thing, surface, now, (scenario, days), shelf)
    return total


def profit(position: Position, surface: Surface, now: datetime, scenario: Scenario, shelf: Shelf | None = None) -> Floats:
    """Profit of one unit in each scenario, dollars after costs; shape as for `worth`.

    Raises
    ------
    BadDataError
        A scenario lies after the first expiry: what becomes of an assignment is not a matter of prices.
    """
    first = position.first_expiry
    if first is not None and float(scenario.days.max()) / 365 > years_to(first, now) + 1e-9:
        raise BadDataError(
            f"a scenario in {scenario.days.max():.1f} days lies after the first expiry {first}; look at earlier days"
        )
    return worth(position.legs, surface, now, scenario, shelf) + float(position.opened - position.costs)


def greeks(legs: Sequence[Leg], surface: Surface, now: datetime, shelf: Shelf | None = None) -> Greeks:
    """Greeks of one unit now; NaN when a leg has none."""
    total, shelf = np.zeros(5), shelf or Shelf()
    for leg in legs:
        thing = leg.instrument
        if not isinstance(thing, Option):
            total += weight(leg) * np.array([surface.spot, 1.0, 0.0, 0.0, 0.0])
            continue
        years = years_to(thing.expiry, now)
        sigma = surface.volatility_of(float(thing.strike), years)
        found = _model(thing, surface, (surface.spot, sigma, years, 0.0), shelf)
        total += weight(leg) * np.array([float(column) for column in found])
    return Greeks(*(float(number) for number in total))


def _priced(thing: Option, surface: Surface, now: datetime, at: tuple[Scenario, float], shelf: Shelf) -> Floats:
    """Prices of one option at the scenario's spots (columns) and volatilities (rows) after so many days."""
    scenario, days = at
    years = years_to(thing.expiry, now)
    left = years - days / 365
    strike = float(thing.strike)
    if left <= 1e-9:
        inside = scenario.spots - strike if thing.right is Right.CALL else strike - scenario.spots
        return np.broadcast_to(np.maximum(inside, 0.0), (len(scenario.factors), len(scenario.spots)))
    sigma = float(surface.volatility_of(strike, years)) * scenario.factors[:, None]
    return _model(thing, surface, (scenario.spots, sigma, left, days / 365), shelf)[0]


def _model(
    thing: Option, surface: Surface, at: tuple[Floats | float, Floats, float, float], shelf: Shelf
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Price, delta, gamma, vega, theta by the surface's model; at is spots, volatilities, years left, years passed."""
    spots, sigma, left, passed = at
    rate, carry = surface.rate(left + passed), surface.carry(left + passed)
    due = flat_dividends(surface.terms.dividends, passed)
    paid, is_call = float(cash.present_value(due, left, rate)), thing.right is Right.CALL
    if surface.terms.european:
        seen = european.greeks(np.asarray(spots) - paid, float(thing.strike), left, rate, carry, sigma, is_call)
        return seen.price, seen.delta, seen.gamma, seen.vega, seen.theta
    moved, rounded = settled(spots, paid, carry, left)
    found = cash.greeks(Question(sigma, moved, float(thing.strike), left, rate, rounded, is_call), due, shelf)
    return found.price, found.delta, found.gamma, found.vega, found.theta
