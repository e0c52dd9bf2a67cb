"""How a view reaches into the simulated market for one name. Reads nothing newer than the view's instant."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from core.feeds.simulated import news
from core.feeds.simulated.board import Board, events
from core.feeds.simulated.days import Day
from core.feeds.simulated.names import SECTORS, Traits
from core.feeds.simulated.quotes import Tape
from core.market.chains import modelled_chain, modelled_quote
from core.market.sessions import Sessions
from core.model.errors import UnknownSymbolError
from core.model.instruments import Instrument, Stock
from core.model.market import Bars, Chain, Quote, Session, SymbolView
from core.model.money import price


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What never changes while the program runs: who is listed, and when the market trades.

    Attributes
    ----------
    places : mapping of symbol to its position in every array
    calendar : tuple of Session
        Every session of this market, by position.
    """

    seed: int
    rate: float
    traits: Traits
    places: Mapping[str, int]
    calendar: tuple[Session, ...]
    sessions: Sessions


@dataclass(frozen=True, slots=True)
class Spot:
    """What the options of one name are quoted from: price and volatility, the time of both, and the dividend yield."""

    price: float
    volatility: float
    as_of: datetime
    dividend_yield: float


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One instant of the simulated market.

    In this market the modelled surface *is* the market, so nothing is marked as modelled; the view's `source` says that the
    whole market is simulated.

    Attributes
    ----------
    today, before : Tape
        The session of now or the last one, and the session before that (None at the very beginning).
    recent : sequence of Day
        The sessions that the news tell of, oldest first.
    chains : frozenset of str
        Underlyings whose chains were asked for.
    bars : callable (symbol position, last session, units of session) to Bars
    """

    world: World
    board: Board
    now: datetime
    today: Tape
    before: Tape | None
    recent: Sequence[Day]
    chains: frozenset[str]
    bars: Callable[[int, date, date], Bars]

    def symbol(self, symbol: str) -> SymbolView:
        """One name; raises UnknownSymbolError."""
        place, traits, day = self._place(symbol), self.world.traits, self.today.day
        calendar = self.world.calendar
        return SymbolView(
            symbol=symbol,
            bars=self.bars(place, calendar[self.board.completed].day, day.session.day),
            features={name: float(row[place]) for name, row in self.board.features.columns.items()},
            quote=self._stock(place),
            events=events(place, traits, day, calendar, opened=self.now >= day.session.open),
            news=news.headlines(place, traits, self.recent, self.now),
            sector=SECTORS[traits.sector[place]],
            chain=self._chain(symbol, place),
        )

    def quote(self, instrument: Instrument) -> Quote | None:
        """Quote of a share or contract; None when there is none. Raises UnknownSymbolError."""
        place = self._place(instrument.underlying)
        if isinstance(instrument, Stock):
            return self._stock(place)
        spot = self._spot(place)
        if spot is None:
            return None
        rate = self.world.rate
        found = modelled_quote(instrument, spot.price, spot.volatility, spot.as_of, rate, spot.dividend_yield)
        return replace(found, modelled=False)

    def _stock(self, place: int) -> Quote | None:
        quote = self.today.quote(place, self.now)
        if quote is not None or self.before is None:
            return quote
        last, ratio = self.before.quote(place, self.now), self._ratio(place)
        if last is None or ratio == 1.0:
            return last
        return replace(last, bid=price(float(last.bid) / ratio), ask=price(float(last.ask) / ratio))

    def _ratio(self, place: int) -> float:
        return float(self.today.day.ratio[place])

    def _chain(self, symbol: str, place: int) -> Chain | None:
        spot = self._spot(place) if symbol in self.chains else None
        if spot is None:
            return None
        world, rank = self.world, self.board.rank(place, spot.volatility)
        terms = (spot.price, spot.volatility, spot.as_of, world.rate, spot.dividend_yield)
        return replace(modelled_chain(symbol, *terms, world.sessions, rank, world.seed), modelled=False)

    def _spot(self, place: int) -> Spot | None:
        """What options are quoted from; before the open that of the last close, because options have no early quotes."""
        opened = self.now >= self.today.day.session.open
        tape = self.today if opened else self.before
        touch = None if tape is None else tape.touch(place, self.now)
        if tape is None or touch is None or not self.world.traits.optionable[place]:
            return None
        value = touch.price if opened else touch.price / self._ratio(place)
        return Spot(value, float(tape.day.implied[place]), touch.as_of, float(self.world.traits.dividend[place]))

    def _place(self, symbol: str) -> int:
        place = self.world.places.get(symbol)
        if place is None:
            near = difflib.get_close_matches(symbol.upper(), self.world.traits.symbols, 1, 0.0)[0]
            raise UnknownSymbolError(f"{symbol!r} is not listed in the simulated market; the nearest name is {near}")
        return place
