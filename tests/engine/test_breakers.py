"""Breakers: each at its limit and just inside it, what it does to the desk, and what clears it."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.clock import HandClock
from bot.metered import Metered
from core.engine import breakers, gauges
from core.engine.breakers import BREAKERS, Effect, Measured, tripped
from core.engine.gauges import Gauges
from core.engine.safety import SafetySettings
from core.engine.settings import Policy
from core.model.errors import IllegalEventError, OutcomeUnknownError, RefusedError, RetryError
from core.model.kill import Level
from core.model.orders import OrderState
from core.model.positions import EquityPoint
from tests.engine.door import Door, faulty
from tests.engine.rig import Desk, desk
from tests.engine.test_kill_levels import Pager, standing
from tests.kit import nouns

LIMITS = SafetySettings()
MEBIBYTE = 2**20

#: Breaker -> (measured at its limit, measured just inside it, what it does).
CASES = {
    "rejects": (Measured(rejects=3), Measured(rejects=2), Effect.REDUCE_ONLY),
    "unknown": (Measured(unknown=("a", "b")), Measured(unknown=("a",)), Effect.REDUCE_ONLY),
    "broker": (Measured(broker_failed=0.31), Measured(broker_failed=0.3), Effect.ENTRIES_OFF),
    "feed": (Measured(feed_age=15.1), Measured(feed_age=15.0), Effect.ENTRIES_OFF),
    "lag": (Measured(lagging=5.0), Measured(lagging=4.9), Effect.ENTRIES_OFF),
    "disk_low": (Measured(disk=2048 * MEBIBYTE - 1), Measured(disk=2048 * MEBIBYTE), Effect.ENTRIES_OFF),
    "disk_out": (Measured(disk=512 * MEBIBYTE - 1), Measured(disk=512 * MEBIBYTE), Effect.HALT),
    "memory": (Measured(memory=4096 * MEBIBYTE + 1), Measured(memory=4096 * MEBIBYTE), Effect.ENTRIES_OFF),
    "descriptors": (Measured(descriptors=0.9), Measured(descriptors=0.89), Effect.HALT),
    "audit": (Measured(audit="audit row 3 does not fit its hash"), Measured(), Effect.HALT),
    "duplicate": (Measured(duplicate="number 7 stands for a and for b"), Measured(), Effect.HALT),
    "day_reduce": (Measured(day_change=-0.03), Measured(day_change=-0.0299), Effect.REDUCE_ONLY),
    "day_halt": (Measured(day_change=-0.05), Measured(day_change=-0.0499), Effect.HALT),
    "week_halt": (Measured(week_change=-0.08), Measured(week_change=-0.0799), Effect.HALT),
    "crashes": (Measured(crashes=3), Measured(crashes=2), Effect.HALT),
    "discord": (Measured(discord_gone=120.1), Measured(discord_gone=120.0), Effect.REDUCE_ONLY),
}


def test_every_breaker_is_tried() -> None:
    assert set(CASES) == {breaker.__name__ for breaker in BREAKERS}


@pytest.mark.parametrize("name", list(CASES))
def test_a_breaker_trips_at_its_limit_and_not_inside_it(name: str) -> None:
    beyond, inside, effect = CASES[name]
    (trip,) = [trip for trip in tripped(beyond, LIMITS) if trip.breaker == name]
    assert trip.effect is effect
    assert trip.sentence
    assert trip.clears
    assert "/resume" in trip.clears or effect is Effect.ENTRIES_OFF
    assert not [trip for trip in tripped(inside, LIMITS) if trip.breaker == name]


def test_what_was_not_measured_trips_nothing() -> None:
    assert tripped(Measured(), LIMITS) == ()


@pytest.mark.parametrize("name", ["rejects", "feed", "lag", "disk_low", "day_halt", "crashes", "discord"])
def test_the_sentence_names_measure_and_limit(name: str) -> None:
    (trip,) = [trip for trip in tripped(CASES[name][0], LIMITS) if trip.breaker == name]
    assert "limit" in trip.sentence
    assert any(letter.isdigit() for letter in trip.sentence)


@pytest.mark.parametrize("name", list(CASES))
def test_every_limit_is_a_setting(name: str) -> None:
    """With limits that are far away nothing trips; facts that have no limit (audit, duplicates) always do."""
    far = SafetySettings(
        rejects=9, unknown=9, broker_failures=0.99, feed_seconds=99, lag_for_seconds=99, disk_low=1, disk_out=1,
        memory=9999, descriptors=1.0,
        day_reduce=0.9, day_halt=0.9, week_halt=0.9, crashes=9, discord_seconds=999,
    )  # fmt: skip
    assert bool(tripped(CASES[name][0], far)) is (name in ("audit", "duplicate"))


# on a desk


@dataclass(slots=True)
class Guarded:
    """A desk with gauges on a machine's clock of its own."""

    desk: Desk
    door: Door
    gauges: Gauges
    machine: HandClock
    pager: Pager

    async def look(self, *, fresh: bool = True, **step: float) -> None:
        """Let the machine's time pass and let the breakers look; `fresh`: the feed was asked right before."""
        self.machine.turn_to(self.machine.now() + timedelta(**(step or {"seconds": 1})))
        if fresh:
            await self.desk.engine.view()
        await gauges.check(self.desk.engine, self.gauges)

    @property
    def level(self) -> int:
        return self.desk.engine.books.kill.level


@asynccontextmanager
async def guarded(folder: Path, **changes: object) -> AsyncIterator[Guarded]:
    async with faulty(folder, **changes) as (one, door):
        machine = HandClock(datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
        found, pager = Gauges(machine, LIMITS), Pager()
        one.engine.gauges, one.engine.pager = found, pager
        one.engine.broker = Metered(door, found)
        yield Guarded(one, door, found, machine, pager)


async def test_f063_three_rejects_in_ten_minutes_reduce_and_a_resume_holds(tmp_path: Path) -> None:
    async with guarded(tmp_path, max_cards=4, risk_per_trade=0.002) as one:
        cards = await standing(one.desk, 4)
        one.door.refused["submit"] = "margin call"
        for card in cards[:2]:
            await one.desk.react(card)
        await one.look()
        assert one.level == Level.ACTIVE
        await one.desk.react(cards[2])
        await one.look()
        assert one.level == (await one.desk.journal.kill()).level == Level.REDUCE_ONLY
        assert "refused 3 orders" in one.desk.engine.books.kill.reason
        assert "kill level 1" in str(await one.desk.react(cards[3]))
        await one.desk.engine.resume("owner", "the margin call is settled")
        await one.look()
        assert one.level == Level.ACTIVE, "the same three rejects do not take back what people decided"
        assert "refused 3 orders" in one.pager.text


async def test_rejects_of_an_hour_ago_do_not_count(tmp_path: Path) -> None:
    async with guarded(tmp_path, max_cards=4, risk_per_trade=0.002) as one:
        cards = await standing(one.desk, 3)
        one.door.refused["submit"] = "no"
        for card in cards:
            await one.desk.react(card)
        one.desk.later(minutes=11)
        await one.look()
        assert one.level == Level.ACTIVE


async def test_two_orders_of_unknown_outcome_reduce(tmp_path: Path) -> None:
    async with guarded(tmp_path, max_cards=4, risk_per_trade=0.002) as one:
        cards = await standing(one.desk, 2)
        one.door.dead |= {"submit", "find"}
        await one.desk.react(cards[0])
        await one.look()
        assert one.level == Level.ACTIVE
        await one.desk.react(cards[1])
        await one.look()
        assert one.level == Level.REDUCE_ONLY
        assert "2 orders is unknown" in one.desk.engine.books.kill.reason


async def test_a_broker_that_fails_keeps_entries_back_until_it_answers(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        card = await one.desk.begin()
        one.door.dead.add("account")
        for _ in range(20):
            with pytest.raises(RetryError):
                await one.desk.engine.broker.account()
        await one.look()
        assert one.level == Level.ACTIVE
        said = str(await one.desk.react(card))
        assert "entries are off until the broker answers again: 100 % of the last 20 calls" in said
        assert await one.desk.orders() == []
        one.door.dead.clear()
        for _ in range(20):
            await one.desk.engine.broker.account()
        await one.look()
        assert one.gauges.entries_off, "the cause must be gone for a while"
        await one.look(seconds=31)
        assert one.gauges.entries_off is None
        assert len(await one.desk.told("Entries are on again")) == 1
        assert "Approved" in str(await one.desk.react(card))


async def test_a_refusal_is_an_answer_and_a_doubt_is_none(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        one.door.refused["account"] = "not now"
        with pytest.raises(RefusedError):
            await one.desk.engine.broker.account()
        one.door.refused.clear()
        one.door.lost.add("cancel")
        one.door.dead.add("cancel")
        with pytest.raises(OutcomeUnknownError):
            await one.desk.engine.broker.cancel("nothing")
        assert list(one.gauges._calls) == [True, False]
        assert one.desk.engine.broker.capabilities == one.door.capabilities


async def test_a_stale_feed_keeps_entries_back_and_exits_go_on(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        await one.desk.buy()
        await one.look(fresh=False)
        assert one.gauges.entries_off is None
        await one.look(fresh=False, seconds=16)
        assert "newest quote" in str(one.gauges.entries_off)
        assert one.level == Level.ACTIVE
        one.desk.market.prices["LEAD"] = 93.0
        await one.desk.tick()
        await one.desk.tick()
        assert one.desk.engine.books.positions == {}
        await one.look(fresh=False)
        await one.look(fresh=False, seconds=10)
        assert one.gauges.entries_off
        for _ in range(3):
            await one.desk.tick(seconds=1)
            await one.look(fresh=False, seconds=12)
        assert one.gauges.entries_off is None


async def test_the_age_of_quotes_counts_what_the_feed_itself_says(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        await one.desk.begin()
        await one.look()
        one.desk.market.quoted_at = one.desk.clock.now()
        one.desk.later(seconds=20)
        await one.desk.engine.tick()
        await one.look(fresh=False)
        assert "20" in str(one.gauges.entries_off) or "21" in str(one.gauges.entries_off)


async def test_outside_of_a_session_no_feed_is_stale_and_the_open_gives_it_time(tmp_path: Path) -> None:
    async with guarded(tmp_path) as one:
        await one.desk.engine.start()
        await one.look(fresh=False, hours=15)
        assert one.gauges.entries_off is None
        one.desk.open_market()
        await one.look(fresh=False, seconds=1)
        await one.look(fresh=False, seconds=14)
        assert one.gauges.entries_off is None
        await one.look(fresh=False, seconds=2)
        assert one.gauges.entries_off


@pytest.mark.parametrize(("price", "level", "said"), [(99.9, 0, ""), (97.0, 1, "previous close"), (93.0, 2, "previous close")])
async def test_a_bad_day_reduces_and_a_very_bad_one_halts(tmp_path: Path, price: float, level: int, said: str) -> None:
    """All of the account is in one share; nothing but its price moves."""
    async with guarded(tmp_path) as one:
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
    async with guarded(tmp_path) as one:
        await one.desk.engine.start()
        one.desk.open_market()
        point = EquityPoint("paper", nouns.COMPLETED, Decimal(100_000), Decimal(0), Decimal(0), Decimal(0), Decimal(0))
        friday = replace(point, day=nouns.COMPLETED - timedelta(days=4), net_liquidation=Decimal(110_000))
        one.desk.engine.books.equity = [friday, point]
        await one.desk.engine.tick()
        await one.look()
        assert one.level == Level.HALT
        assert "end of last week" in one.desk.engine.books.kill.reason


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
