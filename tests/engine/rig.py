"""A whole desk for tests: the real engine, journal (SQLite on disk), paper ledger and strategy; only the market is scripted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.clock import HandClock
from bot.settings import load
from bot.wiring import Adapters, build_engine, surroundings
from brokers.paper import FillModel, PaperBroker, PaperSettings
from core.engine.engine import Engine
from core.engine.settings import EngineSettings
from core.journal.journal import SqlJournal, open_journal
from core.market.chains import modelled_chain, modelled_quote
from core.market.sessions import Sessions
from core.model.errors import RefusedError, UnknownSymbolError
from core.model.instruments import Instrument, Stock
from core.model.market import Chain, MarketView, Quote, SymbolView
from core.model.notes import Note
from core.model.orders import Order
from core.model.positions import Position
from core.model.proposals import Evidence, ProposalState, Vote
from core.portfolio.ledger import cash_after
from core.ports.broker import Broker
from tests.kit import nouns

CALENDAR = Sessions.open(date(2023, 1, 3), date(2025, 12, 31))
EVENING = datetime.fromisoformat("2024-06-11T20:15:00+00:00")


@dataclass(slots=True)
class ScriptedMarket:
    """Prices as the test says; features are those of a leader unless changed."""

    clock: HandClock
    names: dict[str, SymbolView] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    quoted_at: datetime | None = None
    completed: date = nouns.COMPLETED
    size: int = 10_000
    spread: float = 0.02
    listed: bool = False
    volatility: float = 0.6
    iv_rank: float = 20.0
    changes: dict[str, Any] = field(default_factory=dict)
    fails: BaseException | None = None
    answers: int = 0

    async def view(self, *, quotes: Collection[Instrument] = (), chains: Collection[str] = ()) -> MarketView:
        if self.fails is not None and self.answers < 1:
            raise self.fails
        self.answers -= 1
        now = self.clock.now()
        names = [
            replace(
                name,
                quote=nouns.quote(
                    self.price(symbol), self.spread, as_of=self.quoted_at or now, bid_size=self.size, ask_size=self.size
                ),
                chain=self.chain(symbol, now) if self.listed and symbol in chains else None,
            )
            for symbol, name in sorted(self.names.items())
        ]
        made = nouns.view(*names, as_of=now, session=CALENDAR.at(now), completed=self.completed)
        return replace(made, reading=Modelled({name.symbol: name for name in names}, self, now), **self.changes)

    def price(self, symbol: str) -> float:
        return self.prices.get(symbol, 100.0)

    def chain(self, symbol: str, now: datetime) -> Chain:
        chain = modelled_chain(symbol, self.price(symbol), self.volatility, now, 0.05, 0.0, CALENDAR, self.iv_rank)
        return replace(chain, volume=chain.volume + 1000, open_interest=chain.open_interest + 5000)

    async def past(self, day: date) -> MarketView:
        raise RefusedError(f"the scripted market keeps no {day}")


@dataclass(frozen=True, slots=True)
class Modelled:
    """The scripted market behind the `Reading` door: stock quotes as scripted, option quotes from the model at those prices."""

    views: Mapping[str, SymbolView]
    market: ScriptedMarket
    now: datetime

    def symbol(self, symbol: str) -> SymbolView:
        if symbol not in self.views:
            raise UnknownSymbolError(f"{symbol} is not in the universe")
        return self.views[symbol]

    def quote(self, instrument: Instrument) -> Quote | None:
        if isinstance(instrument, Stock):
            return self.views[instrument.symbol].quote if instrument.symbol in self.views else None
        spot = self.market.price(instrument.underlying)
        return modelled_quote(instrument, spot, self.market.volatility, self.market.quoted_at or self.now, 0.05, 0.0)


@dataclass(slots=True)
class Listener:
    """Stands where Discord stands: remembers that it was woken."""

    woken: int = 0

    def wake(self) -> None:
        self.woken += 1


@dataclass(slots=True)
class Desk:
    """The engine and everything around it."""

    engine: Engine
    market: ScriptedMarket
    clock: HandClock
    journal: SqlJournal
    broker: PaperBroker

    def open_market(self) -> None:
        """Go to 11:00 New York of the session after the completed bar."""
        self.clock.turn_to(nouns.NOW)

    def later(self, **step: float) -> None:
        self.clock.turn_to(self.clock.now() + timedelta(**step))

    async def begin(self, *, post: bool = True) -> str:
        """Start, scan, open the market, ask for entries; answers the proposal of the first card, posted."""
        await self.engine.start()
        await self.engine.scan()
        self.open_market()
        await self.engine.entries()
        (card, *_) = await self.cards()
        assert card.proposal_id is not None
        if post:
            await self.post(card.proposal_id)
        return card.proposal_id

    async def buy(self) -> Position:
        """The whole road up to a position."""
        await self.react(await self.begin())
        (position,) = self.engine.books.positions.values()
        return position

    async def tick(self, **step: float) -> None:
        """Let time pass (a minute when not said otherwise) and take a turn."""
        self.later(**(step or {"minutes": 1}))
        await self.engine.tick()

    async def state(self, proposal_id: str) -> ProposalState:
        stored = await self.journal.proposal(proposal_id)
        assert stored is not None
        return stored.state

    async def orders(self) -> list[Order]:
        return list(await self.journal.orders(EVENING - timedelta(days=400)))

    async def told(self, words: str) -> list[Note]:
        """Notes that say so in title or body."""
        return [note for note in await self.journal.notes() if words in f"{note.title} {note.body}"]

    async def agrees(self) -> None:
        """Memory, journal and paper ledger say the same about cash and holdings."""
        books = self.engine.books
        cash = cash_after(
            Decimal(await self.journal.setting("start_cash:paper") or 0),
            await self.journal.fills("paper"),
            await self.journal.transactions("paper"),
        )
        assert books.cash == cash == (await self.broker.account()).cash
        stored = {position.id: position for position in await self.journal.positions("paper")}
        assert stored == books.positions
        held: Counter[str] = Counter()
        for position in stored.values():
            held.update({holding.instrument.key: holding.quantity for holding in position.holdings})
        assert {key: units for key, units in held.items() if units} == await self.broker.positions()

    async def cards(self) -> list[Note]:
        return [note for note in await self.journal.notes() if note.decidable]

    async def post(self, proposal_id: str, message_id: int = 77) -> None:
        """What the notifier does when the card stands in its channel."""
        until = self.clock.now() + timedelta(seconds=self.engine.settings.card_seconds)
        await self.journal.proposal_posted(proposal_id, 5, message_id, until)

    async def react(
        self, proposal_id: str, who: str = "owner", *, approve: bool = True, allowed: bool = True, **changes: Any
    ) -> str | None:
        """A person reacts, and what Discord says afresh stands behind it."""
        now = self.clock.now()
        vote = Vote(proposal_id, who, approve, changes.pop("present", True), allowed, "reaction", now)
        evidence = Evidence((who,) if allowed and approve else (), (), intact=True, read_at=now)
        return await self.engine.vote(vote, replace(evidence, **changes))


@asynccontextmanager
async def desk(
    folder: Path,
    *,
    at: Callable[[str], None] = lambda _: None,
    wrap: Callable[[PaperBroker], Broker] = lambda broker: broker,
    fills: FillModel | None = None,
    names: Collection[str] = ("LEAD",),
    since: datetime = EVENING,
    **changes: Any,
) -> AsyncIterator[Desk]:
    """Open a desk on the folder; opening it again on the same folder is a restart."""
    clock = HandClock(since)
    market = ScriptedMarket(clock, {name: nouns.symbol_view(name) for name in names}, dict.fromkeys(names, 100.0))
    settings = load("", {})
    engine_settings = replace(EngineSettings(charts=False, walk=(1.0,)), **changes)
    journal = await open_journal(folder / "journal.db", at=at)
    await journal.take_lease("test", clock.now())
    paper = PaperSettings(fills=fills or FillModel())
    around = surroundings(clock, market, CALENDAR)
    broker = await paper.open(engine_settings.account, engine_settings.start_cash, folder / "paper.jsonl", around)
    adapters = Adapters(clock, market, wrap(broker), journal, Listener(), CALENDAR)
    engine = build_engine(settings, adapters, engine=engine_settings, at=at)
    try:
        yield Desk(engine, market, clock, journal, broker)
    finally:
        await broker.close()
        await journal.close()
        await asyncio.sleep(0)
