"""What a broker may say about orders that must not be: two under one key, in any order, after a cut, taken back by the broker."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from brokers.paper import FillModel
from core.engine import reports
from core.model.doubts import Hold
from core.model.errors import IllegalEventError
from core.model.instruments import Side
from core.model.orders import OrderEvent, OrderState, Report
from core.model.positions import CLOSED_OUTSIDE
from tests.engine.door import Door, execution, faulty
from tests.engine.rig import Desk
from tests.kit import nouns

LATE = FillModel(latency_seconds=1.0)


async def resting(one: Desk) -> str:
    """An order that waits at the broker; its key."""
    card = await one.begin()
    await one.react(card)
    one.market.prices["LEAD"] = 101.0
    return f"qm1-{card}-1"


async def test_f058_a_broker_that_refuses_to_judge_two_orders_under_one_key_halts_and_pages(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=20.0) as (one, door):
        await resting(one)

        async def twice() -> None:
            raise IllegalEventError("order is at the broker 2 times")

        door.before |= {"find": twice, "cancel": twice}
        await one.tick(seconds=25)
        await one.tick(seconds=25)
        assert one.engine.books.kill.level == 2
        assert len(await one.told("Desk: HALT")) == 1
        (order,) = await one.orders()
        assert order.state is OrderState.PENDING_CANCEL
        assert len(one.engine.books.envelopes) == 1


async def test_f058_reports_of_two_orders_under_one_key_are_not_mixed_and_their_executions_are_booked(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=600.0) as (one, door):
        key = await resting(one)
        twin = Report(key, "twin-2", OrderEvent.CANCEL, one.clock.now())
        told = door.inner.reports

        async def both(since: object) -> tuple[Report, ...]:
            return (*await told(since), twin)  # type: ignore[arg-type]  # passed on as it is

        door.inner.reports = both  # type: ignore[method-assign]  # the broker says more than is true
        await one.tick(seconds=2)
        assert one.engine.books.kill.level == 2
        (order,) = await one.orders()
        assert order.state is OrderState.ACCEPTED
        door.traded.append(execution(Side.BUY, 1, "100.02", order_key=key, at=one.clock.now()))
        door.held["LEAD"] = 1
        await one.tick(seconds=2)
        assert [position.units for position in one.engine.books.positions.values()] == [1]


async def f_order(one: Desk, door: Door) -> tuple[str, list[Report]]:
    """An order of ten shares with everything that its broker may say of it, in the order in which it happened."""
    one.market.size = 4
    door.silent_fills = True
    door.change = lambda report: replace(report, fills=(), leg_filled=(), event=OrderEvent.ACK)
    key = await resting(one)
    now = one.clock.now()
    parts = [execution(Side.BUY, quantity, "100", order_key=key, at=now, exec_id=f"x{quantity}") for quantity in (3, 4)]
    steps = [
        Report(key, "b-1", OrderEvent.ACK, now),
        Report(key, "b-1", OrderEvent.LIVE, now),
        Report(key, "b-1", OrderEvent.PART_FILL, now, tuple(parts[:1]), (3,)),
        Report(key, "b-1", OrderEvent.PART_FILL, now, tuple(parts), (7,)),
    ]
    return key, steps


@pytest.mark.parametrize("order", [*permutations(range(4))][::3], ids=str)
async def test_f051_f054_reports_in_any_order_and_twice_count_every_share_once(tmp_path: Path, order: tuple[int, ...]) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=600.0) as (one, door):
        key, steps = await f_order(one, door)
        view = await one.engine.view()
        for place in (*order, *order):
            await reports.apply(one.engine, steps[place], view)
        done = replace(steps[-1], event=OrderEvent.CANCEL)
        for report in (done, done):
            await reports.apply(one.engine, report, view)
        (stored,) = await one.orders()
        assert (stored.key, stored.state, stored.filled) == (key, OrderState.CANCELLED, 7)
        assert [position.units for position in one.engine.books.positions.values()] == [7]
        assert one.engine.books.kill.level == 0
        assert one.engine.books.envelopes == {}


async def test_f059_no_execution_of_a_cut_is_lost(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=6000.0) as (one, door):
        one.market.size = 3
        await one.react(await one.begin())
        await one.tick(seconds=2)
        door.dead |= {"reports", "fills", "find", "open_orders", "positions", "account", "transactions"}
        for _ in range(20):
            one.later(seconds=1)
            await one.broker.tick()
            await one.engine.tick()
        assert len(await one.told("The broker does not answer")) == 1
        known = len(one.engine.books.fills)
        door.dead.clear()
        await one.tick(seconds=1)
        assert len(one.engine.books.fills) > known + 10
        assert len(await one.told("The broker answers again")) == 1
        assert one.engine.books.kill.level == 0
        await one.agrees()


async def test_f063_what_the_broker_closes_by_itself_is_booked_and_its_name_waits(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        ours = await one.buy()
        door.traded.append(execution(Side.SELL, ours.units, "0.01", order_key="margin call", at=one.clock.now()))
        door.held["LEAD"] = -ours.units
        await one.tick()
        assert one.engine.books.positions == {}
        (closed,) = await one.journal.positions("paper", closed_since=nouns.DAY)
        assert closed.close_cause == CLOSED_OUTSIDE
        assert one.engine.books.watch.held("LEAD", Hold.OUTSIDE)
        assert len(await one.told("Somebody else traded")) == 1
        await one.engine.entries()
        assert await one.engine.pending() == []


async def test_f033_an_execution_under_a_key_that_was_never_granted_is_booked_and_halts(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await one.engine.start()
        one.open_market()
        await one.engine.tick()
        door.traded.append(execution(Side.BUY, 5, "100", order_key="qm1-yesterday-1", at=one.clock.now()))
        door.held["LEAD"] = 5
        await one.tick()
        assert one.engine.books.kill.level == 2
        assert await one.told("which this journal never granted")
        assert [position.units for position in one.engine.books.positions.values()] == [5]


async def test_an_open_order_under_a_key_that_was_never_granted_halts(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await one.engine.start()
        one.open_market()
        door.listed.append(Report("qm1-stranger-1", "b-9", OrderEvent.LIVE, one.clock.now()))
        await one.tick()
        await one.tick()
        assert one.engine.books.kill.level == 2
        assert len(await one.told("which this journal never granted")) == 1
