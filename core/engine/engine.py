"""The engine: what every verb needs, and the questions that cogs, posts and the composition roots ask."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from core.engine import (
    approve,
    audits,
    balances,
    close,
    deadline,
    doubt,
    external,
    flatten,
    follow,
    gauges,
    halt,
    manage,
    reconcile,
    scan,
)
from core.engine.answers import Explanation, Status
from core.engine.books import Books
from core.engine.confirm import Wish
from core.engine.gauges import Gauges
from core.engine.measures import Measures
from core.engine.quorum import Approver
from core.engine.safety import SafetySettings
from core.engine.settings import EngineSettings
from core.market.sessions import Sessions
from core.model.errors import IllegalEventError
from core.model.instruments import Instrument
from core.model.kill import Level
from core.model.market import MarketView
from core.model.orders import DOUBTFUL
from core.model.positions import Book
from core.model.proposals import Evidence, Vote
from core.options.choose import OptionPolicy
from core.ports.broker import Broker
from core.ports.clock import Clock
from core.ports.journal import Journal, StoredProposal
from core.ports.market import MarketData
from core.ports.notifier import Notifier
from core.ports.pager import Pager
from core.ports.rule import RiskRule
from core.ports.strategy import Strategy
from core.quant.fees import FeeSchedule

T = TypeVar("T")
#: Orders and answers that are under way get so many seconds when the desk stops; what is left is found at the next start.
REST_SECONDS = 15.0


def _never() -> bool:
    return False


@dataclass(slots=True)
class Engine:
    """One account on the road. Verbs are functions that take the engine; `lock` lets one decision happen at a time.

    Attributes
    ----------
    audited : bool
        Whether the account is compared with the broker all the time; a replay, whose broker is this process, leaves it off.
    at : callable
        Called with the name of each write point (``W6``, ``W8`` …); does nothing outside the kill tests.
    approvers : tuple of Approver
        Who may approve, with what each may approve a day; empty where nobody was configured (replay, tests).
    config_hash : str
        Fingerprint of the settings that decide; part of every digest.
    live : bool
        The settings say that this account trades real money.
    gauges : Gauges or None
        What the automatic breakers look at; None where none are wanted (a replay).
    pulled : callable
        Whether somebody outside stops the desk right now (the file KILL); asked before every send, so it must not wait.
    wishes : dict of action to Wish
        First steps of what takes two.
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
    approvers: tuple[Approver, ...] = ()
    live: bool = False
    measures: Measures = field(default_factory=Measures)
    safety: SafetySettings = field(default_factory=SafetySettings)
    pager: Pager | None = None
    gauges: Gauges | None = None
    pulled: Callable[[], bool] = _never
    clearing: asyncio.Task[None] | None = None
    flattened: str = ""
    wishes: dict[str, Wish] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    reconciled_at: datetime | None = None
    reconciled: str = "not yet"
    audited: bool = True
    _broken_off: bool = False
    _running: set[asyncio.Task[object]] = field(default_factory=set)

    @property
    def account(self) -> str:
        """Name of the account that is traded."""
        return self.settings.account

    @property
    def max_age(self) -> timedelta:
        """Oldest quote that may reach sizing or an order."""
        return timedelta(seconds=self.settings.quote_seconds)

    async def view(self, *, quotes: Collection[Instrument] = (), chains: Collection[str] = ()) -> MarketView:
        """Give the market now, with fresh quotes of everything that is held or being bought."""
        held = [holding.instrument for position in self.books.positions.values() for holding in position.holdings]
        wanted = [leg.instrument for envelope in self.books.envelopes.values() for leg in envelope.legs]
        asked = [*held, *wanted, *quotes]
        view = await self.market.view(quotes=asked, chains=chains)
        if self.gauges is not None:
            self.gauges.saw(view, asked)
        return view

    async def _decide(self, work: Callable[[], Awaitable[T]]) -> T:
        """One decision at a time, in the order in which they came; one that has begun ends, also when its caller goes away."""
        await self.lock.acquire()
        return await self._to_the_end(self._locked(work))

    async def _locked(self, work: Callable[[], Awaitable[T]]) -> T:
        """A decision that broke off may have left the books behind the journal; the next one reads them anew first."""
        try:
            if self._broken_off:
                await reconcile.recover(self)
            self._broken_off = True
            answer = await work()
            self._broken_off = False
        except IllegalEventError as error:
            await halt.alarm(self, f"an event that cannot be: {error}")
            raise
        else:
            return answer
        finally:
            self.lock.release()

    async def _to_the_end(self, work: Coroutine[object, object, T]) -> T:
        return await asyncio.shield(self.begin(work))

    def begin(self, work: Coroutine[object, object, T]) -> "asyncio.Task[T]":
        """Start something that goes on when its caller goes away."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def rest(self) -> None:
        """Return when nothing is under way; what closes the desk waits for it, but not longer than `REST_SECONDS`."""
        if self._running:
            await asyncio.wait(self._running, timeout=REST_SECONDS)

    def page(self, title: str, body: str) -> None:
        """Reach people by the second path, where there is one."""
        if self.pager is not None:
            self.pager.page(f"{self.account}: {title}", body)

    async def start(self) -> None:
        """Load the journal, look at the broker, and say what was found. Crash, restart and reconnect take this one path."""
        await self._decide(lambda: reconcile.start(self))
        if self.books.kill.level >= Level.CANCEL_ALL:
            halt.clear(self)

    async def tick(self) -> None:
        """One turn: follow orders, book movements, manage exits, expire cards."""
        await self._decide(self._tick)

    async def _tick(self) -> None:
        asked = self.clock.monotonic()
        view = await self.view()
        self.measures.time("receive", self.clock.monotonic() - asked)
        if await follow.turn(self, view):
            await manage.exits(self, view)
            await flatten.turn(self, view)
        await deadline.expire(self)
        if self.gauges is not None:
            await gauges.value(self, self.gauges, view)

    async def audit(self) -> None:
        """Outside of a session: compare with the broker and look for orders in doubt, when that is due."""
        if audits.due(self):
            await self._decide(self._audit)

    async def _audit(self) -> None:
        await follow.turn(self, await self.view())

    async def resolve(self, key: str, by: str, people: int) -> str:
        """A person says that an order in doubt never was at the broker; answers one sentence."""
        return await self._decide(lambda: doubt.resolve(self, key, by, people))

    async def adopt(self, what: str, by: str, stop: Decimal | None) -> str:
        """A person takes what happened outside as ours; answers one sentence."""
        return await self._decide(lambda: external.adopt(self, what, by, stop))

    async def ignore(self, symbol: str, by: str) -> str:
        """A person lets an underlying go that was held back; answers one sentence."""
        return await self._decide(lambda: external.ignore(self, symbol, by))

    async def scan(self) -> None:
        """Run every strategy's gates over the completed bar and tell the signals."""
        await self._decide(lambda: scan.run(self))

    async def entries(self) -> None:
        """Vet the signals of the last completed bar with fresh quotes and ask for approval of the best."""
        await self._decide(lambda: manage.entries(self))

    async def close_session(self) -> None:
        """After the close: equity point, losing streak, day orders."""
        await self._decide(lambda: close.session(self))

    async def vote(self, vote: Vote, evidence: Evidence | None = None) -> str | None:
        """Record a reaction or button (W4); an allowed yes with fresh evidence tries the claim. Answers the voter."""
        return await self._decide(lambda: approve.vote(self, vote, evidence))

    async def void(self, proposal_id: str, reason: str) -> None:
        """End a proposal whose card is not as it was posted: edited, deleted, or cleared of its reactions."""
        await self._decide(lambda: approve.void(self, proposal_id, reason))

    async def close_position(self, position_id: str, quantity: int | None, by: str) -> str:
        """Close a position, or so many units of it, on a person's word; answers one sentence."""
        return await self._decide(lambda: manage.close_by_hand(self, position_id, quantity, by))

    async def halt(self, by: str, reason: str, level: int = Level.HALT) -> None:
        """Stop at once, up to a level; does not wait for anything that is under way."""
        await self._to_the_end(halt.halt(self, by, reason, level))

    async def resume(self, by: str, reason: str) -> None:
        """Send again; `core.engine.confirm.resume` is what people type."""
        await self._to_the_end(halt.resume(self, by, reason))

    async def pending(self) -> Sequence[StoredProposal]:
        """Proposals that wait for a decision, oldest first."""
        return sorted(self.books.pending.values(), key=lambda stored: stored.proposal.created_at)

    async def book(self, view: MarketView | None = None) -> Book:
        """Give the account at current prices."""
        return await balances.book(self, view or await self.view())

    async def explain(self, symbol: str, day: date | None = None) -> Explanation:
        """Say which gates of the first strategy a symbol passed on a day (the last completed bar when not given), with numbers.

        Raises
        ------
        UnknownSymbolError
            The symbol is not in the universe.
        RefusedError
            The feed does not know that day.
        """
        return scan.explain(self, symbol, await self.view() if day is None else await self.market.past(day))

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
            outside=sum(position.is_external for position in self.books.positions.values()),
            held_back=(
                *([] if self.gauges is None or self.gauges.entries_off is None else [self.gauges.entries_off]),
                *(f"{symbol}: {lock.reason}" for (symbol, _), lock in sorted(self.books.watch.locks.items())),
            ),
        )
