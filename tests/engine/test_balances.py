"""What may be spent, and option positions that change without an order: the broker's own words on the account."""

from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.engine.settings import Expression
from core.model.doubts import Hold
from core.model.orders import Movement, Transaction
from core.options.choose import OptionPolicy
from core.ports.broker import Account
from tests.engine.door import Door, faulty
from tests.engine.rig import Desk


async def quiet(one: Desk) -> None:
    await one.engine.start()
    one.open_market()
    await one.engine.tick()


async def options(stack: AsyncExitStack, folder: Path) -> tuple[Desk, Door]:
    given = {"expression": Expression.OPTIONS, "start_cash": Decimal(1_000_000)}
    one, door = await stack.enter_async_context(faulty(folder, **given))
    one.market.listed, one.engine.options = True, OptionPolicy(min_reward_risk=0.0, max_spread=0.5)
    return one, door


async def test_options_that_went_without_an_order_wait_for_the_statement_and_then_halt(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one, door = await options(stack, tmp_path)
        position = await one.buy()
        (call,) = position.holdings
        await one.tick(minutes=2)
        door.held = {call.instrument.key: -call.quantity, "LEAD": 100 * call.quantity}
        await one.tick(seconds=61)
        await one.tick(seconds=2)
        assert one.engine.books.kill.level == 0
        assert one.engine.books.watch.held("LEAD", Hold.DOUBT)
        assert await one.told("it looks like an assignment or exercise")
        for _ in range(14):
            await one.tick(seconds=60)
        assert one.engine.books.kill.level == 0
        await one.tick(minutes=2)
        await one.tick(seconds=3)
        assert one.engine.books.kill.level == 2


async def test_the_statement_of_an_exercise_ends_the_wait(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one, door = await options(stack, tmp_path)
        position = await one.buy()
        (call,) = position.holdings
        await one.tick(minutes=2)
        shares = 100 * call.quantity
        door.held = {call.instrument.key: -call.quantity, "LEAD": shares}
        await one.tick(seconds=61)
        await one.tick(seconds=2)
        assert one.engine.books.watch.held("LEAD", Hold.DOUBT)
        now, strike = one.clock.now(), getattr(call.instrument, "strike", Decimal(0))
        stated: dict[str, Any] = {"account": "paper", "at": now, "kind": Movement.EXERCISE, "price": strike}
        door.extra.append(
            Transaction("e-1", instrument_key=call.instrument.key, quantity=-call.quantity, cash=Decimal(0), **stated)
        )
        door.extra.append(Transaction("e-2", instrument_key="LEAD", quantity=shares, cash=-strike * shares, **stated))
        await one.tick(seconds=61)
        await one.tick(seconds=3)
        assert not one.engine.books.watch.locks
        assert one.engine.books.watch.candidates == {}
        (held,) = one.engine.books.positions.values()
        assert [(thing.instrument.key, thing.quantity) for thing in held.holdings] == [("LEAD", shares)]


async def test_the_smaller_of_two_words_is_the_buying_power(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await quiet(one)
        assert (await one.engine.book()).buying_power == 100_000
        now = one.clock.now()
        one.engine.books.watch.account = Account("paper", Decimal(100_000), Decimal(12_000), now)
        assert (await one.engine.book()).buying_power == 12_000
        one.later(minutes=6)
        assert (await one.engine.book()).buying_power == 100_000
        door.dead.add("account")
        one.later(minutes=6)
        assert (await one.engine.book()).buying_power is None


async def test_f068_a_broker_with_less_to_spend_shrinks_the_order(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, _):
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        one.engine.books.watch.account = Account("paper", Decimal(100_000), Decimal(1_500), one.clock.now())
        await one.engine.entries()
        (stored,) = await one.engine.pending()
        assert stored.proposal.quantity == 14
