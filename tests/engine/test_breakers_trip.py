"""Breakers on a desk: broker, feed, orders in doubt; what trips them, what they do, and what clears them."""

from pathlib import Path

import pytest

from core.model.errors import OutcomeUnknownError, RefusedError, RetryError
from core.model.kill import Level
from tests.engine.guarded import guarded
from tests.engine.halts import standing


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
