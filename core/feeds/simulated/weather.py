"""What moves every name at once: the regime of the market, its volatility, and the sectors."""

import math
from dataclasses import dataclass

import numpy as np

from core.feeds.simulated.draws import Stream, generator
from core.feeds.simulated.names import SECTORS
from core.model.market import Floats


@dataclass(frozen=True, slots=True)
class Climate:
    """One regime: drift and standard deviation of the market per session, chance to stay in it, where it goes otherwise."""

    name: str
    drift: float
    deviation: float
    stay: float
    next: tuple[float, float, float]


CLIMATES = (
    Climate("rising", 0.0009, 0.0075, 0.990, (0.0, 0.85, 0.15)),
    Climate("quiet", 0.0002, 0.0088, 0.975, (0.8, 0.0, 0.2)),
    Climate("falling", -0.0016, 0.0150, 0.965, (0.6, 0.4, 0.0)),
)
SECTOR_DEVIATION = 0.0060


@dataclass(frozen=True, slots=True, eq=False)
class Weather:
    """The common moves of one session.

    Attributes
    ----------
    climate : int
        Index into `CLIMATES`.
    turbulence : float
        Logarithm of the market's volatility against its regime.
    momentum : array of shape (sectors,)
        Slow drift of each sector per session.
    deviation : float
        Standard deviation of the market factor in this session, as a fraction.
    night, day : array of shape (sectors,)
        Sector moves overnight and during the session, as logarithms; the market is not in them.
    market_night, market_day : float
        The market factor overnight and during the session, as logarithms.
    """

    climate: int
    turbulence: float
    momentum: Floats
    deviation: float
    night: Floats
    day: Floats
    market_night: float
    market_day: float


def fair() -> Weather:
    """Give the weather before the first session: a rising market in calm air."""
    still = np.zeros(len(SECTORS))
    return Weather(0, 0.0, still, CLIMATES[0].deviation, still, still, 0.0, 0.0)


def after(before: Weather, seed: int, session: int) -> Weather:
    """Give the weather of a session from that of the session before it."""
    draw = generator(seed, Stream.MARKET, session)
    chance, where, tail = draw.random(3)
    shocks = draw.standard_normal(3)
    sectors = draw.standard_normal((3, len(SECTORS)))
    here = CLIMATES[before.climate]
    climate = before.climate if chance < here.stay else int(np.searchsorted(np.cumsum(here.next), where, side="right"))
    now = CLIMATES[climate]
    turbulence = 0.95 * before.turbulence + 0.11 * float(shocks[0])
    deviation = now.deviation * math.exp(turbulence)
    momentum = 0.985 * before.momentum + 0.00012 * sectors[0]
    shock = 2.2 if tail < 0.015 else 1.0
    return Weather(
        climate=climate,
        turbulence=turbulence,
        momentum=momentum,
        deviation=deviation,
        night=0.35 * momentum + 0.4 * SECTOR_DEVIATION * sectors[1],
        day=0.65 * momentum + 0.9 * SECTOR_DEVIATION * sectors[2],
        market_night=0.35 * now.drift + 0.4 * deviation * float(shocks[1]) * shock,
        market_day=0.65 * now.drift + 0.9 * deviation * float(shocks[2]) * shock,
    )


def volatility_index(weather: Weather) -> float:
    """Give the market's implied volatility in percent a year: what is expected of the factor, with a premium of a fifth."""
    calm = CLIMATES[weather.climate].deviation
    expected = math.sqrt(0.6 * weather.deviation**2 + 0.4 * calm**2 + (SECTOR_DEVIATION / 3) ** 2)
    return round(100 * 1.2 * math.sqrt(252) * expected + 2.0, 2)
