"""Who is listed in the simulated market: invented tickers with the constants that shape each name."""

from dataclasses import dataclass

import numpy as np

from core.feeds.simulated.draws import Stream, generator
from core.model.errors import OperatorError
from core.model.market import Flags, Floats

INDEX = "SIMX"
QUARTER = 63
SECTORS = (
    "Technology",
    "Health Care",
    "Financials",
    "Consumer Discretionary",
    "Communication Services",
    "Industrials",
    "Consumer Staples",
    "Energy",
    "Utilities",
    "Real Estate",
    "Materials",
)
SECTOR_SHARE = (0.18, 0.14, 0.14, 0.12, 0.06, 0.13, 0.06, 0.05, 0.04, 0.04, 0.04)

_CONSONANTS = "BDHLMNRSTVWX"
_VOWELS = "AEIOU"
_SYLLABLES = tuple(c + v for c in _CONSONANTS for v in _VOWELS)
_FOUR = len(_SYLLABLES) ** 2
MOST_SYMBOLS = _FOUR * (1 + len(_CONSONANTS))


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """Constants of every name; arrays have shape (symbols,).

    Attributes
    ----------
    symbols : tuple of str
    sector : int array
        Index into `SECTORS`.
    listed : int array
        Position of the first session with a bar; 0 for names that were always there.
    price : array
        First close before the first session, dollars per share.
    value : array
        Dollars of all shares at the start: the weight in the index.
    beta : array
        Against the market factor.
    volatility : array
        Daily standard deviation of the name's own return, as a fraction.
    trend : array
        Drift per session while the name trends, in standard deviations of its own return.
    entry : array
        Chance per session that an upward trend begins.
    turnover : array
        Typical dollars traded in a session.
    surprise : array
        Standard deviation of the jump on a report.
    dividend : array
        Annual yield; 0 for names that pay none.
    premium : array
        Implied over expected volatility, 1 and up.
    optionable : bool array
    report, payment : int array
        The name reports (goes ex dividend) at session positions where position + this is a multiple of `QUARTER`.
    """

    symbols: tuple[str, ...]
    sector: np.ndarray[tuple[int], np.dtype[np.int64]]
    listed: np.ndarray[tuple[int], np.dtype[np.int64]]
    price: Floats
    value: Floats
    beta: Floats
    volatility: Floats
    trend: Floats
    entry: Floats
    turnover: Floats
    surprise: Floats
    dividend: Floats
    premium: Floats
    optionable: Flags
    report: np.ndarray[tuple[int], np.dtype[np.int64]]
    payment: np.ndarray[tuple[int], np.dtype[np.int64]]


def tickers(count: int) -> tuple[str, ...]:
    """Give so many distinct pronounceable tickers of four letters, then five; none stands for a company.

    Raises
    ------
    OperatorError
        More names than the pattern can give.
    """
    if not 1 <= count <= MOST_SYMBOLS:
        raise OperatorError(f"symbols of {count} is not possible in the simulated market: choose 1 to {MOST_SYMBOLS}")
    names = []
    for place in range(count):
        tail, rest = divmod(place, _FOUR)
        first, second = divmod((rest * 1237 + 611) % _FOUR, len(_SYLLABLES))  # 1237 is coprime to 3600: a scattered order
        names.append(_SYLLABLES[first] + _SYLLABLES[second] + (_CONSONANTS[tail - 1] if tail else ""))
    return tuple(names)


def traits(seed: int, count: int, history: int) -> Traits:
    """Draw the constants of every name.

    Parameters
    ----------
    history : int
        Sessions before the desk opens: late listings fall between its second half and a year after it.
    """
    draw = generator(seed, Stream.TRAITS)
    sector = draw.choice(len(SECTORS), count, p=np.array(SECTOR_SHARE))
    late = draw.random(count) < 0.03
    late[0] = False  # somebody is always listed, so the index has a value
    trender = draw.random(count) < 0.30
    size = draw.standard_normal(count)
    wild = draw.standard_normal(count) - 0.35 * size
    volatility = np.clip(0.0165 * np.exp(0.42 * wild + 0.25 * trender), 0.006, 0.055)
    price = np.clip(np.exp(3.9 + 0.75 * draw.standard_normal(count) + 0.2 * size), 3.0, 450.0)
    value = np.exp(22.8 + 1.4 * size)
    turnover = np.maximum(value * 0.006 * np.exp(0.5 * draw.standard_normal(count)) * volatility / 0.0165, 2e5)
    pays = (draw.random(count) < 0.55) & (volatility < 0.025)
    dividend = np.where(pays, 0.005 + 0.035 * draw.random(count), 0.0)
    return Traits(
        symbols=tickers(count),
        sector=sector.astype(np.int64),
        listed=np.where(late, draw.integers(max(1, history // 2), history + 252, count), 0).astype(np.int64),
        price=np.round(price, 2),
        value=value,
        beta=np.clip(1.0 + 0.3 * draw.standard_normal(count) + 0.25 * wild, 0.3, 2.4),
        volatility=volatility,
        trend=0.14 + 0.18 * draw.random(count),
        entry=np.where(trender, 0.010, 0.0025),
        turnover=turnover,
        surprise=np.clip(0.05 * volatility / 0.02, 0.02, 0.12),
        dividend=dividend,
        premium=1.06 + 0.16 * draw.random(count),
        optionable=(turnover > 4e6) & (draw.random(count) < 0.96),
        report=draw.integers(0, QUARTER, count),
        payment=draw.integers(0, QUARTER, count),
    )
