"""A whole desk for tests: the real engine, journal (SQLite on disk), paper ledger and strategy; the market is scripted at its door."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.clock import HandClock
from bot.settings import load
from bot.wiring import Adapters, build_engine, surroundings
from brokers.paper import FillModel, PaperBroker, PaperSettings
from core.engine.engine import Engine
from core.engine.settings import EngineSettings
from core.journal.journal import SqlJournal, open_journal
from core.market.sessions import Sessions
from core.model.errors import RefusedError
from core.model.instruments import Instrument
from core.model.market import MarketView, SymbolView
from core.model.notes import Note
from core.model.proposals import Evidence, Vote
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

    async def view(self, *, quotes: Collection[Instrument] = (), chains: Collection[str] = ()) -> MarketView:
        now = self.clock.now()
        names = [
            replace(
                name,
                quote=nouns.quote(self.prices.get(symbol, 100.0), as_of=self.quoted_at or now, bid_size=10_000, ask_size=10_000),
            )
            for symbol, name in sorted(self.names.items())
        ]
        session = CALENDAR.at(now)
        return nouns.view(*names, as_of=now, session=session, completed=self.completed)

    async def past(self, day: date) -> MarketView:
        raise RefusedError(f"the scripted market keeps no {day}")


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
    **changes: Any,
) -> AsyncIterator[Desk]:
    """Open a desk on the folder; opening it again on the same folder is a restart."""
    clock = HandClock(EVENING)
    market = ScriptedMarket(clock, {"LEAD": nouns.symbol_view("LEAD")}, {"LEAD": 100.0})
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
