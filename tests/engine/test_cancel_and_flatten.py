"""Cancelling everything and closing everything, across faults and restarts."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from core.engine import halt
from core.engine.settings import Policy
from core.model.kill import Level
from core.model.orders import OrderState
from core.model.signals import Intent
from core.ports.journal import Kill
from tests.engine.door import faulty
from tests.engine.halts import paged, standing
from tests.engine.rig import Desk, desk


async def resting(one: Desk) -> str:
    """An exit that waits at the broker because nobody bids for it; its key."""
    await one.buy()
    one.market.size = 0
    one.market.prices["LEAD"] = 93.0
    await one.tick()
    (report,) = await one.broker.open_orders()
    assert report.key is not None
    return report.key


async def test_cancel_all_cancels_what_is_open_and_tells(tmp_path: Path) -> None:
    async with desk(tmp_path, walk_seconds=3600.0) as one:
        pager, key = paged(one), await resting(one)
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert await one.broker.open_orders() == ()
        assert await one.told("1 were found")
        await one.tick()
        order = await one.journal.order(key)
        assert order is not None
        assert order.state is OrderState.CANCELLED
        assert "HALT, EVERY ORDER CANCELLED" in pager.text
        await one.agrees()


async def test_cancel_all_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path, walk_seconds=3600.0) as one:
        await resting(one)
        await one.journal.set_kill(Kill(Level.CANCEL_ALL, "owner", "killed right after the commit", one.clock.now()))
    async with desk(tmp_path) as one:
        one.open_market()
        await one.engine.start()
        await one.engine.rest()
        assert await one.broker.open_orders() == ()


async def test_what_cannot_be_cancelled_is_paged_after_a_minute(tmp_path: Path) -> None:
    async with faulty(tmp_path, walk_seconds=3600.0) as (one, door):
        pager, key = paged(one), await resting(one)
        door.dead.add("cancel")
        began = one.clock.now()
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert timedelta(seconds=60) <= one.clock.now() - began <= timedelta(seconds=62)
        assert "Open orders could not be cancelled" in pager.text
        assert key in pager.text
        assert door.asked["cancel"] > 10


async def test_a_broker_that_does_not_say_what_is_open_is_no_empty_list(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        pager = paged(one)
        door.dead.add("open_orders")
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert "the broker does not say what is open" in pager.text
        assert not await one.told("two looks in a row found none")


async def test_f062_orders_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    async with faulty(tmp_path, walk_seconds=3600.0) as (one, door):
        key = await resting(one)
        door.change = lambda report: replace(report, key="typed by hand at the broker")
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert door.asked["cancel"] == 0
        (report,) = await one.broker.open_orders()
        assert report.key == key


async def test_an_order_of_unknown_outcome_is_named_when_everything_was_cancelled(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        pager = paged(one)
        door.dead |= {"submit", "find"}
        await one.react(card)
        (doubt,) = one.engine.books.doubtful()
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert "Orders of unknown outcome may still be open" in pager.text
        assert doubt.key in pager.text


# flatten


async def test_flatten_closes_everything_with_limit_orders_inside_their_bands(tmp_path: Path) -> None:
    async with desk(tmp_path, exits=Policy.ASK) as one:
        for card in await standing(one, 2):
            await one.react(card)
        assert len(one.engine.books.positions) == 2
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        for _ in range(3):
            await one.tick(seconds=30)
        assert one.engine.books.positions == {}
        assert await one.broker.positions() == {}
        closing = [order for order in await one.orders() if order.limit > 0]
        assert len(closing) == 2
        for order in closing:
            envelope = await one.journal.envelope(order.envelope_id)
            assert envelope is not None
            assert envelope.intent is Intent.CLOSE
            assert order.limit >= envelope.floor > 0
        await one.tick()
        assert len(await one.told("Nothing is held and nothing is under way")) == 1
        await one.agrees()


async def test_flatten_goes_on_after_a_restart_and_waits_for_the_open(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.later(hours=8)
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        await one.engine.tick()
        assert len(one.engine.books.positions) == 1
        tonight = one.clock.now()
    async with desk(tmp_path, since=tonight) as one:
        await one.engine.start()
        await one.engine.rest()
        one.later(hours=16)
        await one.tick()
        await one.tick()
        assert one.engine.books.positions == {}
        await one.agrees()


async def test_a_flatten_that_nobody_takes_is_tried_again_and_sends_each_child_once(tmp_path: Path) -> None:
    async with faulty(tmp_path, walk=(1.0,), walk_seconds=20.0) as (one, door):
        await one.buy()
        one.market.size = 0
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        for _ in range(6):
            await one.tick(seconds=25)
        one.market.size = 10_000
        for _ in range(6):
            await one.tick(seconds=25)
        assert one.engine.books.positions == {}
        assert set(door.submits.values()) == {1}
        await one.agrees()


async def test_a_persons_halt_stops_a_flatten_and_an_alarm_does_not(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.market.size = 0
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        await halt.alarm(one.engine, "something that cannot be")
        assert one.engine.books.kill.level == Level.FLATTEN
        await one.engine.halt("partner", "stop that")
        await one.engine.rest()
        assert one.engine.books.kill.level == (await one.journal.kill()).level == Level.CANCEL_ALL
        one.market.size = 10_000
        await one.tick()
        assert len(one.engine.books.positions) == 1


async def test_a_pending_entry_card_cannot_be_approved_while_everything_is_closed(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        assert "kill level 4 allows only orders that close" in str(await one.react(card))
