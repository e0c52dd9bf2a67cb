"""One session of the simulated market after the other: every bar follows from the session before it and the seed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.feeds.simulated import companies, weather
from core.feeds.simulated.companies import Plans
from core.feeds.simulated.draws import Stream, generator
from core.feeds.simulated.names import Traits
from core.feeds.simulated.weather import SECTOR_DEVIATION, Weather
from core.model.market import CorporateAction, Flags, Floats, Session

HALT_CHANCE = 3.0 / (21 * 500)
LOWEST_PRICE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Mood:
    """What each name carries into the next session; arrays have shape (symbols,).

    Attributes
    ----------
    price : array
        Last close, also of names that are not listed yet.
    excess : array
        Sum of the name's own moves; it is pulled back to 0 with a half-life of about two and a half years.
    storm : array
        Logarithm of the name's volatility against its usual one.
    trend : array
        1 upward, -1 downward, 0 none.
    value : array
        Dollars of all shares.
    """

    price: Floats
    excess: Floats
    storm: Floats
    trend: Floats
    value: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """One session of every name, as traded; arrays have shape (symbols,), NaN before the name is listed.

    Attributes
    ----------
    position : int
        Sessions since the first of this market, which has 0.
    prior : array
        Close before, in the share units of this session.
    jump : array
        Logarithmic move on a report; 0 for names that do not report before this open.
    implied : array
        Volatility that options are quoted from, as an annual fraction; it knows nothing of the session's own moves.
    ratio : array
        New shares for each old one before the open; 1 without a split.
    halts : mapping of symbol position to (minute, minutes)
    index, vix : float
        Close of the index and of the volatility index.
    """

    position: int
    session: Session
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    prior: Floats
    jump: Floats
    implied: Floats
    ratio: Floats
    index: float
    vix: float
    mood: Mood
    plans: Plans
    weather: Weather
    actions: tuple[CorporateAction, ...]
    halts: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """The bars of one session before names that are not listed are taken out; arrays of shape (symbols,)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Logarithmic moves of one session; arrays of shape (symbols,).

    Attributes
    ----------
    night, day : array
        From the last close to the open, and from the open to the close, of all that moves the name.
    jump : array
        The part of `night` that a report made.
    own : array
        What the name moved by itself.
    deviation : array
        Standard deviation that `day` was drawn with.
    storm : array
        See `Mood`.
    """

    night: Floats
    day: Floats
    jump: Floats
    own: Floats
    deviation: Floats
    storm: Floats


def before_first(traits: Traits, session: Session) -> Day:
    """Give the state that the first session follows from: the evening before, with no bar."""
    count = len(traits.symbols)
    none, zero = np.full(count, np.nan), np.zeros(count)
    air = weather.fair()
    return Day(
        position=-1,
        session=session,
        open=none,
        high=none,
        low=none,
        close=none,
        volume=none,
        prior=none,
        jump=zero,
        implied=none,
        ratio=np.ones(count),
        index=1000.0,
        vix=weather.volatility_index(air),
        mood=Mood(traits.price, zero, zero, zero, traits.value),
        plans=companies.nothing(count),
        weather=air,
        actions=(),
        halts={},
    )


def next_day(before: Day, traits: Traits, seed: int, session: Session) -> Day:
    """Give the session that follows: a pure function of the one before, the constants and the seed."""
    position = before.position + 1
    listed = traits.listed <= position
    draw = generator(seed, Stream.NAMES, position)
    normal, chance = draw.standard_normal((5, len(listed))), draw.random((6, len(listed)))
    air = weather.after(before.weather, seed, position)
    done = companies.act(before.plans, traits, position, before.mood.price, chance[4])
    moves = _moves(before, traits, air, normal, chance)
    prior = before.mood.price / done.ratio
    bar = _bar(np.maximum(prior - done.paid, LOWEST_PRICE), moves, chance)
    growth = bar.close / prior
    weight = np.where(listed, before.mood.value, 0.0)
    shown = np.where(listed, 1.0, np.nan)
    return Day(
        position=position,
        session=session,
        open=bar.open * shown,
        high=bar.high * shown,
        low=bar.low * shown,
        close=bar.close * shown,
        volume=_volume(bar.close, traits, moves, normal[3]) * shown,
        prior=prior * shown,
        jump=moves.jump,
        implied=_implied(before, traits, air, position),
        ratio=np.where(listed, done.ratio, 1.0),
        index=before.index * float(weight @ growth) / float(weight.sum()),
        vix=weather.volatility_index(air),
        mood=Mood(
            price=bar.close,
            excess=before.mood.excess + moves.own,
            storm=moves.storm,
            trend=_trend(before.mood.trend, traits, chance[2], moves.jump),
            value=before.mood.value * growth,
        ),
        plans=done.plans,
        weather=air,
        actions=companies.actions(done, traits.symbols, listed, session.day),
        halts=_halts(draw, listed & (chance[5] < HALT_CHANCE), session),
    )


def _moves(before: Day, traits: Traits, air: Weather, normal: Floats, chance: Floats) -> Moves:
    mood = before.mood
    storm = 0.94 * mood.storm + 0.12 * normal[2]
    own = traits.volatility * np.exp(storm - 0.06)
    shock = np.where(chance[3] < 0.008, 2.5, 1.0)
    drift = mood.trend * traits.trend * traits.volatility - 0.0011 * mood.excess
    reports = companies.reporting(traits, before.position + 1)
    jump = np.where(reports, traits.surprise * (normal[4] + 0.3 * mood.trend), 0.0)
    night_own = 0.35 * drift + 0.42 * own * normal[0] * shock + jump
    day_own = 0.65 * drift + 0.9 * own * normal[1] * shock
    night = traits.beta * air.market_night + air.night[traits.sector] + night_own
    day = traits.beta * air.market_day + air.day[traits.sector] + day_own
    deviation = 0.9 * np.sqrt((traits.beta * air.deviation) ** 2 + SECTOR_DEVIATION**2 + own**2)
    return Moves(np.clip(night, -0.5, 0.5), np.clip(day, -0.4, 0.4), jump, night_own + day_own, deviation, storm)


def _bar(base: Floats, moves: Moves, chance: Floats) -> Prices:
    """Prices of the session; the extremes are those of a Brownian bridge (Karatzas and Shreve 1991, section 2.8)."""
    start = base * np.exp(moves.night)
    doubled = 2.0 * moves.deviation**2
    above = (moves.day + np.sqrt(moves.day**2 - doubled * np.log1p(-chance[0]))) / 2
    below = (moves.day - np.sqrt(moves.day**2 - doubled * np.log1p(-chance[1]))) / 2
    coarse = np.round(start, 4) >= 1.0
    raw = (start, start * np.exp(above), start * np.exp(below), start * np.exp(moves.day))
    first, high, low, last = (np.maximum(np.where(coarse, np.round(p, 2), np.round(p, 4)), LOWEST_PRICE) for p in raw)
    return Prices(first, high, low, last)


def _volume(close: Floats, traits: Traits, moves: Moves, normal: Floats) -> Floats:
    size = np.minimum(np.abs(moves.night + moves.day) / moves.deviation, 6.0)
    busy = 0.35 * normal + 0.5 * moves.storm + 0.25 * size - 0.3 + np.where(moves.jump != 0, 0.8, 0.0)
    return np.maximum(np.round(traits.turnover * np.exp(busy) / close), 1.0)


def _trend(trend: Floats, traits: Traits, chance: Floats, jump: Floats) -> Floats:
    begins = np.where(chance < traits.entry, 1.0, np.where(chance > 0.9970, -1.0, 0.0))
    after = np.where(trend == 0, begins, np.where(chance < 0.022, 0.0, trend))
    return np.where(jump > 1.2 * traits.surprise, 1.0, np.where(jump < -1.6 * traits.surprise, -1.0, after))


def _implied(before: Day, traits: Traits, air: Weather, position: int) -> Floats:
    """Expected volatility of the coming weeks with a premium; a report within 24 sessions adds its variance."""
    own = traits.volatility * np.exp(0.7 * before.mood.storm)
    soon = companies.sessions_to_report(traits, position) <= 24
    variance = (traits.beta * air.deviation) ** 2 + SECTOR_DEVIATION**2 + own**2 + np.where(soon, traits.surprise**2 / 24, 0.0)
    return np.sqrt(252 * variance) * traits.premium


def _halts(draw: np.random.Generator, stopped: Flags, session: Session) -> dict[int, tuple[int, int]]:
    minutes = int((session.close - session.open).total_seconds()) // 60
    halts = {}
    for place in np.flatnonzero(stopped).tolist():
        length = int(draw.integers(15, 91))
        halts[place] = (int(draw.integers(20, minutes - length - 20)), length)
    return halts
