"""The price walk: from the fair mid towards the market, on the grid, inside the band."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.paper import FillModel
from core.engine import walk
from core.engine.settings import EngineSettings, Pace
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.signals import Intent
from core.options.choose import Structure
from core.quant.ticks import CENTS, PENNY, SHARES, STANDARD, Grid
from tests.engine.rig import desk
from tests.engine.test_options_road import listed

STOCK = (Leg(Stock("LEAD"), Side.BUY),)
CALL = Leg(Option("LEAD", date(2024, 7, 19), Right.CALL, Decimal(100)), Side.BUY)
OTHER = Leg(Option("LEAD", date(2024, 7, 19), Right.CALL, Decimal(110)), Side.SELL)
SHAPES = {"shares": STOCK, "one option": (CALL,), "spread": (CALL, OTHER), "condor": (CALL, OTHER, CALL, OTHER)}
every_pace = pytest.mark.parametrize("pace", list(Pace))


@st.composite
def markets(draw: Any) -> tuple[Decimal, Decimal, Decimal, Grid]:
    """Mid, natural and floor of an order, and its grid: the floor lies on the grid and the natural price is worse than the mid."""
    grid = draw(st.sampled_from([SHARES, PENNY, STANDARD, CENTS, Grid(Decimal("0.05"))]))
    mid = draw(st.decimals(-200, 200, places=4, allow_nan=False))
    natural = mid - draw(st.decimals(0, 20, places=4, allow_nan=False))
    floor = grid.down(mid - draw(st.decimals(-5, 30, places=4, allow_nan=False)))
    return mid, natural, floor, grid


@every_pace
@pytest.mark.parametrize("legs", SHAPES.values(), ids=list(SHAPES))
@given(market=markets())
def test_every_child_stands_on_the_grid_inside_the_band_and_asks_for_no_more_than_the_one_before(
    pace: Pace, legs: tuple[Leg, ...], market: tuple[Decimal, Decimal, Decimal, Grid]
) -> None:
    mid, natural, floor, grid = market
    found = walk.limits(mid, natural, floor, walk.schedule(EngineSettings(pace=pace), legs).shares, grid)
    assert all(grid.holds(price) for price in found)
    assert all(price >= floor for price in found)
    assert list(found) == sorted(found, reverse=True)
    best, last = grid.down(mid), grid.down(natural)
    assert found[0] <= max(best, floor)
    assert found[-1] == max(last, floor)


@every_pace
def test_options_start_at_the_fair_mid_and_end_at_what_the_market_takes(pace: Pace) -> None:
    for legs in ((CALL,), (CALL, OTHER), (CALL, OTHER, CALL, OTHER)):
        shares = walk.schedule(EngineSettings(pace=pace), legs).shares
        assert (shares[0], shares[-1]) == (0.0, 1.0)
        assert list(shares) == sorted(set(shares))


def test_patience_means_more_steps_and_more_time_and_so_do_more_legs() -> None:
    for legs in SHAPES.values():
        long = [walk.schedule(EngineSettings(pace=pace), legs) for pace in Pace]
        assert [len(one.shares) for one in long] == sorted(len(one.shares) for one in long)
        assert [one.seconds * len(one.shares) for one in long] == sorted(one.seconds * len(one.shares) for one in long)
    for pace in Pace:
        steps = [walk.schedule(EngineSettings(pace=pace), legs) for legs in ((CALL,), (CALL, OTHER))]
        assert steps[0].seconds * len(steps[0].shares) < steps[1].seconds * len(steps[1].shares)


def test_a_schedule_of_ones_own_takes_the_place_of_the_pace() -> None:
    settings = EngineSettings(pace=Pace.PATIENT, walk=(0.3, 0.9), walk_seconds=7.0)
    assert walk.schedule(settings, (CALL, OTHER)) == walk.Schedule((0.3, 0.9), 7.0)


def test_exits_are_in_a_hurry_unless_the_settings_say_otherwise() -> None:
    assert walk.schedule(EngineSettings(), (CALL,), Intent.CLOSE) == walk.schedule(EngineSettings(pace=Pace.FAST), (CALL,))
    patient = EngineSettings(exit_pace=Pace.PATIENT)
    assert walk.schedule(patient, STOCK, Intent.CLOSE) == walk.SCHEDULES[Pace.PATIENT][0]
    assert walk.schedule(patient, STOCK) == walk.SCHEDULES[Pace.NORMAL][0]


def test_rounding_never_passes_the_floor() -> None:
    assert walk.limit(Decimal("-2.99"), Decimal("-3.04"), Decimal("-3.00"), 1.0, PENNY) == Decimal("-3.00")
    assert walk.limit(Decimal("-3.01"), Decimal("-3.02"), Decimal("-3.02"), 1.0, PENNY) == Decimal("-3.00")


async def test_a_spread_walks_step_by_step_and_what_nobody_takes_is_told_with_the_best_price_seen(tmp_path: Path) -> None:
    never = FillModel(latency_seconds=100_000.0)
    async with listed(tmp_path, Structure.CALL_DEBIT_SPREAD, fills=never, walk=(), pace=Pace.FAST) as one:
        await one.react(await one.begin())
        for _ in range(60):
            await one.tick(seconds=4)
        orders = await one.orders()
        envelope = await one.journal.envelope(orders[0].envelope_id)
        assert envelope is not None
        assert len(orders) == len(walk.SCHEDULES[Pace.FAST][2].shares)
        limits = [order.limit for order in orders]
        assert limits == sorted(limits, reverse=True)
        assert limits[0] > limits[-1] >= envelope.floor
        (note,) = await one.told("nobody took it")
        assert "the best that the market showed was" in note.body
        assert one.engine.books.best_seen == {}
        await one.agrees()


async def test_an_order_on_shares_starts_half_way_and_ends_at_the_offer(tmp_path: Path) -> None:
    async with desk(tmp_path, fills=FillModel(latency_seconds=100_000.0), walk=(), walk_seconds=1.0) as one:
        one.market.spread = 0.20
        await one.react(await one.begin())
        for _ in range(4):
            await one.tick(seconds=21)
        assert [order.limit for order in await one.orders()] == [Decimal("-100.05"), Decimal("-100.10")]
