"""The market at one instant: quotes, bars, chains, features, events, and the view that holds them all.

Arrays are float64; NaN means unknown. Prices are dollars per share. Volatility and rates are annual fractions, theta per
calendar day, vega per volatility point (0.01). `Bars` and levels are split-adjusted *as of the view*: the last close is in
today's units, so it is the raw price wherever raw prices can be recovered (`MarketView.raw`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.model.conditions import Conditions
from core.model.errors import BadDataError
from core.model.instruments import Instrument, Option

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day of the exchange: New York date, aware UTC open and close, whether it closes early."""

    day: date
    open: datetime
    close: datetime
    early: bool = False

    def holds(self, instant: datetime) -> bool:
        """Whether the market is open at the instant."""
        return self.open <= instant < self.close


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask of one instrument. A bid of 0 means that nobody bids.

    Raises
    ------
    BadDataError
        On construction, when a price is NaN, infinite or negative.
    """

    bid: Decimal
    ask: Decimal
    bid_size: int
    ask_size: int
    as_of: datetime
    modelled: bool = False

    def __post_init__(self) -> None:
        for name, value in (("bid", self.bid), ("ask", self.ask)):
            if not value.is_finite() or value < 0:
                raise BadDataError(f"a quote's {name} of {value} is not a price")

    @property
    def mid(self) -> Decimal:
        """Half way between bid and ask."""
        return (self.bid + self.ask) / 2

    @property
    def spread(self) -> Decimal:
        """Ask minus bid; negative when crossed."""
        return self.ask - self.bid

    def defect(self, now: datetime, max_age: timedelta) -> str | None:
        """Why this quote must not reach sizing or an order, or None when it may."""
        if self.ask <= 0:
            return "nobody offers"
        if self.bid > self.ask:
            return f"crossed: bid {self.bid} above ask {self.ask}"
        if now - self.as_of > max_age:
            return f"stale: {(now - self.as_of).total_seconds():.0f} s old, at most {max_age.total_seconds():.0f} s allowed"
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Daily bars of one symbol, oldest first, sessions without a bar left out; each array has shape (n,)."""

    day: NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.day)


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Listed options of one underlying at one instant; arrays have shape (len(contracts),); NaN where unknown.

    Attributes
    ----------
    iv, delta, gamma, theta, vega : arrays
        Volatility as annual fraction; theta per calendar day; vega per volatility point.
    iv_rank : float
        Percent (0 to 100) of the 252-session range of implied volatility; NaN when its history is too short.
    modelled : bool
        True when quotes come from a model instead of a market.
    """

    underlying: str
    as_of: datetime
    spot: float
    rate: float
    dividend_yield: float
    contracts: tuple[Option, ...]
    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats
    volume: Floats
    open_interest: Floats
    iv: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    iv_rank: float = math.nan
    modelled: bool = False


@dataclass(frozen=True, slots=True)
class Events:
    """What is known to happen to one symbol. `earnings_known` False: no calendar covers the symbol, so None says nothing."""

    next_earnings: date | None = None
    earnings_known: bool = False
    dividends: tuple[tuple[date, float], ...] = ()
    splits: tuple[tuple[date, float], ...] = ()


class ActionKind(StrEnum):
    """What a company does to its shares."""

    SPLIT = "split"
    DIVIDEND = "dividend"
    DELISTING = "delisting"


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A split, dividend or delisting that takes effect before the open of session `day`.

    `value`: new shares for each old one (2 for two for one, 0.1 for one for ten), dollars per share held before the day, or the
    last known price of a share that does not trade any more.
    """

    symbol: str
    day: date
    kind: ActionKind
    value: Decimal


@dataclass(frozen=True, slots=True)
class Headline:
    """One piece of news; sentiment from -1 to 1, None when nobody rated it."""

    symbol: str
    at: datetime
    title: str
    source: str
    sentiment: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The indicators of every symbol on the last completed bar, as columns for the gates.

    Attributes
    ----------
    columns : mapping of name to array of shape (symbols,)
        NaN: not enough history, so a gate on it fails.
    absent : mapping of name to bool array of shape (symbols,)
        True where the *input* does not exist in this run (no earnings calendar, no index, no raw price): the gate is "not
        evaluated". A name that is missing here is present everywhere.
    """

    columns: Mapping[str, Floats]
    absent: Mapping[str, Flags] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Regime:
    """The index that stands for the market, on the last completed bar; None: unknown."""

    name: str
    close: float
    sma50: float | None
    sma200: float | None
    day_change: float | None
    above_sma200: bool | None


@dataclass(frozen=True, slots=True, eq=False)
class SymbolView:
    """One name at the instant of its view. `chain` None: the symbol has no listed options (see `MarketView.chains_known`)."""

    symbol: str
    bars: Bars
    features: Mapping[str, float]
    quote: Quote | None
    events: Events
    news: tuple[Headline, ...]
    sector: str | None
    chain: Chain | None


class Reading(Protocol):
    """How a view reaches into its feed for one name; reads nothing newer than the view's instant."""

    def symbol(self, symbol: str) -> SymbolView:
        """One name; raises UnknownSymbolError."""
        ...

    def quote(self, instrument: Instrument) -> Quote | None:
        """Quote of one instrument; None when there is none."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class MarketView:
    """The whole market at one instant.

    Attributes
    ----------
    as_of : datetime
        Aware UTC.
    session : Session or None
        The session of `as_of`'s New York date; None on a day without one.
    completed : date
        Session of the last completed bar: all features stand on it.
    raw : bool
        Prices are as traded (splits handled). False: prices are adjusted, price-level gates are off, quantities in adjusted units.
    vix : float or None
    source : str
        Where the numbers come from, for footers: "simulated market, seed 7", "flat files", …
    """

    as_of: datetime
    session: Session | None
    completed: date
    symbols: tuple[str, ...]
    features: Features
    regime: Regime | None
    vix: float | None
    source: str
    reading: Reading
    raw: bool = True
    rate: float = 0.0
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def is_open(self) -> bool:
        """Whether the market trades at this instant."""
        return self.session is not None and self.session.holds(self.as_of)

    def symbol(self, symbol: str) -> SymbolView:
        """One name at this instant.

        Raises
        ------
        UnknownSymbolError
            The symbol is not in the universe.
        """
        return self.reading.symbol(symbol)

    def quote(self, instrument: Instrument) -> Quote | None:
        """Quote of a stock or contract at this instant; None when there is none."""
        return self.reading.quote(instrument)

    def price(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        """Mid quotes of the given symbols; those without a sound quote are left out."""
        quotes = {symbol: self.symbol(symbol).quote for symbol in symbols}
        return {symbol: quote.mid for symbol, quote in quotes.items() if quote and 0 < quote.bid <= quote.ask}
