"""Random reactions, ticks, prices, lost answers, repetitions, restarts and halts; the paper ledger is the oracle."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from brokers.paper import FillModel
from core.engine.settings import Policy
from core.model.orders import DOUBTFUL, OrderState
from core.model.proposals import ProposalState
from tests.engine.door import Door, faulty
from tests.engine.rig import EVENING, Desk
from tests.kit import nouns

T = TypeVar("T")
NAMES = ("LEAD", "NEXT")
FIRST = ("goes", "goes", "goes", "lost", "waits")
FAULTS = ("submit", "cancel", "find", "reports", "fills", "transactions", "preview")
PEOPLE = st.sampled_from(["owner", "partner", "stranger"])
DEAD = (OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REMOVED, OrderState.REJECTED, OrderState.DENIED, OrderState.FILLED)


class Road(RuleBasedStateMachine):
    """One desk on one folder; every rule is something that the world does to it."""

    desk: Desk
    door: Door

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.submits: Counter[str] = Counter()
        self.now = EVENING
        self.session = 0

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()
        self.folder.cleanup()

    async def _open(self) -> None:
        fills = FillModel(latency_seconds=2.0, partial=0.5)
        made = faulty(
            Path(self.folder.name),
            names=NAMES,
            fills=fills,
            since=self.now,
            walk=(0.5, 1.0),
            walk_seconds=20.0,
            exits=self.exits,
            card_seconds=3600,
        )
        self.desk, self.door = await self.stack.enter_async_context(made)
        self.door.submits = self.submits
        for symbol, price in self.prices.items():
            self.desk.market.prices[symbol] = price
        await self.desk.engine.start()

    @initialize(exits=st.sampled_from(list(Policy)), size=st.sampled_from([3, 20, 10_000]), first=st.sampled_from(FIRST))
    def begin(self, exits: Policy, size: int, first: str) -> None:
        self.exits, self.size, self.prices = exits, size, dict.fromkeys(NAMES, 100.0)
        self.run(self._begin())
        if first == "waits":
            return
        faults = {"lost": self.door.lost, "dead": self.door.dead}
        if first in faults:
            faults[first].add("submit")
        self.run(self._react("owner", approve=True, place=0))

    async def _begin(self) -> None:
        await self._open()
        await self.desk.engine.scan()
        self.desk.open_market()
        self.now = self.desk.clock.now()
        self.desk.market.size = self.size
        await self.desk.engine.entries()

    @rule(who=PEOPLE, approve=st.booleans(), place=st.integers(0, 5))
    def react(self, who: str, approve: bool, place: int) -> None:
        self.run(self._react(who, approve=approve or place > 0, place=place))

    async def _react(self, who: str, *, approve: bool, place: int) -> None:
        waiting = await self.desk.engine.pending()
        if not waiting:
            return
        stored = waiting[place % len(waiting)]
        known = await self.desk.journal.proposal(stored.proposal.id)
        if known is not None and known.message_id is None:
            await self.desk.post(stored.proposal.id, 1000 + len(await self.desk.journal.notes()))
        await self.desk.react(stored.proposal.id, who, approve=approve, allowed=who != "stranger")

    @rule(seconds=st.sampled_from([1, 3, 21, 21, 121]))
    def tick(self, seconds: int) -> None:
        self.run(self.desk.tick(seconds=seconds))

    @rule(symbol=st.sampled_from(NAMES), price=st.sampled_from([93.0, 99.8, 100.0, 100.02, 100.4, 103.0, 121.0, 133.0]))
    def move(self, symbol: str, price: float) -> None:
        self.prices[symbol] = self.desk.market.prices[symbol] = price

    @rule(verb=st.sampled_from(FAULTS), lost=st.booleans())
    def fail(self, verb: str, lost: bool) -> None:
        (self.door.lost if lost and verb in {"submit", "cancel"} else self.door.dead).add(verb)

    @rule()
    def turn_everything_up_and_look(self) -> None:
        """A quiet stretch in which whatever is under way can end."""
        self.heal()
        for _ in range(4):
            self.tick(21)

    @rule()
    def repeat(self) -> None:
        self.door.again = not self.door.again

    @rule()
    def heal(self) -> None:
        self.door.dead.clear()
        self.door.lost.clear()

    @rule()
    def entries(self) -> None:
        self.run(self.desk.engine.entries())

    @rule()
    def restart(self) -> None:
        self.run(self._restart())

    async def _restart(self) -> None:
        self.now = self.desk.clock.now()
        await self.stack.aclose()
        self.stack = AsyncExitStack()
        await self._open()
        self.desk.market.size = self.size

    @rule(level=st.integers(1, 2))
    def halt(self, level: int) -> None:
        self.run(self.desk.engine.halt("owner", "a rule of the game", level))

    @rule()
    def resume(self) -> None:
        self.run(self.desk.engine.resume("owner", "a rule of the game"))

    @precondition(lambda self: self.desk.clock.now().date() == nouns.DAY)
    @rule()
    def close_by_hand(self) -> None:
        for position in list(self.desk.engine.books.positions.values())[:1]:
            self.run(self.desk.engine.close_position(position.id, None, "owner"))

    @invariant()
    def no_order_without_an_allowed_approval(self) -> None:
        self.run(self._approved())

    async def _approved(self) -> None:
        granted = await self.desk.journal.proposals([ProposalState.CLAIMED, ProposalState.CLOSED])
        known = {stored.proposal.id for stored in granted}
        for order in await self.desk.orders():
            assert order.envelope_id in known
            stored = await self.desk.journal.proposal(order.envelope_id)
            assert stored is not None
            if stored.proposal.intent == "open":
                votes = await self.desk.journal.votes(order.envelope_id)
                assert any(vote.approve and vote.allowed and vote.voter != "stranger" for vote in votes)

    @invariant()
    def one_submit_for_each_key(self) -> None:
        assert all(times == 1 for times in self.submits.values())

    @invariant()
    def nothing_beyond_what_was_granted(self) -> None:
        self.run(self._within())

    async def _within(self) -> None:
        truth = {report.key: report for report in await self.desk.broker.reports(EVENING)}
        filled: Counter[str] = Counter()
        for order in await self.desk.orders():
            report = truth.get(order.key)
            filled[order.envelope_id] += report.leg_filled[0] if report else 0
            assert order.filled <= (report.leg_filled[0] if report else 0)
            if order.state in DEAD and report is not None:
                assert report.event in {"cancelled", "expired", "removed", "refused", "full fill"}
        for envelope_id, units in filled.items():
            envelope = await self.desk.journal.envelope(envelope_id)
            assert envelope is not None
            assert units <= envelope.quantity

    @invariant()
    def memory_is_what_the_journal_holds(self) -> None:
        self.run(self._memory())

    async def _memory(self) -> None:
        books, journal = self.desk.engine.books, self.desk.journal
        assert books.orders == {order.key: order for order in await journal.unfinished_orders()}
        assert books.envelopes == {envelope.id: envelope for envelope in await journal.open_envelopes()}
        assert books.positions == {position.id: position for position in await journal.positions("paper")}
        waiting = [ProposalState.DRAFT, ProposalState.POSTING, ProposalState.OPEN]
        assert set(books.pending) == {stored.proposal.id for stored in await journal.proposals(waiting)}

    @invariant()
    def the_books_agree_when_everything_was_told(self) -> None:
        self.run(self._agrees())

    async def _agrees(self) -> None:
        if any(order.state in DOUBTFUL for order in self.desk.engine.books.orders.values()):
            return
        if {fill.exec_id for fill in await self.desk.broker.fills(EVENING)} == set(self.desk.engine.books.fills):
            await self.desk.agrees()
        assert self.desk.engine.books.cash + sum(
            (-fill.cash + (fill.fee or Decimal(0)) for fill in await self.desk.journal.fills("paper")), Decimal(0)
        ) == Decimal(100_000)


Road.TestCase.settings = settings(
    max_examples=16, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
test_whatever_happens_the_books_follow_the_ledger = Road.TestCase
