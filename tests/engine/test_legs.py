"""Legs of one order that fill unevenly: pending for half a minute, then told with what stands uncovered, and a card."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from brokers.paper import FillModel
from core.engine.legs import uncovered
from core.engine.settings import Expression
from core.model.doubts import Hold
from core.model.instruments import Leg, Option, Right, Side
from core.model.orders import OrderEvent, Report
from core.model.positions import Holding
from core.model.signals import Intent
from core.options.choose import OptionPolicy, Structure
from tests.engine.door import Door, faulty
from tests.engine.rig import Desk
from tests.kit import nouns

LATE = FillModel(latency_seconds=1.0)
WIDE = OptionPolicy(min_reward_risk=0.0, max_spread=0.5, above_limit=Structure.CALL_DEBIT_SPREAD)


@asynccontextmanager
async def spread(folder: Path, **changes: Any) -> AsyncIterator[tuple[Desk, Door]]:
    """A desk that buys a call spread whose second leg the broker does not tell."""
    given = {"expression": Expression.OPTIONS, "start_cash": Decimal(1_000_000), "walk_seconds": 600.0, **changes}
    async with faulty(folder, fills=LATE, **given) as (one, door):
        one.market.listed, one.market.iv_rank, one.engine.options = True, 80.0, WIDE
        yield one, door


def first_leg_alone(report: Report) -> Report:
    told = tuple(fill for fill in report.fills if fill.leg == 0)
    counted = (report.leg_filled[0], 0) if report.leg_filled else ()
    event = OrderEvent.PART_FILL if told else report.event
    return replace(report, fills=told, leg_filled=counted, event=event)


async def half_filled(one: Desk, door: Door) -> None:
    card = await one.begin()
    door.change = first_leg_alone
    door.silent_fills = True
    door.dead.add("positions")
    await one.react(card)
    await one.tick(seconds=2)


async def cards(one: Desk) -> list[str]:
    return [stored.proposal.signal.cause for stored in await one.engine.pending()]


async def test_f055_a_leg_that_is_told_a_moment_later_is_only_pending(tmp_path: Path) -> None:
    async with spread(tmp_path) as (one, door):
        await half_filled(one, door)
        (position,) = one.engine.books.positions.values()
        assert position.units == 0
        assert list(one.engine.books.watch.uneven) == [position.id]
        door.change, door.silent_fills = (lambda report: report), False
        door.dead.clear()
        await one.tick(seconds=1)
        assert one.engine.books.watch.uneven == {}
        assert not one.engine.books.watch.locks
        assert not await one.told("Legs do not match")
        await one.tick(seconds=60)
        assert not await one.told("Legs do not match")
        await one.agrees()


async def test_f055_legs_that_stay_uneven_are_told_in_dollars_with_a_card_and_nothing_is_sent(tmp_path: Path) -> None:
    async with spread(tmp_path) as (one, door):
        await half_filled(one, door)
        sent = sum(door.submits.values())
        await one.tick(seconds=29)
        assert not one.engine.books.watch.locks
        await one.tick(seconds=16)
        (position,) = one.engine.books.positions.values()
        bought = position.holdings[0]
        assert one.engine.books.watch.held("LEAD", Hold.LEGS)
        (note,) = await one.told("Legs do not match")
        assert f"{bought.quantity:+d} × {bought.instrument}" in note.body
        assert f"${bought.quantity * 100 * 100:,.2f}" in note.body
        assert await cards(one) == ["leg risk"]
        (stored,) = await one.engine.pending()
        assert stored.proposal.legs == (Leg(bought.instrument, Side.SELL, 1),)
        assert stored.proposal.intent is Intent.CLOSE
        assert stored.proposal.quantity == bought.quantity
        for _ in range(4):
            await one.tick(seconds=30)
        assert len(await one.told("Legs do not match")) == 1
        assert sum(door.submits.values()) == sent
        assert one.engine.books.kill.level == 0
        assert "LEAD" in one.engine.books.busy()


async def test_legs_that_match_in_the_end_free_the_name(tmp_path: Path) -> None:
    async with spread(tmp_path) as (one, door):
        await half_filled(one, door)
        await one.tick(seconds=45)
        assert one.engine.books.watch.held("LEAD", Hold.LEGS)
        door.change, door.silent_fills = (lambda report: report), False
        door.dead.clear()
        await one.tick(seconds=1)
        assert not one.engine.books.watch.locks
        assert await one.told("The legs of LEAD match again")
        await one.agrees()


async def test_uneven_legs_are_known_again_after_a_restart(tmp_path: Path) -> None:
    async with spread(tmp_path) as (one, door):
        await half_filled(one, door)
    async with spread(tmp_path, since=one.clock.now()) as (two, door):
        door.change, door.silent_fills = first_leg_alone, True
        door.held = {key: -quantity for key, quantity in (await two.broker.positions()).items() if quantity < 0}
        await two.engine.start()
        (position_id,) = two.engine.books.watch.uneven
        assert position_id in two.engine.books.positions
        await two.tick(seconds=31)
        assert two.engine.books.watch.held("LEAD", Hold.LEGS)


LONG, SHORT = nouns.option(strike=100.0), nouns.option(strike=110.0)
SHAPE = (Leg(LONG, Side.BUY), Leg(SHORT, Side.SELL, 2))


def held(long: int, short: int) -> tuple[Holding, ...]:
    pairs = ((LONG, long), (SHORT, short))
    return tuple(Holding(thing, quantity, Decimal(5)) for thing, quantity in pairs if quantity)


def left(long: int, short: int) -> dict[Option, int]:
    position = nouns.option_position(holdings=held(long, short))
    return {one.instrument: one.quantity for one in uncovered(position, SHAPE) if isinstance(one.instrument, Option)}


def test_what_is_uncovered_is_what_lies_beyond_whole_units() -> None:
    assert left(3, -6) == {}
    assert left(5, -6) == {LONG: 2}
    assert left(3, -7) == {SHORT: -1}
    assert left(3, 0) == {LONG: 3}
    assert left(0, -3) == {SHORT: -3}
    assert left(4, -7) == {LONG: 1, SHORT: -1}
    assert SHORT.right is Right.CALL
