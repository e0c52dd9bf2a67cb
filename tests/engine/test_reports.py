"""What a broker says: repeated, late, out of order, contradictory. True executions are booked once; the rest halts the desk."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brokers.paper import FillModel
from core.engine import reports
from core.model.instruments import Leg, Side, Stock
from core.model.orders import OrderEvent, OrderState, Report
from tests.engine.door import Door, faulty
from tests.engine.rig import Desk, desk

LATE = FillModel(latency_seconds=1.0)


async def repeat(one: Desk, report: Report | None) -> None:
    assert report is not None
    await reports.apply(one.engine, report, await one.engine.view())


async def test_a_repeated_report_changes_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        (order,) = await one.orders()
        notes = len(await one.journal.notes())
        for _ in range(3):
            await repeat(one, await one.broker.find(order.key))
        assert len(await one.journal.notes()) == notes
        await one.agrees()


async def test_reports_that_come_twice_and_backwards_are_booked_once(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        door.again = True
        one.market.size = 7
        card = await one.begin()
        await one.react(card)
        for _ in range(12):
            await one.tick(seconds=1)
        (order,) = await one.orders()
        assert order.state is OrderState.FILLED
        assert len(await one.journal.fills("paper")) == -(-order.quantity // 7)
        await one.agrees()


async def test_an_older_report_that_was_overtaken_does_not_turn_the_order_back(tmp_path: Path) -> None:
    async with desk(tmp_path, walk_seconds=600.0) as one:
        one.market.size = 10
        await one.react(await one.begin())
        (order,) = await one.orders()
        old = await one.broker.find(order.key)
        assert old is not None
        await one.tick(seconds=1)
        await repeat(one, replace(old, event=OrderEvent.ACK, leg_filled=(0,), fills=()))
        await repeat(one, old)
        (order,) = await one.orders()
        assert order.state is OrderState.PARTIAL
        assert one.engine.books.kill.level == 0
        await one.agrees()


async def test_an_order_is_not_over_before_all_its_fills_are_known(tmp_path: Path) -> None:
    def without_fills(report: Report) -> Report:
        return replace(report, fills=())

    async with faulty(tmp_path, fills=LATE, walk=(1.0, 1.0), walk_seconds=20.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.size = 10
        door.change = without_fills
        door.silent_fills = True
        await one.tick(seconds=10)
        one.market.prices["LEAD"] = 101.0
        await one.tick(seconds=15)
        (order,) = await one.orders()
        assert not order.terminal
        door.change = lambda report: report
        door.silent_fills = False
        await one.tick(seconds=1)
        first, second = await one.orders()
        assert first.state is OrderState.CANCELLED
        assert second.quantity == first.quantity - 10
        await one.agrees()


async def test_a_fill_that_comes_after_its_envelope_was_closed_is_booked(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=20.0) as (one, door):
        await late_fill(one, door)
        (order,) = await one.orders()
        assert (order.state, order.filled) == (OrderState.CANCELLED, 10)
        (position,) = one.engine.books.positions.values()
        assert position.units == 10
        assert one.engine.books.kill.level == 0
        await one.agrees()


async def late_fill(one: Desk, door: Door) -> None:
    """Ten shares trade, the broker calls the order cancelled at once and tells the execution later."""
    card = await one.begin()
    await one.react(card)
    one.market.size = 10

    def hushed(report: Report) -> Report:
        return replace(report, fills=(), leg_filled=(), event=OrderEvent.CANCEL)

    door.change = hushed
    door.silent_fills = True
    await one.tick(seconds=25)
    assert one.engine.books.envelopes == {}
    await one.broker.cancel(f"qm1-{card}-1")
    door.change = lambda report: report
    door.silent_fills = False
    await one.tick(seconds=10)


async def test_a_late_fill_survives_a_restart_that_comes_before_it(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=20.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.size = 10
        door.change = lambda report: replace(report, fills=(), leg_filled=(), event=OrderEvent.CANCEL)
        door.silent_fills = True
        await one.tick(seconds=25)
        await one.broker.cancel(f"qm1-{card}-1")
    async with desk(tmp_path, fills=LATE, since=one.clock.now()) as two:
        await two.engine.start()
        assert two.engine.books.kill.level == 0
        assert len(two.engine.books.positions) == 1
        await two.agrees()


async def test_more_than_was_ordered_is_booked_and_halts(tmp_path: Path) -> None:
    def more(report: Report) -> Report:
        return replace(report, fills=tuple(replace(fill, quantity=fill.quantity + 5) for fill in report.fills))

    async with faulty(tmp_path) as (one, door):
        door.change = more
        card = await one.begin()
        await one.react(card)
        (order,) = await one.orders()
        (position,) = one.engine.books.positions.values()
        assert position.units == order.quantity + 5
        assert one.engine.books.kill.level == 2
        assert await one.told("more was filled than approved")


async def test_an_event_that_cannot_be_halts_the_desk_once_and_freezes_the_order(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=6000.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 100.8
        await one.tick(seconds=5)
        door.change = lambda report: replace(report, event=OrderEvent.MARK)
        for _ in range(4):
            await one.tick(seconds=5)
        assert one.engine.books.kill.level == 2
        assert len(await one.told("Desk: HALT")) == 1
        assert [row.action for row in await one.journal.audit_rows()].count("illegal report") == 1
        (order,) = await one.orders()
        assert order.state is OrderState.WORKING
        await one.engine.resume("owner", "looked at it")
        await one.tick(seconds=5)
        assert one.engine.books.kill.level == 0


@pytest.mark.parametrize("change", [{"leg": 3}, {"order_key": "qm1-other-1"}, {"instrument_key": "OTHER"}, {"side": Side.SELL}])
async def test_an_execution_that_does_not_belong_to_the_order_halts(tmp_path: Path, change: dict[str, Any]) -> None:
    async with faulty(tmp_path) as (one, door):
        door.change = lambda report: replace(report, fills=tuple(replace(fill, **change) for fill in report.fills))
        await one.react(await one.begin())
        assert one.engine.books.kill.level == 2
        assert one.engine.books.positions == {}
        assert await one.journal.fills("paper") == []


async def test_a_corrected_execution_is_not_booked_twice_and_halts(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        (order,) = await one.orders()
        report = await one.broker.find(order.key)
        assert report is not None
        await repeat(one, replace(report, fills=tuple(replace(fill, version=2, quantity=1) for fill in report.fills)))
        assert one.engine.books.kill.level == 2
        await one.agrees()


async def test_a_fill_of_a_refused_order_is_booked_and_halts(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.change = lambda report: replace(report, event=OrderEvent.REFUSE, fills=(), leg_filled=())
        door.silent_fills = True
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.REJECTED
        door.change = lambda report: report
        door.silent_fills = False
        await one.tick(seconds=5)
        assert len(one.engine.books.positions) == 1
        assert one.engine.books.kill.level == 2
        await one.agrees()


async def test_a_report_on_an_order_that_was_never_sent_halts(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.dead.add("preview")
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.DENIED
        await repeat(one, Report(order.key, "strange", OrderEvent.LIVE, one.clock.now()))
        assert one.engine.books.kill.level == 2


async def test_f062_a_trade_by_somebody_else_is_booked_and_told_once_and_halts_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        one.open_market()
        await one.engine.tick()
        await one.broker.trade_outside((Leg(Stock("LEAD"), Side.BUY),), 5, Decimal("-100.01"))
        await one.tick()
        await one.tick()
        assert one.engine.books.kill.level == 0
        assert len(await one.told("Somebody else traded")) == 1
        await one.agrees()


async def test_a_report_that_only_says_that_the_order_exists_ends_the_doubt(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=600.0) as (one, door):
        card = await one.begin()
        door.lost.add("submit")
        await one.react(card)
        one.market.prices["LEAD"] = 100.8
        door.change = lambda report: replace(report, event=None)
        await one.tick(seconds=2)
        (order,) = await one.orders()
        assert order.state is OrderState.ACCEPTED
