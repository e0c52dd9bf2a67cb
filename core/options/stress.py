"""Greeks of a whole book, and what it would gain or lose if prices, volatilities and the date were others.

A shock moves every underlying by its beta times the share; volatilities are scaled alike (sticky strike). What has expired by the
scenario's day is worth its intrinsic value. A holding without a surface (or a price there) is not left out silently: it is named.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from core.market.chains import years_to
from core.model.instruments import Instrument, Leg, Option, Side
from core.model.market import Floats
from core.options.structures_value import Scenario, greeks, worth
from core.options.surface import Surface
from core.quant.exercise import Shelf


@dataclass(frozen=True, slots=True)
class Holding:
    """So many (negative: short) shares or contracts in one account."""

    instrument: Instrument
    quantity: int
    account: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """What deltas are weighted to: its price, and the beta of each underlying; a missing beta counts as 1."""

    spot: float
    betas: Mapping[str, float]

    def beta(self, symbol: str) -> float:
        """Beta of one underlying."""
        return self.betas.get(symbol, 1.0)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Greeks of a group of holdings.

    Attributes
    ----------
    worth, vega, theta : float
        Dollars; per volatility point; per calendar day.
    delta : float
        Shares of the underlying; NaN in a group of several underlyings. `dollar_delta`: dollars per 100 % of the underlying.
    index_delta : float
        Shares of the index that move the group's value alike.
    gamma_dollars : float
        Change of `dollar_delta` when the underlying moves by 1 %.
    """

    worth: float = 0.0
    delta: float = 0.0
    dollar_delta: float = 0.0
    index_delta: float = 0.0
    gamma_dollars: float = 0.0
    vega: float = 0.0
    theta: float = 0.0

    def plus(self, other: "Exposure") -> "Exposure":
        """Both together."""
        return Exposure(
            self.worth + other.worth,
            self.delta + other.delta,
            self.dollar_delta + other.dollar_delta,
            self.index_delta + other.index_delta,
            self.gamma_dollars + other.gamma_dollars,
            self.vega + other.vega,
            self.theta + other.theta,
        )


@dataclass(frozen=True, slots=True)
class Book:
    """Exposures by group, the whole, and the keys of holdings that have no Greeks (they are in none of the sums)."""

    by_underlying: Mapping[str, Exposure]
    by_expiry: Mapping[date, Exposure]
    by_account: Mapping[str, Exposure]
    whole: Exposure
    unknown: tuple[str, ...]


def exposures(
    holdings: Sequence[Holding], surfaces: Mapping[str, Surface], index: Index, now: datetime, shelf: Shelf | None = None
) -> Book:
    """Add up the Greeks of a book."""
    underlyings: dict[str, Exposure] = {}
    expiries: dict[date, Exposure] = {}
    accounts: dict[str, Exposure] = {}
    whole, unknown, shelf = Exposure(), list[str](), shelf or Shelf()
    for holding in holdings:
        thing = holding.instrument
        one = _exposure(holding, surfaces.get(thing.underlying), index, now, shelf)
        if one is None:
            unknown.append(thing.key)
            continue
        underlyings[thing.underlying] = underlyings.get(thing.underlying, Exposure()).plus(one)
        accounts[holding.account] = accounts.get(holding.account, Exposure()).plus(one)
        if isinstance(thing, Option):
            expiries[thing.expiry] = expiries.get(thing.expiry, Exposure()).plus(one)
        whole = whole.plus(one)
    if len(underlyings) > 1:
        whole = Exposure(whole.worth, math.nan, whole.dollar_delta, whole.index_delta, whole.gamma_dollars, whole.vega, whole.theta)
    return Book(underlyings, dict(sorted(expiries.items())), accounts, whole, tuple(unknown))


@dataclass(frozen=True, slots=True, eq=False)
class Shocks:
    """Shares that the index moves by, factors on volatility, days from now."""

    moves: Floats
    factors: Floats
    days: Floats


def usual_shocks() -> Shocks:
    """Give the grid of the risk page: ±20 % in 25 steps, volatility ±50 % in 9, and 1, 7, 14, 21 and 30 days."""
    return Shocks(np.linspace(-0.2, 0.2, 25), np.linspace(0.5, 1.5, 9), np.array([1.0, 7.0, 14.0, 21.0, 30.0]))


@dataclass(frozen=True, slots=True, eq=False)
class Stress:
    """Profit of the book in each scenario, dollars against today's model value; shape (days, factors, moves)."""

    shocks: Shocks
    profit: Floats
    unknown: tuple[str, ...]

    @property
    def worst(self) -> tuple[float, float, float, float]:
        """Smallest profit, and its move, factor and days."""
        day, factor, move = np.unravel_index(int(np.nanargmin(self.profit)), self.profit.shape)
        return (
            float(self.profit[day, factor, move]),
            float(self.shocks.moves[move]),
            float(self.shocks.factors[factor]),
            float(self.shocks.days[day]),
        )


def stress(
    holdings: Sequence[Holding],
    surfaces: Mapping[str, Surface],
    index: Index,
    now: datetime,
    shocks: Shocks,
    shelf: Shelf | None = None,
) -> Stress:
    """Revalue the book in every scenario; a contract held in several accounts is valued once."""
    quantities: dict[Instrument, int] = {}
    for holding in holdings:
        quantities[holding.instrument] = quantities.get(holding.instrument, 0) + holding.quantity
    total = np.zeros((len(shocks.days), len(shocks.factors), len(shocks.moves)))
    unknown, shelf = list[str](), shelf or Shelf()
    for thing, quantity in quantities.items():
        surface = surfaces.get(thing.underlying)
        if surface is None or (isinstance(thing, Option) and (not surface.smiles or years_to(thing.expiry, now) <= 0)):
            unknown.append(thing.key)
            continue
        leg = (Leg(thing, Side.BUY),)
        spots = surface.spot * np.maximum(1 + shocks.moves * index.beta(thing.underlying), 1e-3)
        then = worth(leg, surface, now, Scenario(spots, shocks.factors, shocks.days), shelf)
        today = float(worth(leg, surface, now, Scenario(np.array([surface.spot]), np.ones(1), np.zeros(1)), shelf)[0, 0, 0])
        if not np.isfinite(then).all() or not math.isfinite(today):
            unknown.append(thing.key)
            continue
        total += quantity * (then - today)
    return Stress(shocks, total, tuple(unknown))


def _exposure(holding: Holding, surface: Surface | None, index: Index, now: datetime, shelf: Shelf) -> Exposure | None:
    """Greeks of one holding; None when it has none."""
    thing = holding.instrument
    if surface is None or (isinstance(thing, Option) and (not surface.smiles or years_to(thing.expiry, now) <= 0)):
        return None
    found = greeks((Leg(thing, Side.BUY),), surface, now, shelf)
    if not all(map(math.isfinite, found)):
        return None
    dollars = found.delta * surface.spot
    return Exposure(
        holding.quantity * found.worth,
        holding.quantity * found.delta,
        holding.quantity * dollars,
        holding.quantity * dollars * index.beta(thing.underlying) / index.spot,
        holding.quantity * found.gamma * surface.spot**2 / 100,
        holding.quantity * found.vega,
        holding.quantity * found.theta,
    )
