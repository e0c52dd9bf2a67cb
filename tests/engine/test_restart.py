"""Crash, restart and reconnect are one path: what was in flight is settled, what does not agree halts."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.paper import FillModel
from core.engine.settings import Policy
from core.model.errors import OperatorError, RetryError
from core.model.instruments import Leg, Side, Stock
from core.model.orders import OrderState
from core.model.proposals import ProposalState
from tests.engine.door import faulty
from tests.engine.rig import Desk, desk

LATE = FillModel(latency_seconds=1.0)


class Dead(BaseException):
    """The process ends here."""


def dies_at(wanted: str, times: int = 1) -> Callable[[str], None]:
    left = [times]

    def at(point: str) -> None:
        if point == wanted:
            left[0] -= 1
            if left[0] == 0:
                raise Dead

    return at


async def dead_desk(folder: Path, point: str) -> Desk:
    """A desk that approved and died at the point."""
    async with desk(folder, at=dies_at(point)) as one:
        card = await one.begin()
        with pytest.raises(Dead):
            await one.react(card)
    return one


@pytest.mark.parametrize(
    ("point", "state"),
    [
        ("W6", OrderState.DENIED),
        ("W7", OrderState.DENIED),
        ("W7+", OrderState.UNKNOWN),
        ("W8", OrderState.UNKNOWN),
        ("W8+", OrderState.FILLED),
        ("W10", OrderState.FILLED),
        ("W10+", OrderState.FILLED),
        ("W11", OrderState.FILLED),
    ],
)
async def test_f006_f007_f009_f010_f011_what_was_in_flight_when_the_desk_died_is_settled(
    tmp_path: Path, point: str, state: OrderState
) -> None:
    one = await dead_desk(tmp_path, point)
    async with faulty(tmp_path, since=one.clock.now()) as (two, door):
        await two.engine.start()
        await two.tick(seconds=1)
        (order,) = await two.orders()
        assert order.state is state
        assert door.submits == {}
        assert (two.engine.books.envelopes == {}) == (state is not OrderState.UNKNOWN)
        assert len(two.engine.books.positions) == (state is OrderState.FILLED)
        assert two.engine.books.kill.level == 0
        await two.agrees()


async def test_a_claim_that_did_not_reach_the_disk_leaves_the_card_open(tmp_path: Path) -> None:
    one = await dead_desk(tmp_path, "W5")
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        (stored,) = await two.engine.pending()
        assert stored.state is ProposalState.OPEN
        assert "Approved" in str(await two.react(stored.proposal.id))
        await two.agrees()


async def test_open_cards_still_work_after_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        assert "Approved" in str(await two.react(card))
        await two.agrees()


async def test_a_draft_of_the_policy_is_withdrawn_after_a_crash(tmp_path: Path) -> None:
    async with desk(tmp_path, entries=Policy.AUTO, at=dies_at("W1+")) as one:
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        with pytest.raises(Dead):
            await one.engine.entries()
    async with desk(tmp_path, entries=Policy.AUTO, since=one.clock.now()) as two:
        await two.engine.start()
        assert await two.engine.pending() == []
        assert await two.orders() == []


async def test_a_resting_order_is_followed_after_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path, fills=LATE) as one:
        await one.react(await one.begin())
    async with desk(tmp_path, fills=LATE, since=one.clock.now()) as two:
        two.later(seconds=2)
        await two.engine.start()
        assert len(two.engine.books.positions) == 1
        assert two.engine.books.envelopes == {}
        await two.agrees()


async def test_the_halt_survives_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        await one.engine.halt("owner", "night")
    async with desk(tmp_path) as two:
        two.later(minutes=1)
        await two.engine.start()
        assert two.engine.books.kill.level == 2
        assert await two.told("**HALT** since")


async def test_shares_that_nobody_explains_halt_the_desk(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        one.open_market()
        await one.broker.trade_outside((Leg(Stock("LEAD"), Side.BUY),), 5, Decimal("-100.01"))
    async with faulty(tmp_path, since=one.clock.now()) as (two, door):
        door.silent_fills = True
        await two.engine.start()
        assert two.engine.books.kill.level == 2
        assert await two.told("LEAD: the broker holds 5, the journal 0")
        assert await two.told("cash: the broker says")


async def test_doubt_about_one_symbol_does_not_hide_a_difference_in_another(tmp_path: Path) -> None:
    async with faulty(tmp_path, names=("LEAD", "NEXT")) as (one, door):
        card = await one.begin()
        door.dead.add("submit")
        await one.react(card)
        await one.broker.trade_outside((Leg(Stock("NEXT"), Side.BUY),), 5, Decimal("-100.01"))
        door.silent_fills = True
    async with faulty(tmp_path, names=("LEAD", "NEXT"), since=one.clock.now()) as (two, door):
        door.silent_fills = True
        await two.engine.start()
        assert two.engine.books.kill.level == 2
        assert await two.told("NEXT: the broker holds 5, the journal 0")


async def test_a_broker_that_does_not_answer_at_the_start_stops_the_start(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.dead.add("submit")
        await one.react(card)
    async with faulty(tmp_path, since=one.clock.now()) as (two, door):
        door.dead.add("find")
        with pytest.raises(RetryError):
            await two.engine.start()
        assert door.asked["find"] == 5
        door.dead.clear()
        await two.engine.start()
        assert two.engine.reconciled.startswith("0 positions, 0 open cards, 0 orders matched, 1 unknown")


@pytest.mark.parametrize("point", ["W5", "W7", "W9", "W10", "W11"])
async def test_books_in_memory_follow_the_journal_when_a_write_fails(tmp_path: Path, point: str) -> None:
    failed: list[str] = []

    def at(name: str) -> None:
        if name == point and not failed:
            failed.append(name)
            raise OperatorError("the disk is full")

    async with faulty(tmp_path, at=at, fills=LATE, walk_seconds=60.0) as (one, door):
        card = await one.begin()
        with suppress(OperatorError):
            await one.react(card)
        for _ in range(3):
            with suppress(OperatorError):
                await one.tick(seconds=61)
        assert failed == [point]
        assert len(door.submits) <= 1
        books = one.engine.books
        assert set(books.orders) == {order.key for order in await one.journal.unfinished_orders()}
        assert set(books.envelopes) == {envelope.id for envelope in await one.journal.open_envelopes()} == set(books.granted)
        assert set(books.pending) == {stored.proposal.id for stored in await one.journal.proposals([ProposalState.OPEN])}
        await one.agrees()


async def test_an_order_that_was_never_marked_is_not_sent_late_in_the_same_process(tmp_path: Path) -> None:
    failed: list[str] = []

    def at(name: str) -> None:
        if name == "W7" and not failed:
            failed.append(name)
            raise OperatorError("the disk is full")

    async with faulty(tmp_path, at=at) as (one, door):
        card = await one.begin()
        with pytest.raises(OperatorError):
            await one.react(card)
        await one.tick()
        (order,) = await one.orders()
        assert order.state is OrderState.DENIED
        assert door.submits == {}
        assert one.engine.books.envelopes == {}


async def test_rest_waits_for_what_is_under_way(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        reached, go = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            reached.set()
            await go.wait()

        door.before["preview"] = slow
        asking = asyncio.create_task(one.react(card))
        await reached.wait()
        resting = asyncio.create_task(one.engine.rest())
        await asyncio.sleep(0)
        assert not resting.done()
        go.set()
        await resting
        await asking
        assert len(one.engine.books.positions) == 1
