"""Breakers on a desk: losses, facts that cannot be, the machine and Discord."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.engine import breakers, gauges
from core.engine.settings import Policy
from core.model.errors import IllegalEventError
from core.model.kill import Level
from core.model.orders import Movement, OrderState, Transaction
from core.model.positions import EquityPoint
from tests.engine.guarded import MEBIBYTE, guarded
from tests.engine.halts import standing
from tests.engine.rig import EVENING, desk
from tests.kit import nouns

#: The account was opened, and its money paid in, before anything that these tests tell of it.
LONG_AGO = EVENING - timedelta(days=20)


@pytest.mark.parametrize(("price", "level", "said"), [(99.9, 0, ""), (97.0, 1, "previous close"), (93.0, 2, "previous close")])
async def test_a_bad_day_reduces_and_a_very_bad_one_halts(tmp_path: Path, price: float, level: int, said: str) -> None:
    """All of the account is in one share; nothing but its price moves."""
    async with guarded(tmp_path, since=LONG_AGO) as one:
        held = await one.desk.buy()
        books = one.desk.engine.books
        books.cash = Decimal(0)
        value = Decimal(100) * held.units
        point = EquityPoint("paper", nouns.COMPLETED, value, Decimal(0), Decimal(0), value, Decimal(0))
        books.equity = [replace(point, day=nouns.COMPLETED - timedelta(days=4)), point]
        one.desk.market.prices["LEAD"] = price
        view = await one.desk.engine.view()
        await gauges.value(one.desk.engine, one.gauges, view)
        await one.look()
        assert one.level == level
        assert said in one.desk.engine.books.kill.reason


async def test_a_bad_week_halts(tmp_path: Path) -> None:
    async with guarded(tmp_path, since=LONG_AGO) as one:
        await one.desk.engine.start()
        one.desk.open_market()
        point = EquityPoint("paper", nouns.COMPLETED, Decimal(100_000), Decimal(0), Decimal(0), Decimal(0), Decimal(0))
        friday = replace(point, day=nouns.COMPLETED - timedelta(days=4), net_liquidation=Decimal(110_000))
        one.desk.engine.books.equity = [friday, point]
        await one.desk.engine.tick()
        await one.look()
        assert one.level == Level.HALT
        assert "end of last week" in one.desk.engine.books.kill.reason


async def test_money_paid_out_is_no_loss_and_a_first_day_has_a_start_of_its_own(tmp_path: Path) -> None:
    """The account holds a tenth of what the settings say a paper account opens with; then half of that is withdrawn."""
    async with guarded(tmp_path) as one:
        await one.desk.engine.start()
        one.desk.open_market()
        one.desk.engine.books.cash = Decimal(10_000)
        await one.desk.engine.tick()
        await one.look()
        assert one.gauges.day_change == 0
        at = one.desk.clock.now() + timedelta(minutes=1)
        paid = Transaction("out-1", "paper", at, Movement.DEPOSIT, None, 0, Decimal(0), Decimal(-5_000))
        one.door.extra.append(paid)
        await one.desk.tick(minutes=2)
        await one.look()
        assert one.desk.engine.books.cash == 5_000
        assert one.gauges.day_change == 0
        assert one.level == Level.ACTIVE


async def test_one_number_of_the_broker_for_two_orders_halts(tmp_path: Path) -> None:
    async with guarded(tmp_path, max_cards=4, risk_per_trade=0.002) as one:
        cards = await standing(one.desk, 2)
        for card in cards:
            await one.desk.react(card)
        orders = await one.desk.orders()
        assert gauges._duplicate(orders) == ""
        twins = [replace(order, broker_order_id="4711") for order in orders]
        assert "4711" in gauges._duplicate(twins)
        for twin in twins:
            await one.desk.journal.record_order(twin)
        await one.look()
        assert one.level == Level.HALT
        assert "4711" in one.desk.engine.books.kill.reason


async def test_an_event_that_cannot_be_halts_wherever_it_is_met(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        card = await one.desk.begin()

        async def impossible(*_: object, **__: object) -> None:
            raise IllegalEventError("the claim changed hands inside itself")

        one.desk.journal.claim = impossible  # type: ignore[method-assign]
        with pytest.raises(IllegalEventError):
            await one.desk.react(card)
        assert one.level == Level.HALT
        assert "changed hands" in one.pager.text


async def test_f029_a_changed_audit_row_halts(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        await one.desk.begin()
        await one.desk.journal.audit("owner", "a look", {}, one.desk.clock.now())
        with closing(sqlite3.connect(tmp_path / "journal.db")) as hand:
            hand.execute("DROP TRIGGER IF EXISTS audit_no_update")
            triggers = [row[0] for row in hand.execute("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='audit'")]
            for name in triggers:
                hand.execute(f'DROP TRIGGER "{name}"')
            hand.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 1")
            hand.commit()
        with pytest.raises(IllegalEventError) as found:
            await one.desk.journal.verify_audit()
        one.gauges.audit = str(found.value)
        await one.look()
        assert one.level == Level.HALT
        assert "audit row 1" in one.desk.engine.books.kill.reason


async def test_f026_a_disk_that_fills_keeps_entries_back_then_halts_and_cancels_still_work(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        card = await one.desk.begin()
        one.gauges.disk = 2_000 * MEBIBYTE
        await one.look()
        assert "2000 MiB are free" in str(await one.desk.react(card))
        one.gauges.disk = 400 * MEBIBYTE
        await one.look()
        assert one.level == Level.HALT
        await one.desk.engine.halt("owner", "off", Level.CANCEL_ALL)
        await one.desk.engine.rest()
        assert await one.desk.told("two looks in a row found none")


async def test_an_order_that_was_not_found_in_time_is_paged_once(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        card = await one.desk.begin()
        one.door.dead |= {"submit"}
        await one.desk.react(card)
        for _ in range(4):
            await one.desk.tick(minutes=1)
            await one.look()
        (order,) = await one.desk.orders()
        assert order.state is OrderState.ESCALATED
        assert one.pager.text.count("Please look at the broker") == 1
        assert order.key in one.pager.text


async def test_f122_without_discord_entries_stop_people_are_paged_and_exits_go_on(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        await one.desk.buy()
        one.gauges.discord_gone = 121.0
        await one.look()
        assert one.level == Level.REDUCE_ONLY
        assert "Discord has been out of reach" in one.pager.text
        one.desk.market.prices["LEAD"] = 93.0
        await one.desk.tick()
        await one.desk.tick()
        assert one.desk.engine.books.positions == {}


async def test_f016_a_blocked_loop_keeps_entries_back(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        card = await one.desk.begin()
        one.gauges.lagging = 30.0
        await one.look()
        assert "late by more than 1 s for 30 s" in str(await one.desk.react(card))
        one.gauges.lagging = 0.0
        await one.look(seconds=31)
        await one.look()
        assert one.gauges.entries_off is None


async def test_an_entry_that_the_policy_would_wave_through_ends_while_entries_are_off(tmp_path: Path) -> None:
    async with guarded(tmp_path, entries=Policy.AUTO) as one:
        await one.desk.engine.start()
        await one.desk.engine.scan()
        one.desk.open_market()
        one.gauges.disk = 2_000 * MEBIBYTE
        await one.look()
        await one.desk.engine.entries()
        assert await one.desk.orders() == []
        assert one.desk.engine.books.pending == {}


async def test_without_gauges_nothing_is_measured(tmp_path: Path) -> None:
    """A replay has none, so its results cannot change."""
    async with desk(tmp_path) as one:
        assert one.engine.gauges is None
        await one.buy()
        one.market.prices["LEAD"] = 50.0
        await one.tick()
        assert one.engine.books.kill.level == Level.ACTIVE
    assert breakers.BREAKERS
