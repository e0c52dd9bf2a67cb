"""Option chains where only a price and a volatility are known: modelled, and marked as such on every quote.

The model, a function of its arguments alone:

- Volatility. One level stands for thirty days at the money. Tenor (t years): level * (1 + 0.10 * (t / (t + 0.25) - 0.247)).
  Strike: times 1 - 0.08 y + 0.02 y^2, where y is the log distance of the strike from the forward in deviations, bent towards 4
  by y = 4 tanh(x / 4). So puts below the market are dearer than calls above it, and total variance grows with tenor everywhere.
- Price. American (`core.quant.american`) with a continuous dividend yield; expiry is 16:00 New York.
- Spread. 2.5 % of vega times volatility (about 2.5 % of the premium at the money), 10 % more of it per y^2, plus 0.08 % of spot
  times |delta|; half on each side of the price, then outwards to the tick: 0.01 below three dollars, 0.05 from there.
- Open interest. 6,000 at the money of a monthly contract at thirty days, a quarter of it for a weekly, half for strikes off the
  round grid, falling with exp(-0.3 y^2) and with tenor; a seed scales it by a quarter to four for each underlying.
- Volume. 40 % of open interest times exp(-days / 45): that of the last whole session, so it does not depend on the hour.
"""

import hashlib
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np

from core.market import kernel_chains as kernel
from core.market.sessions import NEW_YORK, Sessions
from core.model.errors import BadDataError
from core.model.instruments import Option, Right
from core.model.market import Chain, Floats, Quote
from core.quant import american

WEEKLIES = 6
MONTHLY_DAYS = 275
#: Most strikes of one expiry, and the deviations that they span on each side.
MOST_STRIKES, SPAN = 16, 2.0
#: Largest strike that the OCC symbol can hold, in thousandths.
LAST_STRIKE = 99_999_999


def years_to(expiry: date, as_of: datetime) -> float:
    """Years of 365 days from the instant to 16:00 New York on the expiry; negative afterwards."""
    return (datetime.combine(expiry, time(16), NEW_YORK) - as_of).total_seconds() / (365 * 86_400)


def expiries(as_of: datetime, sessions: Sessions) -> tuple[date, ...]:
    """Listed expiries at the instant, soonest first: six Fridays, then third Fridays for nine months.

    A Friday without a session moves to the session before it. What lies beyond the calendar's end is left out.
    """
    today = as_of.astimezone(NEW_YORK).date()
    friday = today + timedelta(days=(4 - today.weekday()) % 7)
    fridays = [friday + timedelta(weeks=week) for week in range(MONTHLY_DAYS // 7)]
    listed = [day for week, day in enumerate(fridays) if week < WEEKLIES or _is_third(day)]
    days = [day if sessions.on(day) else sessions.previous(day).day for day in listed if day <= sessions.end]
    return tuple(day for day in days if years_to(day, as_of) > 0)


def strikes(spot: float, volatility: float, years: float) -> tuple[Decimal, ...]:
    """Listed strikes of one expiry, lowest first: two deviations (10 % at least) around spot, 1, 2.5, 5, 10 … dollars apart."""
    reach = min(max(SPAN * volatility * math.sqrt(years), 0.10), 0.70)
    low, high = spot * math.exp(-reach), spot * math.exp(reach)
    step = _step(max(spot / 100, (high - low) / MOST_STRIKES))
    first, last = max(math.floor(low * 1000 / step), 1), math.ceil(high * 1000 / step)
    return tuple(Decimal(place * step) / 1000 for place in range(first, last + 1) if place * step <= LAST_STRIKE)


def modelled_chain(  # noqa: PLR0913, PLR0917 - what a chain is a function of
    underlying: str,
    spot: float,
    volatility: float,
    as_of: datetime,
    rate: float,
    dividend_yield: float,
    sessions: Sessions,
    iv_rank: float = math.nan,
    seed: int | None = None,
) -> Chain:
    """Whole chain of one underlying at one instant, sorted by expiry, right and strike.

    Parameters
    ----------
    spot : float
        Price as traded, dollars.
    volatility : float
        Thirty-day volatility at the money, annual fraction; kept between 0.03 and 3.
    seed : int or None
        Scales volume and open interest by underlying; quotes do not depend on it.

    Raises
    ------
    BadDataError
        Spot, volatility, rate or dividend yield is not a usable number.
    """
    level = _checked(underlying, spot, volatility, rate, dividend_yield)
    contracts = _listed(underlying, spot, level, as_of, sessions)
    columns = _columns(contracts, (float(spot), float(rate), float(dividend_yield), level), as_of, seed)
    return Chain(underlying, as_of, spot, rate, dividend_yield, contracts, **columns, iv_rank=iv_rank, modelled=True)


def modelled_quote(option: Option, spot: float, volatility: float, as_of: datetime, rate: float, dividend_yield: float) -> Quote:
    """Quote of one contract: exactly that of `modelled_chain` at the same terms, also when the chain no longer lists it.

    From 16:00 New York on the expiry date both sides are the intrinsic value in whole cents, without size.

    Raises
    ------
    BadDataError
        Spot, volatility, rate or dividend yield is not a usable number.
    """
    level = _checked(option.underlying, spot, volatility, rate, dividend_yield)
    strike, years = np.array([float(option.strike)]), np.array([years_to(option.expiry, as_of)])
    terms = (float(spot), float(rate), float(dividend_yield), level)
    _, _, quoted = _quoted(terms, strike, years, np.array([option.right is Right.CALL]))
    bid, ask, bid_size, ask_size = (float(row[0]) for row in quoted)
    return Quote(Decimal(repr(bid)), Decimal(repr(ask)), int(bid_size), int(ask_size), as_of, modelled=True)


def warm() -> None:
    """Compile the kernels of chains and prices, or load them from the cache."""
    american.warm()
    one = np.ones(1)
    _quoted((1.0, 0.0, 0.0, 0.3), one, one, np.ones(1, dtype=np.bool_))
    kernel.interest(1.0, 0.0, 0.0, 0.3, one, one, one, np.empty((2, 1)))


def _listed(underlying: str, spot: float, level: float, as_of: datetime, sessions: Sessions) -> tuple[Option, ...]:
    """Contracts sorted by expiry, right and strike."""
    grids = {day: strikes(spot, level, years_to(day, as_of)) for day in expiries(as_of, sessions)}
    return tuple(Option(underlying, day, right, strike) for day, grid in grids.items() for right in Right for strike in grid)


def _listing(contracts: tuple[Option, ...], strike: Floats, spot: float, seed: int | None) -> Floats:
    """Open interest that each contract would have at the money in thirty days."""
    underlying = contracts[0].underlying if contracts else ""
    monthly = {day: _is_monthly(day) for day in {contract.expiry for contract in contracts}}
    share = np.array([1.0 if monthly[contract.expiry] else 0.25 for contract in contracts])
    is_round = strike % (_step(spot / 20) / 1000) == 0
    return 6000.0 * _liquidity(underlying, seed) * share * np.where(is_round, 1.0, 0.5)


def _columns(
    contracts: tuple[Option, ...], terms: tuple[float, float, float, float], as_of: datetime, seed: int | None
) -> dict[str, Floats]:
    """Columns of the chain, each of shape (len(contracts),)."""
    strike = np.array([float(contract.strike) for contract in contracts])
    tenors = {day: years_to(day, as_of) for day in {contract.expiry for contract in contracts}}
    years = np.array([tenors[contract.expiry] for contract in contracts])
    sigma, greeks, touch = _quoted(
        terms, strike, years, np.array([contract.right is Right.CALL for contract in contracts], np.bool_)
    )
    traded = np.empty((2, len(contracts)))
    kernel.interest(*terms, strike, years, _listing(contracts, strike, terms[0], seed), traded)
    names = ("bid", "ask", "bid_size", "ask_size", "volume", "open_interest", "iv", "delta", "gamma", "theta", "vega")
    return dict(zip(names, (*touch, *traded, sigma, *greeks[1:]), strict=True))


def _quoted(
    terms: tuple[float, float, float, float], strike: Floats, years: Floats, is_call: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[Floats, Floats, Floats]:
    """Volatility, price and Greeks in rows, and the rows bid, ask, bid size, ask size of the contracts."""
    rows, quoted = np.empty((7, len(strike))), np.empty((4, len(strike)))
    rows[0], rows[3], rows[4] = terms[:3]
    rows[1], rows[2], rows[6] = strike, years, np.where(is_call, 1.0, -1.0)
    kernel.surface(*terms, strike, years, rows[5])
    greeks = american.greeks_of(rows)
    kernel.touch(*terms, strike, years, rows[5], greeks, quoted)
    return rows[5], greeks, quoted


def _checked(underlying: str, spot: float, volatility: float, rate: float, dividend_yield: float) -> float:
    """Volatility level inside the model's range."""
    for name, value in (("spot", spot), ("volatility", volatility)):
        if not (math.isfinite(value) and value > 0):
            raise BadDataError(f"{underlying}: options cannot be modelled at a {name} of {value}; it must be a positive number")
    for name, value in (("rate", rate), ("dividend yield", dividend_yield)):
        if not abs(value) <= 1:
            raise BadDataError(f"{underlying}: options cannot be modelled at a {name} of {value}; it is an annual fraction")
    return float(min(max(volatility, 0.03), 3.0))


def _step(dollars: float) -> int:
    """Smallest step of the strike grid (0.5, 1, 2.5, 5, 10, 25 …) that is not below so many dollars, in thousandths."""
    step, ladder = 500, 0
    while step < dollars * 1000:
        step, ladder = step * 5 // 2 if ladder % 3 == 1 else step * 2, ladder + 1
    return step


def _is_third(friday: date) -> bool:
    return 15 <= friday.day <= 21


def _is_monthly(expiry: date) -> bool:
    """Whether it is a third Friday, or the Thursday before a third Friday without a session."""
    return _is_third(expiry + timedelta(days=4 - expiry.weekday()))


def _liquidity(underlying: str, seed: int | None) -> float:
    """Between a quarter and four, by underlying; 1 without a seed."""
    if seed is None:
        return 1.0
    digest = hashlib.blake2b(f"{seed}:{underlying}".encode(), digest_size=4).digest()
    return float(2.0 ** (4.0 * int.from_bytes(digest, "big") / 2**32 - 2.0))
