"""Options down the whole road: a long call, a debit spread and a put credit spread, from the card to the last exit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.engine.settings import Expression
from core.model.instruments import Option, Right
from core.model.orders import Movement, OrderState
from core.model.positions import Position
from core.options.choose import OptionPolicy, Structure
from tests.engine.rig import Desk, desk

RICH = 80.0
WIDE = OptionPolicy(min_reward_risk=0.0, max_spread=0.5)


@asynccontextmanager
async def listed(folder: Path, structure: Structure = Structure.LONG_CALL, **changes: Any) -> AsyncIterator[Desk]:
    """A desk whose market lists options; a high IV rank asks for the spread of the policy."""
    given = {"expression": Expression.OPTIONS, "start_cash": Decimal(1_000_000), **changes}
    async with desk(folder, **given) as one:
        one.market.listed = True
        if structure is not Structure.LONG_CALL:
            one.market.iv_rank = RICH
            one.engine.options = replace(WIDE, above_limit=structure)
        else:
            one.engine.options = WIDE
        yield one


async def finish(one: Desk, opened: Position, cause: str) -> None:
    """Nothing is held any more, the cause is written down, cash is what was earned, and all three books agree."""
    assert one.engine.books.positions == {}
    (closed,) = await one.journal.positions("paper", closed_since=opened.opened_session)
    assert closed.close_cause == cause
    assert one.engine.books.cash == one.engine.settings.start_cash + closed.realised - closed.fees
    assert one.engine.books.kill.level == 0
    await one.agrees()


@pytest.mark.parametrize("structure", list(Structure))
async def test_the_card_becomes_the_position_that_it_showed(tmp_path: Path, structure: Structure) -> None:
    async with listed(tmp_path, structure) as one:
        card = await one.begin()
        stored = await one.journal.proposal(card)
        assert stored is not None
        await one.react(card)
        (position,) = one.engine.books.positions.values()
        assert position.structure == structure == stored.proposal.structure
        assert position.units == stored.proposal.quantity
        assert {holding.instrument for holding in position.holdings} == {leg.instrument for leg in stored.proposal.legs}
        assert position.max_loss <= stored.proposal.max_loss
        assert position.modelled
        await one.agrees()


async def test_a_credit_spread_brings_cash_and_ties_up_its_width(tmp_path: Path) -> None:
    async with listed(tmp_path, Structure.PUT_CREDIT_SPREAD) as one:
        card = await one.begin()
        stored = await one.journal.proposal(card)
        assert stored is not None
        proposal = stored.proposal
        assert proposal.floor <= proposal.limit
        assert proposal.limit > 0
        assert proposal.cash_need == 0
        await one.react(card)
        (position,) = one.engine.books.positions.values()
        assert one.engine.books.cash > one.engine.settings.start_cash
        short, long = sorted(position.holdings, key=lambda holding: holding.quantity)
        assert (short.quantity, long.quantity) == (-position.units, position.units)
        assert isinstance(short.instrument, Option)
        assert isinstance(long.instrument, Option)
        assert short.instrument.right is long.instrument.right is Right.PUT
        width = short.instrument.strike - long.instrument.strike
        worst = (width - proposal.floor) * 100 * position.units
        assert abs(position.max_loss - worst) <= proposal.fees + 1, "what it could lose at the worst price of the card"
        assert short.price - long.price >= proposal.floor
        marked = (await one.engine.book()).positions[0]
        assert marked.value is not None
        assert marked.value < 0
        await one.agrees()


@pytest.mark.parametrize("structure", [Structure.LONG_CALL, Structure.CALL_DEBIT_SPREAD])
async def test_half_the_premium_lost_closes_what_was_bought(tmp_path: Path, structure: Structure) -> None:
    async with listed(tmp_path, structure) as one:
        opened = await one.buy()
        one.market.prices["LEAD"], one.market.volatility = 94.5, 0.15
        one.later(days=14)
        for _ in range(8):
            await one.tick()
        await finish(one, opened, "premium")
        assert all(order.terminal for order in await one.orders())


@pytest.mark.parametrize("structure", list(Structure))
async def test_options_are_closed_before_they_expire(tmp_path: Path, structure: Structure) -> None:
    async with listed(tmp_path, structure) as one:
        opened = await one.buy()
        expiry = min(holding.instrument.expiry for holding in opened.holdings if isinstance(holding.instrument, Option))
        one.market.prices["LEAD"] = 101.0
        while (expiry - one.clock.now().date()).days > 11:
            one.later(days=1)
        one.market.volatility = 0.9
        await one.tick()
        if one.engine.books.positions:
            await one.tick(days=1)
        await finish(one, opened, "expiry")


@pytest.mark.parametrize("structure", list(Structure))
async def test_the_stop_of_the_underlying_closes_every_leg(tmp_path: Path, structure: Structure) -> None:
    async with listed(tmp_path, structure) as one:
        opened = await one.buy()
        one.market.prices["LEAD"] = 93.0
        await one.tick()
        await finish(one, opened, "stop")
        legs = [order.legs for order in await one.orders()]
        assert {(leg.instrument, leg.side.opposite, leg.ratio) for leg in legs[0]} == {
            (leg.instrument, leg.side, leg.ratio) for leg in legs[1]
        }


@pytest.mark.parametrize("structure", list(Structure))
async def test_the_ladder_scales_out_whole_units(tmp_path: Path, structure: Structure) -> None:
    async with listed(tmp_path, structure) as one:
        opened = await one.buy()
        assert opened.units > 4
        for price in (120.1, 124.1, 128.1, 132.1):
            one.market.prices["LEAD"] = price
            await one.tick()
            await one.tick()
        sold = [order.quantity for order in (await one.orders())[1:]]
        assert sold == [units for _, units in opened.plan.ladder]
        await finish(one, opened, "ladder-10")


async def test_one_contract_leaves_whole_at_the_first_rung(tmp_path: Path) -> None:
    async with listed(tmp_path, start_cash=Decimal(100_000)) as one:
        opened = await one.buy()
        if opened.units > 1:
            await one.engine.close_position(opened.id, opened.units - 1, "owner")
        one.market.prices["LEAD"] = 120.1
        await one.tick(minutes=2)
        if opened.units == 1:
            await finish(one, opened, "ladder-7")
        await one.agrees()


async def expire(one: Desk, spot: float) -> list[Movement]:
    """Go past the expiry without an exit and let the broker settle at the spot."""
    (position,) = one.engine.books.positions.values()
    expiry = max(holding.instrument.expiry for holding in position.holdings if isinstance(holding.instrument, Option))
    one.market.prices["LEAD"] = spot
    one.later(days=(expiry - one.clock.now().date()).days, hours=6)
    await one.broker.expire(expiry, {"LEAD": Decimal(str(spot))})
    await one.engine.close_session()
    return [movement.kind for movement in await one.journal.transactions("paper") if movement.kind is not Movement.DEPOSIT]


async def test_a_call_out_of_the_money_expires_worthless(tmp_path: Path) -> None:
    async with listed(tmp_path) as one:
        opened = await one.buy()
        assert await expire(one, 60.0) == [Movement.EXPIRY]
        await finish(one, opened, "expiry")


async def test_a_call_in_the_money_delivers_shares_that_the_desk_then_manages(tmp_path: Path) -> None:
    async with listed(tmp_path) as one:
        opened = await one.buy()
        assert await expire(one, 115.0) == [Movement.EXERCISE, Movement.EXERCISE]
        (held,) = one.engine.books.positions.values()
        assert held.is_stock
        assert held.units == 100 * opened.units
        await one.agrees()
        one.market.prices["LEAD"] = 93.0
        one.market.completed = one.clock.now().date()
        while not one.engine.sessions.at(one.clock.now()) or one.clock.now().hour > 19:
            one.later(hours=12)
        one.clock.turn_to(one.engine.sessions.next(one.clock.now()).open + timedelta(hours=1))
        await one.engine.tick()
        await finish(one, opened, "stop")


async def test_a_credit_spread_that_is_assigned_and_exercised_settles_at_its_width(tmp_path: Path) -> None:
    async with listed(tmp_path, Structure.PUT_CREDIT_SPREAD) as one:
        opened = await one.buy()
        kinds = await expire(one, 40.0)
        assert set(kinds) == {Movement.ASSIGNMENT, Movement.EXERCISE}
        assert one.engine.books.positions == {}
        (closed,) = await one.journal.positions("paper", closed_since=opened.opened_session)
        assert Decimal("0.9") * opened.max_loss <= -closed.realised <= opened.max_loss
        assert one.engine.books.kill.level == 0
        await one.agrees()


async def test_a_symbol_without_options_is_refused_or_bought_as_stock(tmp_path: Path) -> None:
    for wanted in (Expression.OPTIONS, Expression.OPTIONS_FIRST):
        folder = tmp_path / wanted
        folder.mkdir()
        async with listed(folder, expression=wanted) as one:
            one.market.listed = False
            await one.engine.start()
            await one.engine.scan()
            one.open_market()
            await one.engine.entries()
            cards = await one.cards()
            assert len(cards) == (wanted is Expression.OPTIONS_FIRST)
            told = [*(field.value for card in cards for field in card.fields), *(note.body for note in await one.journal.notes())]
            assert any("no listed options" in text for text in told)


async def test_the_next_child_of_a_spread_is_priced_on_its_own_quotes(tmp_path: Path) -> None:
    async with listed(tmp_path, Structure.CALL_DEBIT_SPREAD, walk=(0.0, 1.0), walk_seconds=20.0, band=0.2) as one:
        await one.react(await one.begin())
        for _ in range(4):
            await one.tick(seconds=25)
        orders = await one.orders()
        assert all(order.terminal for order in orders)
        assert orders[-1].state is OrderState.FILLED
        await one.agrees()
