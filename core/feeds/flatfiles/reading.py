"""How a view of the replay reaches one name: a snapshot of prices at its instant, everything else on demand."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from core.feeds.flatfiles.names import Names
from core.market.chains import modelled_chain, modelled_quote
from core.model.errors import UnknownSymbolError
from core.model.instruments import Instrument, Option, Stock
from core.model.market import Chain, Features, Floats, Quote, SymbolView
from core.model.money import price

HALF_SPREAD = Decimal("0.00025")
CENT, FINE = Decimal("0.01"), Decimal("0.0001")


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Price of every symbol at one instant: a row of floats, and the exact level where a trigger was touched."""

    row: Floats
    exact: dict[int, Decimal]
    as_of: datetime

    def of(self, column: int) -> Decimal | None:
        """Give the price on the grid of a hundredth of a cent; None when there is none."""
        if column in self.exact:
            return self.exact[column]
        value = float(self.row[column])
        return None if math.isnan(value) else price(value)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The `Reading` of one view.

    Attributes
    ----------
    columns : dict of symbol to its column
    chains : underlyings whose chain was asked for with the view; the chain of every other one is None.
    quoted, listed : dicts
        Quotes and chains that somebody asked for already; views of the same instant share them.
    """

    names: Names
    columns: dict[str, int]
    features: Features
    prices: Prices
    rate: float
    chains: frozenset[str] = frozenset()
    quoted: dict[Instrument, Quote | None] = field(default_factory=dict)
    listed: dict[str, Chain | None] = field(default_factory=dict)
    _seen: dict[str, SymbolView] = field(init=False, default_factory=dict)

    def symbol(self, symbol: str) -> SymbolView:
        """One name.

        Raises
        ------
        UnknownSymbolError
            The files have no bars of it.
        """
        if symbol not in self._seen:
            column = self._column(symbol)
            self._seen[symbol] = SymbolView(
                symbol=symbol,
                bars=self.names.bars(column),
                features=self.names.row(column, self.features),
                quote=self.quote(Stock(symbol)),
                events=self.names.events(column),
                news=(),
                sector=self.names.tape.sectors.get(symbol),
                chain=self._chain(symbol, column) if symbol in self.chains else None,
            )
        return self._seen[symbol]

    def quote(self, instrument: Instrument) -> Quote | None:
        """Quote of a share or a contract; None without a price today or without a volatility to model from.

        Raises
        ------
        UnknownSymbolError
            The files have no bars of the underlying.
        """
        if instrument not in self.quoted:
            column = self._column(instrument.underlying)
            self.quoted[instrument] = self._stock(column) if isinstance(instrument, Stock) else self._contract(instrument, column)
        return self.quoted[instrument]

    def _contract(self, option: Option, column: int) -> Quote | None:
        spot, (volatility, _) = self.prices.of(column), self.names.volatility(column)
        if spot is None or spot <= 0 or math.isnan(volatility):
            return None
        paid = self.names.dividend_yield(option.underlying, float(spot))
        return modelled_quote(option, float(spot), volatility, self.prices.as_of, self.rate, paid)

    def _column(self, symbol: str) -> int:
        if symbol not in self.columns:
            raise UnknownSymbolError(f"{symbol!r} is not among the {len(self.columns)} symbols of the files; check its spelling")
        return self.columns[symbol]

    def _stock(self, column: int) -> Quote | None:
        mid = self.prices.of(column)
        if mid is None or mid <= 0:
            return None
        half = max((CENT if mid >= 1 else FINE) / 2, (mid * HALF_SPREAD).quantize(FINE))
        size = self.names.size(column)
        return Quote(mid - half, mid + half, size, size, self.prices.as_of, modelled=True)

    def _chain(self, symbol: str, column: int) -> Chain | None:
        if symbol not in self.listed:
            self.listed[symbol] = self._modelled(symbol, column)
        return self.listed[symbol]

    def _modelled(self, symbol: str, column: int) -> Chain | None:
        spot, (volatility, rank) = self.prices.of(column), self.names.volatility(column)
        if spot is None or spot <= 0 or math.isnan(volatility):
            return None
        paid = self.names.dividend_yield(symbol, float(spot))
        calendar = self.names.tape.calendar
        return modelled_chain(symbol, float(spot), volatility, self.prices.as_of, self.rate, paid, calendar, rank)
