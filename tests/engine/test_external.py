"""Trades of somebody else on the account: booked and counted at once, never touched; what they take from us is not turned round."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.paper import FillModel
from core.model.doubts import Hold
from core.model.instruments import Leg, Side, Stock
from core.model.kill import Level
from core.model.orders import OrderState
from core.model.positions import CLOSED_OUTSIDE
from tests.engine.door import execution, faulty
from tests.engine.rig import Desk, desk
from tests.kit import nouns

LATE = FillModel(latency_seconds=1.0)
LEAD = Stock("LEAD")


async def outside(one: Desk, side: Side, quantity: int, symbol: str = "LEAD") -> None:
    price = Decimal(str(one.market.price(symbol)))
    limit = -(price + Decimal("0.01")) if side is Side.BUY else price - Decimal("0.01")
    await one.broker.trade_outside((Leg(Stock(symbol), side),), quantity, limit)


async def test_f062_what_somebody_else_bought_is_a_position_that_nobody_touches(tmp_path: Path) -> None:
    async with desk(tmp_path, names=("LEAD", "NEXT")) as one:
        await one.engine.start()
        one.open_market()
        await one.engine.tick()
        await outside(one, Side.BUY, 50, "NEXT")
        await one.tick()
        (theirs,) = one.engine.books.positions.values()
        assert theirs.is_external
        assert (theirs.symbol, theirs.units) == ("NEXT", 50)
        book = await one.engine.book()
        assert book.net_liquidation == pytest.approx(Decimal(100_000), abs=2)
        assert book.of_symbol("NEXT")[0].value == pytest.approx(Decimal(5000), abs=1)
        one.market.prices["NEXT"] = 10.0
        for _ in range(3):
            await one.tick()
        assert one.engine.books.positions[theirs.id].units == 50
        assert await one.orders() == []
        assert "never touched" in await one.engine.close_position(theirs.id, None, "owner")
        status = await one.engine.status()
        assert (status.outside, status.held_back) == (1, ())
        assert one.engine.books.kill.level == 0
        await one.agrees()


async def test_it_is_still_theirs_after_a_restart_and_when_they_sell_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        one.open_market()
        await one.engine.tick()
        await outside(one, Side.BUY, 50)
        await one.tick()
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        assert two.engine.books.kill.level == 0
        assert "1 positions and 0 orders of somebody else" in two.engine.reconciled
        await outside(two, Side.SELL, 20)
        await two.tick()
        (theirs,) = two.engine.books.positions.values()
        assert theirs.units == 30
        await outside(two, Side.SELL, 30)
        await two.tick()
        assert two.engine.books.positions == {}
        assert two.engine.books.results == []
        assert not two.engine.books.watch.locks
        await two.agrees()


async def test_what_somebody_else_bought_while_the_desk_was_down_is_booked_at_the_start(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        one.open_market()
        await outside(one, Side.BUY, 5)
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        assert two.engine.books.kill.level == 0
        assert next(iter(two.engine.books.positions.values())).is_external
        assert "0 differences" in two.engine.reconciled
        await two.agrees()


async def test_what_the_account_held_before_the_desk_first_looked_is_theirs(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        one.open_market()
        await outside(one, Side.BUY, 7)
        one.later(hours=49)
        await one.engine.start()
        (theirs,) = one.engine.books.positions.values()
        assert theirs.is_external
        assert theirs.units == 7
        assert one.engine.books.kill.level == 0
        assert (await one.broker.account()).cash == one.engine.books.cash
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        assert two.engine.books.kill.level == 0
        assert [position.units for position in two.engine.books.positions.values()] == [7]


async def test_a_sale_of_ours_by_somebody_else_calls_its_exits_off_and_holds_the_name_back(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=600.0) as (one, door):
        one.market.size = 10_000
        await one.react(await one.begin())
        await one.tick(seconds=2)
        (ours,) = one.engine.books.positions.values()
        one.market.prices["LEAD"] = 93.0
        await one.tick(seconds=1)
        closing = next(order for order in await one.orders() if order.legs[0].side is Side.SELL)
        assert not closing.terminal
        one.market.prices["LEAD"] = 90.0
        door.traded.append(execution(Side.SELL, ours.units // 2, "0.01", at=one.clock.now(), fee=Decimal(0)))
        door.held["LEAD"] = -(ours.units // 2)
        await one.tick(seconds=2)
        closing = next(order for order in await one.orders() if order.key == closing.key)
        assert closing.state is OrderState.CANCELLED
        assert closing.filled == 0
        assert one.engine.books.envelopes == {}
        assert one.engine.books.watch.held("LEAD", Hold.OUTSIDE)
        for _ in range(4):
            await one.tick(seconds=30)
        left = ours.units - ours.units // 2
        assert one.engine.books.positions[ours.id].units == left
        assert len([order for order in await one.orders() if order.legs[0].side is Side.SELL]) == 1
        assert (await one.engine.status()).held_back == ("LEAD: somebody else traded it",)
        assert one.engine.books.kill.level == 0
        assert door.submits[closing.key] == 1


async def shrunk(one: Desk, share: int) -> None:
    ours = await one.buy()
    await outside(one, Side.SELL, ours.units // share)
    await one.tick()


@pytest.mark.parametrize("word", ["adopt", "ignore"])
async def test_the_strategy_acts_again_after_a_word(tmp_path: Path, word: str) -> None:
    async with desk(tmp_path) as one:
        await shrunk(one, 2)
        left = next(iter(one.engine.books.positions.values())).units
        one.market.prices["LEAD"] = 93.0
        await one.tick()
        assert (await one.broker.positions())["LEAD"] == left
        if word == "adopt":
            assert "counts as ours" in await one.engine.adopt("lead", "owner", None)
        else:
            assert "stays outside" in await one.engine.ignore("lead", "owner")
        assert not one.engine.books.watch.locks
        await one.tick()
        assert await one.broker.positions() == {}
        assert one.engine.books.positions == {}
        await one.agrees()


async def test_a_position_that_somebody_else_closed_says_so_and_its_name_waits(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await shrunk(one, 1)
        (closed,) = await one.journal.positions("paper", closed_since=nouns.DAY)
        assert closed.close_cause == CLOSED_OUTSIDE
        assert not closed.is_open
        assert one.engine.books.watch.held("LEAD", Hold.OUTSIDE)
        assert "LEAD" in one.engine.books.busy()
        assert len(one.engine.books.results) == 1
        await one.agrees()
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        assert two.engine.books.watch.held("LEAD", Hold.OUTSIDE)
        assert await two.told("LEAD is held back: somebody else traded it")


async def test_a_person_may_close_what_is_held_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await shrunk(one, 2)
        (ours,) = one.engine.books.positions.values()
        await one.engine.close_position(ours.id, None, "owner")
        assert await one.broker.positions() == {}
        await one.agrees()


async def test_shares_of_somebody_else_are_taken_over_with_a_stop(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        one.open_market()
        await one.engine.tick()
        await outside(one, Side.BUY, 40)
        await one.tick()
        assert "give a stop" in await one.engine.adopt("LEAD", "owner", None)
        assert "40 shares are ours now" in await one.engine.adopt("LEAD", "owner", Decimal(95))
        await one.tick()
        (ours,) = one.engine.books.positions.values()
        assert not ours.is_external
        one.market.prices["LEAD"] = 94.0
        await one.tick()
        assert one.engine.books.positions == {}
        await one.agrees()


async def test_a_word_about_nothing_changes_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        assert "waits for a word" in await one.engine.adopt("LEAD", "owner", None)
        assert "is not held back" in await one.engine.ignore("LEAD", "owner")


async def test_flattening_leaves_what_somebody_else_holds(tmp_path: Path) -> None:
    async with desk(tmp_path, names=("LEAD", "NEXT")) as one:
        await one.buy()
        await outside(one, Side.BUY, 50, "NEXT")
        await one.tick()
        await one.engine.halt("owner and partner", "drill", Level.FLATTEN)
        for _ in range(6):
            await one.engine.rest()
            await one.tick()
        assert await one.broker.positions() == {"NEXT": 50}
        assert [position.is_external for position in one.engine.books.positions.values()] == [True]
        await one.agrees()


async def test_an_order_of_somebody_else_is_told_once_and_never_cancelled(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE) as (one, door):
        await one.engine.start()
        one.open_market()
        await one.engine.tick()
        await one.broker.trade_outside((Leg(LEAD, Side.BUY),), 5, Decimal(-90))
        for _ in range(4):
            await one.tick()
        assert len(await one.told("Somebody else has an order")) == 1
        assert door.asked["cancel"] == 0
        assert len(await one.broker.open_orders()) == 1
        assert one.engine.books.kill.level == 0


async def test_a_cancel_by_somebody_else_ends_the_envelope(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk=(0.5, 1.0), walk_seconds=600.0) as (one, door):
        card = await one.begin()
        await one.react(card)
        one.market.prices["LEAD"] = 101.0
        await one.tick(seconds=2)
        await door.inner.cancel(f"qm1-{card}-1")
        await one.tick(seconds=2)
        (order,) = await one.orders()
        assert order.state is OrderState.CANCELLED
        assert order.reason == "cancelled at the broker, not by this desk"
        assert one.engine.books.envelopes == {}


async def test_an_exit_that_traded_beside_a_sale_of_somebody_else_is_booked_and_halts(tmp_path: Path) -> None:
    async with faulty(tmp_path, fills=LATE, walk_seconds=600.0) as (one, door):
        await one.react(await one.begin())
        await one.tick(seconds=2)
        (ours,) = one.engine.books.positions.values()
        one.market.prices["LEAD"] = 93.0
        await one.tick(seconds=1)
        one.market.prices["LEAD"] = 90.0
        door.dead.add("cancel")
        door.traded.append(execution(Side.SELL, 5, "0.01", at=one.clock.now(), fee=Decimal(0)))
        door.held["LEAD"] = -5
        await one.tick(seconds=2)
        assert one.engine.books.kill.level == 0
        one.market.prices["LEAD"] = 93.0
        await one.tick(seconds=2)
        left = sum(holding.quantity for position in one.engine.books.positions.values() for holding in position.holdings)
        assert left == -5
        assert one.engine.books.kill.level == 2
        assert await one.told("turned it round; somebody else may have closed it")
        assert ours.units > 5


async def test_what_was_traded_outside_over_a_weekend_is_booked_at_the_next_start(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        one.open_market()
        await one.engine.tick()
        await outside(one, Side.BUY, 5)
    async with desk(tmp_path, since=one.clock.now() + timedelta(days=4)) as two:
        await two.engine.start()
        assert two.engine.books.kill.level == 0
        assert [position.units for position in two.engine.books.positions.values()] == [5]
