"""A start after a crash: 1,000 orders open, 10,000 executions booked, all matched and compared; and a fill that was missed."""

import asyncio
import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from bot.clock import HandClock
from bot.settings import load
from bot.wiring import Adapters, build_engine
from core.engine import approve
from core.engine.engine import Engine
from core.engine.settings import EngineSettings
from core.journal.journal import SqlJournal, open_journal
from core.model.money import ZERO
from core.model.orders import Fill, Order, OrderEvent, OrderState, Report, Transaction
from core.model.proposals import Approval, ApprovedOrder, Envelope, Proposal, ProposalState
from core.portfolio.ledger import open_position
from core.ports.broker import Account, Capabilities, Preview
from tests.bench.report import Row, progress
from tests.engine.rig import CALENDAR, Listener, ScriptedMarket
from tests.kit import nouns

OPEN, FILLS, PARTS, SYMBOLS = 1_000, 10_000, 200, 50
CASH = Decimal(10_000_000)
START = "restart with 1,000 open orders and 10,000 fills to ACTIVE"
MOVED = "the same when each of the orders has moved on meanwhile"
MISSED = "a fill that no report brought is found"


@dataclass(slots=True)
class Street:
    """A broker that remembers everything: what it was seeded with, however often it is asked."""

    orders: dict[str, Report] = field(default_factory=dict)
    traded: list[Fill] = field(default_factory=list)
    asked: int = 0

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("street", live=False)

    async def account(self) -> Account:
        cash = CASH + sum((fill.cash - (fill.fee or ZERO) for fill in self.traded), ZERO)
        return Account("paper", cash, cash, nouns.NOW)

    async def positions(self) -> Mapping[str, int]:
        held: dict[str, int] = {}
        for fill in self.traded:
            held[fill.instrument_key] = held.get(fill.instrument_key, 0) + fill.side.sign * fill.quantity
        return held

    async def preview(self, order: ApprovedOrder) -> Preview:
        raise AssertionError("nothing new is sent")

    async def submit(self, order: ApprovedOrder) -> Report:
        raise AssertionError("nothing new is sent")

    async def cancel(self, key: str) -> Report:
        raise AssertionError("nothing is cancelled")

    async def find(self, key: str) -> Report | None:
        self.asked += 1
        return self.orders.get(key)

    async def open_orders(self) -> tuple[Report, ...]:
        return tuple(report for report in self.orders.values() if report.event is OrderEvent.LIVE)

    async def reports(self, since: datetime) -> tuple[Report, ...]:
        return tuple(self.orders.values())

    async def fills(self, since: datetime) -> tuple[Fill, ...]:
        return tuple(self.traded)

    async def transactions(self, since: datetime) -> tuple[Transaction, ...]:
        return ()


async def _grant(journal: SqlJournal, proposal: Proposal) -> tuple[Envelope, Order]:
    await journal.record_proposal(proposal, ProposalState.DRAFT)
    envelope = replace(nouns.envelope(proposal), deadline=nouns.NOW + timedelta(hours=5), position_id=f"p-{proposal.id}")
    order = approve.next_order(envelope, 1, envelope.quantity, envelope.limit, nouns.NOW)
    approval = Approval(proposal.id, proposal.digest, ("policy",), policy=True, at=nouns.NOW, evidence_at=nouns.NOW)
    await journal.claim(approval, envelope, order, nouns.NOW)
    await journal.mark_sending(order.key, "seeded", nouns.NOW)
    return envelope, replace(order, sent_at=nouns.NOW)


async def _seed(path: Path, street: Street, state: OrderState, quick: bool) -> None:
    """Fill a journal, and the broker beside it, with what a day may leave behind; `state`: where the journal left open orders."""
    journal = await open_journal(path, durable=False)
    await journal.take_lease("seed", nouns.NOW)
    await journal.set_setting("start_cash:paper", str(CASH))
    share = 10 if quick else 1
    for number in range(FILLS // PARTS // share):
        proposal = nouns.proposal(f"S{number % SYMBOLS:02d}", PARTS, id=f"filled-{number}")
        envelope, order = await _grant(journal, proposal)
        parts = [nouns.fill(envelope, 1, exec_id=f"{order.key}-{part}", order_key=order.key) for part in range(PARTS)]
        done = replace(order, state=OrderState.FILLED, leg_filled=(PARTS,), broker_order_id=f"b-{order.key}")
        await journal.record_fills(parts, done, open_position(proposal, envelope, parts, nouns.DAY))
        await journal.close_envelope(envelope.id, nouns.NOW)
        street.traded += parts
        street.orders[order.key] = Report(
            order.key, f"b-{order.key}", OrderEvent.FULL_FILL, nouns.NOW, tuple(parts), (PARTS,), raw="{}"
        )
    for number in range(OPEN // share):
        proposal = nouns.proposal(f"S{number % SYMBOLS:02d}", 1, id=f"open-{number}")
        _, order = await _grant(journal, proposal)
        await journal.record_order(replace(order, state=state, broker_order_id=f"b-{order.key}"), "{}")
        street.orders[order.key] = Report(order.key, f"b-{order.key}", OrderEvent.LIVE, nouns.NOW, (), (0,), raw="{}")
    await journal.close()


async def _start(path: Path, street: Street, clock: HandClock) -> tuple[float, Engine, SqlJournal]:
    """Seconds of a whole start: open the journal, take the lease, reconcile."""
    names = [f"S{number:02d}" for number in range(SYMBOLS)]
    market = ScriptedMarket(clock, {name: nouns.symbol_view(name) for name in names}, dict.fromkeys(names, 100.0))
    began = perf_counter()
    journal = await open_journal(path)
    await journal.take_lease("bench", clock.now())
    adapters = Adapters(clock, market, street, journal, Listener(), CALENDAR)
    settings = EngineSettings(charts=False, walk=(1.0,), walk_seconds=36_000.0)
    engine = build_engine(load("", {}), adapters, engine=settings)
    await engine.start()
    return perf_counter() - began, engine, journal


async def _missed(engine: Engine, street: Street, clock: HandClock) -> float:
    """Seconds of the desk's clock until an execution is booked that the list of executions alone tells."""
    key = next(key for key, report in street.orders.items() if report.event is OrderEvent.LIVE)
    order = engine.books.orders[key]
    envelope = engine.books.envelopes[order.envelope_id]
    street.traded.append(nouns.fill(envelope, 1, exec_id="missed", order_key=key, at=clock.now()))
    began = clock.now()
    while "missed" not in engine.books.fills:
        clock.turn_to(clock.now() + timedelta(seconds=1))
        await engine.tick()
    return (clock.now() - began).total_seconds()


async def _measure(state: OrderState, quick: bool) -> tuple[float, float, str, float]:
    with tempfile.TemporaryDirectory() as folder:
        street, clock = Street(), HandClock(nouns.NOW)
        await _seed(Path(folder) / "journal.db", street, state, quick)
        seconds, engine, journal = await _start(Path(folder) / "journal.db", street, clock)
        try:
            books = engine.books
            assert books.kill.level == 0, engine.reconciled
            assert not books.doubtful()
            assert len(books.fills) == len(street.traded)
            began = perf_counter()
            await journal.fills("paper")
            reading = perf_counter() - began
            found = f"{len(books.orders):,} orders, {len(books.fills):,} fills, {street.asked} single look-ups"
            return seconds, await _missed(engine, street, clock), found, reading
        finally:
            await engine.rest()
            await journal.close()


def restart_rows(quick: bool) -> Iterator[Row]:
    """Seconds of a start in which everything agrees, and until a missed fill is found."""
    progress("restart with open orders")
    logging.disable(logging.WARNING)
    seconds, missed, found, reading = asyncio.run(_measure(OrderState.WORKING, quick))
    yield Row.promised(START, seconds, "s", "<= 10", f"{found}; reading the executions alone {reading:.2f} s")
    moved, *_ = asyncio.run(_measure(OrderState.ACCEPTED, quick))
    yield Row(MOVED, moved, "s", "each change is written to the disk before the next")
    yield Row.promised(MISSED, missed, "s", "<= 10", "on the clock of the desk, a turn a second")
