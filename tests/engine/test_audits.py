"""The account is compared with the broker all the time: what one look finds is looked at again, what two find counts."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.paper import FillModel
from core.engine import audits
from core.market.sessions import NEW_YORK
from core.model.instruments import Leg, Side, Stock
from core.model.orders import OrderEvent, OrderState, Report
from tests.engine.door import faulty
from tests.engine.rig import Desk, desk

LATE = FillModel(latency_seconds=1.0)


async def quiet(one: Desk) -> None:
    await one.engine.start()
    one.open_market()
    await one.engine.tick()


async def test_f050_a_fill_that_no_report_brought_is_found_within_ten_seconds(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=600.0) as (one, door):
        await one.react(await one.begin())
        door.change = lambda report: replace(report, fills=(), leg_filled=(), event=OrderEvent.LIVE)
        await one.tick(seconds=9)
        (position,) = one.engine.books.positions.values()
        assert position.units == (await one.broker.positions())["LEAD"]
        assert one.engine.books.kill.level == 0
        await one.agrees()


async def test_f050_a_fill_of_an_order_that_is_over_is_found_within_ten_seconds(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=20.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.size = 10
        door.change = lambda report: replace(report, fills=(), leg_filled=(), event=OrderEvent.CANCEL)
        door.silent_fills = True
        await one.tick(seconds=25)
        await one.broker.cancel(f"qm1-{card}-1")
        door.silent_fills = False
        for _ in range(5):
            await one.tick(seconds=2)
        assert [position.units for position in one.engine.books.positions.values()] == [10]


async def test_holdings_that_differ_once_are_looked_at_again_and_halt_nothing(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await quiet(one)
        door.held["LEAD"] = 3
        await one.tick(seconds=61)
        assert one.engine.books.kill.level == 0
        door.held.clear()
        await one.tick(seconds=2)
        assert one.engine.books.watch.suspects == {}
        await one.tick(seconds=120)
        assert one.engine.books.kill.level == 0


async def test_holdings_that_differ_twice_halt(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await quiet(one)
        door.held["LEAD"] = 3
        await one.tick(seconds=61)
        await one.tick(seconds=2)
        assert one.engine.books.kill.level == 2
        assert await one.told("LEAD: the broker holds 3, the journal 0")


async def test_f068_cash_that_differs_twice_lets_only_exits_through(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, _):
        await quiet(one)
        one.engine.books.cash += 500
        await one.tick(seconds=301)
        assert one.engine.books.kill.level == 0
        await one.tick(seconds=301)
        assert one.engine.books.kill.level == 1
        assert await one.told("cash: the broker says")


async def test_a_difference_of_the_fees_that_nobody_knows_is_none(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        door.change = lambda report: replace(report, fills=tuple(replace(fill, fee=None) for fill in report.fills))
        door.silent_fills = True
        await one.buy()
        for _ in range(3):
            await one.tick(seconds=301)
        assert one.engine.books.kill.level == 0


async def test_f048_positions_that_were_not_answered_are_not_flat(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await one.buy()
        door.dead.add("positions")
        for _ in range(3):
            await one.tick(seconds=61)
        assert len(one.engine.books.positions) == 1
        assert one.engine.books.kill.level == 0


async def test_each_question_has_its_own_pace(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await quiet(one)
        door.asked.clear()
        for _ in range(300):
            await one.tick(seconds=1)
        assert (door.asked["fills"], door.asked["open_orders"]) == (30, 30)
        assert (door.asked["positions"], door.asked["transactions"]) == (5, 5)
        assert door.asked["account"] == 1
        assert door.asked["reports"] == door.asked["find"] == 0


async def test_a_desk_that_is_not_audited_asks_as_it_always_did(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        one.engine.audited = False
        await quiet(one)
        door.asked.clear()
        for _ in range(300):
            await one.tick(seconds=60)
            await one.engine.audit()
        assert (door.asked["fills"], door.asked["transactions"]) == (300, 300)
        assert set(door.asked) == {"fills", "transactions"}


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        ("09:10", "09:19", False),
        ("09:10", "09:20", True),
        ("15:50", "16:05", True),
        ("16:06", "16:20", False),
        ("16:06", "16:36", True),
        ("20:10", "20:30", True),
        ("20:31", "21:05", False),
        ("02:00", "05:00", False),
    ],
)
async def test_everything_is_compared_at_fixed_times_and_each_half_hour(tmp_path: Path, last: str, now: str, due: bool) -> None:
    def instant(text: str) -> datetime:
        return datetime.combine(date(2024, 6, 12), datetime.strptime(text, "%H:%M").time(), NEW_YORK)  # noqa: DTZ007 - a wall clock

    async with desk(tmp_path, since=instant(now)) as one:
        one.engine.reconciled_at = instant(last)
        assert audits.whole_due(one.engine) is due


async def test_a_saturday_is_left_alone(tmp_path: Path) -> None:
    async with desk(tmp_path, since=datetime(2024, 6, 15, 9, 30, tzinfo=NEW_YORK)) as one:
        one.engine.reconciled_at = one.clock.now() - timedelta(hours=3)
        assert not audits.due(one.engine)


async def test_the_account_is_compared_after_the_close_too(tmp_path: Path) -> None:
    async with faulty(tmp_path, since=datetime(2024, 6, 11, 19, 30, tzinfo=NEW_YORK)) as (one, door):
        await one.engine.start()
        door.held["LEAD"] = 3
        one.later(minutes=61)
        await one.engine.audit()
        assert one.engine.reconciled == "0 positions, 1 differences"
        assert one.engine.books.kill.level == 0
        one.later(seconds=3)
        await one.engine.audit()
        assert one.engine.books.kill.level == 2


async def test_the_broker_that_answers_again_is_met_like_at_a_start(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await quiet(one)
        door.dead |= {"fills", "reports", "transactions"}
        await one.tick(seconds=11)
        await one.broker.trade_outside((Leg(Stock("LEAD"), Side.BUY),), 5, Decimal("-100.01"))
        await one.tick(seconds=61)
        door.dead.clear()
        await one.tick(seconds=5)
        (note,) = await one.told("The broker answers again")
        assert "1 positions and 0 orders of somebody else" in note.body
        assert one.engine.books.kill.level == 0
        await one.agrees()


async def test_f058_two_orders_under_one_key_are_withdrawn_and_halt(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=600.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 101.0
        key = f"qm1-{card}-1"
        door.listed.append(Report(key, "twin-2", OrderEvent.LIVE, one.clock.now()))
        await one.tick(seconds=11)
        assert one.engine.books.kill.level == 2
        assert await one.told("the broker has two orders under the one key")
        assert door.asked["cancel"] == 1


async def test_f057_an_order_that_is_over_here_and_open_there_is_withdrawn_after_the_second_look(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await one.buy()
        (order,) = await one.orders()
        door.listed.append(Report(order.key, "successor-2", OrderEvent.LIVE, one.clock.now()))
        await one.tick(seconds=11)
        assert one.engine.books.kill.level == 0
        await one.tick(seconds=11)
        assert one.engine.books.kill.level == 2
        assert door.asked["cancel"] == 1
        assert await one.told("is filled and still open at the broker")


async def test_f046_a_list_that_lags_behind_a_fill_halts_nothing(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await one.buy()
        (order,) = await one.orders()
        door.listed.append(Report(order.key, "paper-000001", OrderEvent.LIVE, one.clock.now()))
        await one.tick(seconds=11)
        door.listed.clear()
        await one.tick(seconds=11)
        assert one.engine.books.kill.level == 0
        assert door.asked["cancel"] == 0


async def test_every_state_of_what_was_in_flight_is_settled_by_two_agreeing_looks(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.dead.add("submit")
        await one.react(card)
    async with faulty(tmp_path, since=one.clock.now()) as (two, door):
        began = two.clock.now()
        await two.engine.start()
        assert two.clock.now() - began >= timedelta(seconds=2)
        assert door.asked["positions"] == 2
        (order,) = await two.orders()
        assert order.state is OrderState.UNKNOWN
