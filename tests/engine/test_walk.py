"""Children of an envelope: one after the other, each a step further, never more than was approved."""

from pathlib import Path

from brokers.paper import FillModel
from core.model.orders import OrderState
from core.model.proposals import ProposalState
from tests.engine.door import faulty
from tests.engine.rig import desk

LATE = FillModel(latency_seconds=1.0)


async def test_what_rests_too_long_is_cancelled_and_asked_again_at_a_price_nearer_the_market(tmp_path: Path) -> None:
    async with desk(tmp_path, fills=LATE, walk=(0.0, 1.0), walk_seconds=20.0) as one:
        card = await one.begin()
        one.market.spread = 0.20
        await one.react(card)
        (first,) = await one.orders()
        assert first.state is OrderState.ACCEPTED
        one.market.prices["LEAD"] = 100.20
        await one.tick(seconds=10)
        assert len(await one.orders()) == 1
        await one.tick(seconds=10)
        first, second = await one.orders()
        assert first.state is OrderState.CANCELLED
        assert second.state is OrderState.ACCEPTED
        assert second.limit < first.limit
        await one.tick(seconds=2)
        (position,) = one.engine.books.positions.values()
        assert position.units == second.quantity
        assert await one.state(card) is ProposalState.CLOSED
        await one.agrees()


async def test_nobody_takes_it_and_the_last_child_ends_the_envelope(tmp_path: Path) -> None:
    async with desk(tmp_path, fills=LATE, walk_seconds=20.0) as one:
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 100.8
        await one.tick(seconds=25)
        assert one.engine.books.envelopes == {}
        assert await one.told("nobody took it")
        assert (await one.engine.book()).reserved == 0
        await one.agrees()


async def test_partial_fills_add_up_to_what_was_approved_and_no_more(tmp_path: Path) -> None:
    async with desk(tmp_path, walk=(1.0, 1.0, 1.0), walk_seconds=20.0) as one:
        card = await one.begin()
        stored = await one.journal.proposal(card)
        assert stored is not None
        wanted = stored.proposal.quantity
        one.market.size = wanted // 3
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.PARTIAL
        await one.tick(seconds=20)
        await one.tick(seconds=5)
        one.market.size = 10_000
        await one.tick(seconds=5)
        orders = await one.orders()
        assert sum(order.filled for order in orders) == wanted
        (position,) = one.engine.books.positions.values()
        assert position.units == wanted
        assert sum(units for _, units in position.plan.ladder) == wanted
        await one.agrees()


async def test_the_next_child_takes_only_what_the_last_one_left(tmp_path: Path) -> None:
    async with desk(tmp_path, walk=(1.0, 1.0), walk_seconds=20.0) as one:
        card = await one.begin()
        one.market.size = 10
        await one.react(card)
        one.market.prices["LEAD"] = 100.8
        await one.tick(seconds=25)
        one.market.prices["LEAD"] = 100.0
        first, second = await one.orders()
        assert (first.filled, second.quantity) == (10, first.quantity - 10)
        await one.agrees()


async def test_an_envelope_whose_session_is_over_gets_no_child(tmp_path: Path) -> None:
    async with desk(tmp_path, fills=LATE, walk=(1.0, 1.0), walk_seconds=60.0) as one:
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 101.0
        await one.tick(hours=6)
        (order,) = await one.orders()
        assert order.state is OrderState.EXPIRED
        assert await one.told("the approval has run out")
        assert one.engine.books.envelopes == {}


async def test_a_cancel_that_was_lost_is_asked_for_again(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=20.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 100.8
        door.dead.add("cancel")
        await one.tick(seconds=25)
        (order,) = await one.orders()
        assert order.state is OrderState.PENDING_CANCEL
        await one.tick(seconds=5)
        assert door.asked["cancel"] == 1
        door.dead.clear()
        await one.tick(seconds=20)
        (order,) = await one.orders()
        assert order.state is OrderState.CANCELLED
        assert one.engine.books.envelopes == {}


async def test_a_cancel_whose_answer_was_lost_is_seen_in_the_next_reports(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk=(1.0, 1.0), walk_seconds=20.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 100.8
        door.lost.add("cancel")
        await one.tick(seconds=25)
        assert len(await one.orders()) == 1
        await one.tick(seconds=1)
        first, second = await one.orders()
        assert first.state is OrderState.CANCELLED
        assert second.quantity == first.quantity


async def test_a_refused_cancel_is_looked_up(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=20.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 100.8

        async def trades_first() -> None:
            one.market.prices["LEAD"] = 100.0

        door.before["cancel"] = trades_first
        door.refused["cancel"] = "it is filled"
        await one.tick(seconds=25)
        (order,) = await one.orders()
        assert order.state is OrderState.FILLED
        await one.agrees()


async def test_f056_an_order_that_the_broker_does_not_show_stays_open_and_is_told_once(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=20.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 100.8
        door.refused["cancel"] = "no such order"
        door.hidden.add(f"qm1-{card}-1")
        await one.tick(seconds=25)
        await one.tick(seconds=25)
        (order,) = await one.orders()
        assert order.state is OrderState.PENDING_CANCEL
        assert len(one.engine.books.envelopes) == 1
        assert len(await one.told("An order is not shown at the broker")) == 1
        door.refused.clear()
        door.hidden.clear()
        await one.tick(seconds=25)
        (order,) = await one.orders()
        assert order.state is OrderState.CANCELLED
        assert one.engine.books.envelopes == {}


async def test_a_silent_broker_stops_the_walk(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk=(1.0, 1.0), walk_seconds=20.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 100.8
        door.dead |= {"reports"}
        await one.tick(seconds=25)
        assert door.asked["cancel"] == 0
        assert len(await one.told("The broker does not answer")) == 1
        door.dead.clear()
        await one.tick(seconds=1)
        assert door.asked["cancel"] == 1
