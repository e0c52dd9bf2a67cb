"""Exits take the road of every order: one at a time for each position, each rung once, a veto holds."""

from itertools import pairwise
from pathlib import Path

import pytest

from brokers.paper import FillModel
from core.engine.settings import Policy
from core.model.orders import OrderState
from core.model.proposals import ProposalState
from tests.engine.door import faulty
from tests.engine.rig import Desk, desk

RUNGS = (120.1, 124.1, 128.1, 132.1)


async def closing_cards(one: Desk) -> list[str]:
    return [str(note.proposal_id) for note in await one.cards() if note.title.startswith("Close")]


async def test_each_rung_of_the_ladder_fires_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        bought = await one.buy()
        held = [bought.units]
        for price in RUNGS:
            one.market.prices["LEAD"] = price
            for _ in range(3):
                await one.tick()
            held.append(sum(position.units for position in one.engine.books.positions.values()))
        assert [before - after for before, after in pairwise(held)] == [u for _, u in bought.plan.ladder]
        (closed,) = await one.journal.positions("paper", closed_since=bought.opened_session)
        assert closed.fired == (7.0, 8.0, 9.0, 10.0)
        assert closed.close_cause == "ladder-10"
        await one.agrees()


async def test_a_jump_over_several_rungs_fires_them_one_after_the_other(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        bought = await one.buy()
        one.market.prices["LEAD"] = RUNGS[2]
        await one.tick()
        (left,) = one.engine.books.positions.values()
        assert left.fired == (7.0, 8.0, 9.0)
        assert left.units == bought.plan.ladder[3][1]
        await one.agrees()


async def test_a_rung_counts_as_fired_only_when_something_was_filled(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await one.buy()
        one.market.prices["LEAD"] = RUNGS[0]
        door.refused["submit"] = "no"
        await one.tick()
        (held,) = one.engine.books.positions.values()
        assert held.fired == ()
        door.refused.clear()
        await one.tick()
        (held,) = one.engine.books.positions.values()
        assert held.fired == (7.0,)


async def test_fired_rungs_survive_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.market.prices["LEAD"] = RUNGS[0]
        await one.tick()
        (left,) = one.engine.books.positions.values()
    async with desk(tmp_path, since=one.clock.now()) as two:
        two.market.prices["LEAD"] = RUNGS[0]
        await two.engine.start()
        await two.tick()
        assert list(two.engine.books.positions.values()) == [left]
        await two.agrees()


async def test_nothing_is_closed_while_an_order_on_the_position_is_under_way(tmp_path: Path) -> None:
    async with desk(tmp_path, fills=FillModel(latency_seconds=30.0), walk_seconds=60.0) as one:
        card = await one.begin()
        await one.react(card)
        await one.tick(seconds=30)
        assert len(one.engine.books.positions) == 1
        one.market.prices["LEAD"] = 93.0
        await one.tick(seconds=1)
        for _ in range(5):
            await one.tick(seconds=1)
        assert len(await one.orders()) == 2
        await one.tick(seconds=30)
        assert one.engine.books.positions == {}
        await one.agrees()


async def test_a_vetoed_exit_rests_for_the_session_and_asks_again_in_the_next(tmp_path: Path) -> None:
    async with desk(tmp_path, exits=Policy.ASK) as one:
        await one.buy()
        one.market.prices["LEAD"] = 93.0
        await one.tick()
        (card,) = await closing_cards(one)
        await one.post(card, 78)
        await one.react(card, approve=False)
        for _ in range(5):
            await one.tick()
        assert len(await closing_cards(one)) == 1
        await one.tick(days=1)
        assert len(await closing_cards(one)) == 2
        assert len(one.engine.books.positions) == 1


async def test_an_exit_that_is_asked_for_waits_for_its_answer(tmp_path: Path) -> None:
    async with desk(tmp_path, exits=Policy.ASK) as one:
        await one.buy()
        one.market.prices["LEAD"] = 93.0
        for _ in range(4):
            await one.tick(seconds=30)
        (card,) = await closing_cards(one)
        await one.post(card, 78)
        assert "Approved" in str(await one.react(card))
        assert one.engine.books.positions == {}
        await one.agrees()


async def test_the_stop_takes_the_place_of_a_rung_that_nobody_answered(tmp_path: Path) -> None:
    async with desk(tmp_path, exits=Policy.ASK) as one:
        await one.buy()
        one.market.prices["LEAD"] = RUNGS[0]
        await one.tick()
        (rung,) = await closing_cards(one)
        await one.post(rung, 78)
        one.market.prices["LEAD"] = 93.0
        await one.tick()
        assert await one.state(rung) is ProposalState.SUPERSEDED
        rung, stop = await closing_cards(one)
        await one.post(stop, 79)
        await one.react(stop)
        assert one.engine.books.positions == {}
        await one.agrees()


async def test_an_exit_whose_shares_are_gone_is_denied(tmp_path: Path) -> None:
    async with desk(tmp_path, exits=Policy.ASK) as one:
        bought = await one.buy()
        one.market.prices["LEAD"] = RUNGS[0]
        await one.tick()
        (card,) = await closing_cards(one)
        await one.post(card, 78)
        one.engine.books.positions.pop(bought.id)
        await one.react(card)
        assert await one.state(card) is ProposalState.GATE_DENIED


async def test_no_exit_is_sent_while_the_market_is_closed(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.market.prices["LEAD"] = 93.0
        await one.tick(hours=8)
        assert len(await one.orders()) == 1
        assert len(one.engine.books.positions) == 1


async def test_a_crossed_quote_closes_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.market.prices["LEAD"], one.market.spread = 93.0, -0.5
        await one.tick()
        assert len(one.engine.books.positions) == 1


async def test_f086_a_stale_quote_blocks_the_exit_until_it_is_fresh(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.market.prices["LEAD"] = 93.0
        one.market.quoted_at = one.clock.now()
        await one.tick(minutes=5)
        await one.tick(minutes=5)
        assert len(await one.journal.proposals([ProposalState.BLOCKED])) == 1
        assert len(one.engine.books.positions) == 1
        one.market.quoted_at = None
        await one.tick(seconds=1)
        assert one.engine.books.positions == {}
        await one.agrees()


@pytest.mark.parametrize("quantity", [None, 10])
async def test_a_person_closes_a_position_or_a_part_of_it(tmp_path: Path, quantity: int | None) -> None:
    async with desk(tmp_path) as one:
        bought = await one.buy()
        answer = await one.engine.close_position(bought.id, quantity, "owner")
        left = sum(position.units for position in one.engine.books.positions.values())
        assert left == bought.units - (quantity or bought.units)
        assert f"{left} held now" in answer
        assert "close" in [row.action for row in await one.journal.audit_rows()]
        await one.agrees()


async def test_closing_by_hand_explains_what_cannot_be_closed(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        bought = await one.buy()
        assert "No open position" in await one.engine.close_position("nothing", None, "owner")
        assert "cannot be closed" in await one.engine.close_position(bought.id, bought.units + 1, "owner")
        assert "cannot be closed" in await one.engine.close_position(bought.id, 0, "owner")
        door.dead.add("submit")
        await one.engine.close_position(bought.id, None, "owner")
        one.later(seconds=1)
        assert "already under way" in await one.engine.close_position(bought.id, None, "owner")
        orders = await one.orders()
        assert [order.state for order in orders] == [OrderState.FILLED, OrderState.UNKNOWN]
