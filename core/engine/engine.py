"""The engine: what every verb needs, and the questions that cogs, posts and the composition roots ask."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from core.engine import approve, close, follow, halt, manage, reconcile, scan
from core.engine.answers import Explanation, Status
from core.engine.books import Books
from core.engine.measures import Measures
from core.engine.settings import EngineSettings
from core.market.sessions import Sessions
from core.model.instruments import Instrument
from core.model.market import MarketView
from core.model.orders import DOUBTFUL
from core.model.positions import Book, Marked
from core.model.proposals import Evidence, Vote
from core.options.choose import OptionPolicy
from core.portfolio import marks
from core.ports.broker import Broker
from core.ports.clock import Clock
from core.ports.journal import Journal, StoredProposal
from core.ports.market import MarketData
from core.ports.notifier import Notifier
from core.ports.rule import RiskRule
from core.ports.strategy import Strategy
from core.quant.fees import FeeSchedule


@dataclass(slots=True)
class Engine:
    """One account on the road. Verbs are functions that take the engine; `lock` lets one decision happen at a time.

    Attributes
    ----------
    at : callable
        Called with the name of each write point (``W6``, ``W8`` …); does nothing outside the kill tests.
    config_hash : str
        Fingerprint of the settings that decide; part of every digest.
    """

    clock: Clock
    market: MarketData
    broker: Broker
    journal: Journal
    notifier: Notifier
    strategies: Mapping[str, Strategy]
    rules: tuple[RiskRule, ...]
    settings: EngineSettings
    sessions: Sessions
    options: OptionPolicy
    fees: FeeSchedule
    config_hash: str
    at: Callable[[str], None]
    books: Books
    measures: Measures = field(default_factory=Measures)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    reconciled_at: datetime | None = None
    reconciled: str = "not yet"

    @property
    def account(self) -> str:
        """Name of the account that is traded."""
        return self.settings.account

    @property
    def max_age(self) -> timedelta:
        """Oldest quote that may reach sizing or an order."""
        return timedelta(seconds=self.settings.quote_seconds)

    async def view(self, *, quotes: Collection[Instrument] = (), chains: Collection[str] = ()) -> MarketView:
        """Give the market now, with fresh quotes of everything that is held."""
        held = [holding.instrument for position in self.books.positions.values() for holding in position.holdings]
        return await self.market.view(quotes=[*held, *quotes], chains=chains)

    async def start(self) -> None:
        """Load the journal, look at the broker, and say what was found. Crash, restart and reconnect take this one path."""
        async with self.lock:
            await reconcile.start(self)

    async def tick(self) -> None:
        """One turn: follow orders, book movements, manage exits, expire cards."""
        async with self.lock:
            view = await self.view()
            await follow.turn(self, view)
            await manage.exits(self, view)
            await approve.expire(self)

    async def scan(self) -> None:
        """Run every strategy's gates over the completed bar and tell the signals."""
        async with self.lock:
            await scan.run(self)

    async def entries(self) -> None:
        """Vet the signals of the last completed bar with fresh quotes and ask for approval of the best."""
        async with self.lock:
            await manage.entries(self)

    async def close_session(self) -> None:
        """After the close: equity point, losing streak, day orders."""
        async with self.lock:
            await close.session(self)

    async def vote(self, vote: Vote, evidence: Evidence | None = None) -> str | None:
        """Record a reaction or button (W4); an allowed yes with fresh evidence tries the claim. Answers the voter."""
        async with self.lock:
            return await approve.vote(self, vote, evidence)

    async def close_position(self, position_id: str, quantity: int | None, by: str) -> str:
        """Close a position, or so many units of it, on a person's word; answers one sentence."""
        async with self.lock:
            return await manage.close_by_hand(self, position_id, quantity, by)

    async def halt(self, by: str, reason: str, level: int = 2) -> None:
        """Stop sending at once; does not wait for anything that is under way."""
        await halt.halt(self, by, reason, level)

    async def resume(self, by: str, reason: str) -> None:
        """Send again."""
        await halt.resume(self, by, reason)

    async def pending(self) -> Sequence[StoredProposal]:
        """Proposals that wait for a decision, oldest first."""
        return sorted(self.books.pending.values(), key=lambda stored: stored.proposal.created_at)

    async def book(self, view: MarketView | None = None) -> Book:
        """Give the account at current prices."""
        view = view or await self.view()
        marked = tuple(self._mark(position_id, view) for position_id in sorted(self.books.positions))
        value = sum((mark.value if mark.value is not None else self._last_mark(mark) for mark in marked), Decimal(0))
        net = self.books.cash + value
        points = self.books.equity
        reserved = sum((envelope.reserved for envelope in self.books.envelopes.values()), Decimal(0))
        return Book(
            account=self.account,
            as_of=view.as_of,
            cash=self.books.cash,
            positions=marked,
            net_liquidation=net,
            day_start=points[-1].net_liquidation if points else self.settings.start_cash,
            peak=max((net, *(point.net_liquidation for point in points[-252:]))),
            reserved=reserved,
            reserved_cash=sum((proposal.cash_need for proposal in self.books.granted.values()), Decimal(0)),
            buying_power=self.books.cash,
            trades_today=self.books.trades_today if self.books.session == _day(view) else 0,
            consecutive_losses=self.books.losing_streak,
            paused_session=self.books.paused_session,
            busy=self.books.busy(),
            stale_marks=sum(mark.value is None for mark in marked),
        )

    def _mark(self, position_id: str, view: MarketView) -> Marked:
        marked = marks.mark(self.books.positions[position_id], view, view.as_of, self.max_age)
        if marked.value is not None:
            self.books.marks[position_id] = marked.value
        return marked

    def _last_mark(self, marked: Marked) -> Decimal:
        cost = sum((holding.cost for holding in marked.position.holdings), Decimal(0))
        return self.books.marks.get(marked.position.id, cost)

    async def explain(self, symbol: str) -> Explanation:
        """Say which gates of the first strategy the symbol passes on the last completed bar, with value and threshold."""
        return scan.explain(self, symbol, await self.view())

    async def status(self) -> Status:
        """Give the desk at a glance."""
        view = await self.view()
        doubtful = [order for order in self.books.orders.values() if order.state in DOUBTFUL]
        return Status(
            at=self.clock.now(),
            mode="live" if self.broker.capabilities.live else self.broker.capabilities.name,
            source=view.source,
            session=view.session,
            market_open=view.is_open,
            completed=view.completed,
            kill=self.books.kill,
            open_positions=len(self.books.positions),
            pending_proposals=len(self.books.pending),
            unfinished_orders=len(self.books.orders),
            doubtful_orders=len(doubtful),
            undelivered_notes=len(await self.journal.pending_notes()),
            reconciled_at=self.reconciled_at,
            reconciled=self.reconciled,
            targets=self.measures.targets(),
        )


def _day(view: MarketView) -> date | None:
    return view.session.day if view.session else None
