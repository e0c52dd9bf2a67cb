"""What the paper broker does beyond the matrix of every broker: its fill model, its refusals in its own words, its movements."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.paper.matching import FillModel
from brokers.paper.records import Split
from core.model.errors import RefusedError
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.orders import OrderEvent, Report
from tests.brokers.rig import CASH, LEAD, LONG_AGO, SELL_LEAD, RemoteRig, Rig, approved

RIGS = {"paper in process": Rig, "paper in its own process": RemoteRig}
CALL = Option("LEAD", date(2024, 7, 19), Right.CALL, Decimal(100))
HIGHER = Option("LEAD", date(2024, 7, 19), Right.CALL, Decimal(110))


@pytest.fixture(params=list(RIGS.values()), ids=list(RIGS))
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    made: Rig = request.param(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture(params=list(RIGS.values()), ids=list(RIGS))
async def slow(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """A broker that takes five seconds from acceptance to the market."""
    made: Rig = request.param(tmp_path, FillModel(latency_seconds=5))
    await made.start()
    yield made
    await made.stop()


async def test_a_marketable_order_is_filled_at_the_touch_and_paid_for(rig: Rig) -> None:
    report = await rig.broker.submit(approved("-100.05"))
    assert (report.event, report.leg_filled) == (OrderEvent.FULL_FILL, (10,))
    assert [(fill.price, fill.quantity, fill.fee) for fill in report.fills] == [(Decimal("100.01"), 10, Decimal(0))]
    assert await rig.broker.positions() == {"LEAD": 10}
    assert (await rig.broker.account()).cash == CASH - Decimal("1000.10")


async def test_two_orders_share_what_one_quote_displays(rig: Rig) -> None:
    rig.market.show(LEAD, "99.99", "100.01", size=14)
    await rig.broker.submit(approved("-100.01", name="one"))
    assert (await rig.broker.submit(approved("-100.01", name="two"))).leg_filled == (4,)
    assert await rig.broker.positions() == {"LEAD": 14}


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (approved("-100.05", 1000), "buying power"),
        (approved("-100.05", 0), "quantity"),
        (approved("-100.053"), "price step"),
        (approved("99.00", legs=SELL_LEAD), "neither held nor covered"),
        (approved("-5.00", legs=(Leg(Stock("NOWHERE"), Side.BUY),)), "no market"),
        (approved("-5.00", legs=(Leg(Option("LEAD", date(2024, 6, 7), Right.CALL, Decimal(100)), Side.BUY),)), "expired"),
        (approved("90.00", 1, legs=(Leg(LEAD, Side.SELL), Leg(CALL, Side.BUY))), "neither held nor covered"),
        (approved("1.00", 1, legs=(Leg(CALL, Side.SELL),)), "neither held nor covered"),
    ],
    ids=lambda value: value if isinstance(value, str) else "order",
)
async def test_a_refused_order_leaves_nothing_behind(rig: Rig, order: object, words: str) -> None:
    rig.market.show(CALL, "5.00", "5.20")
    with pytest.raises(RefusedError, match=words):
        await rig.broker.submit(order)  # type: ignore[arg-type]  # an ApprovedOrder; pytest's ids want object
    assert await rig.broker.find("qm1-one-1") is None
    assert await rig.broker.positions() == {}
    assert (await rig.broker.account()).cash == CASH


async def test_a_closed_market_refuses(rig: Rig) -> None:
    rig.clock.turn(9 * 3600)
    with pytest.raises(RefusedError, match="closed"):
        await rig.broker.submit(approved("-100.05"))


async def test_a_submit_whose_quotes_fail_is_a_refusal_because_nothing_was_sent(rig: Rig) -> None:
    rig.market.broken = True
    with pytest.raises(RefusedError, match="not sent"):
        await rig.broker.submit(approved("-100.05"))
    assert await rig.broker.reports(LONG_AGO) == ()


async def test_cancelling_an_order_that_never_was_is_refused(rig: Rig) -> None:
    with pytest.raises(RefusedError, match="knows no order"):
        await rig.broker.cancel("qm1-none-1")


async def test_a_day_order_expires_with_its_session(rig: Rig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.clock.turn(6 * 3600)
    found = await rig.broker.find("qm1-one-1")
    assert found is not None
    assert found.event is OrderEvent.EXPIRE


async def test_every_event_of_an_order_comes_in_our_words(slow: Rig) -> None:
    broker, seen = slow.broker, set()

    async def look(name: str) -> Report:
        report = await broker.find(f"qm1-{name}-1")
        assert report is not None
        seen.add(report.event)
        return report

    assert (await broker.submit(approved("-100.01", 600, name="whole"))).event is OrderEvent.ACK
    await broker.submit(approved("-99.00", 390, name="poor"))
    await look("whole")
    slow.clock.turn(6)
    slow.market.show(LEAD, "99.99", "100.01", size=100)
    assert (await look("whole")).event is OrderEvent.PART_FILL
    assert (await look("poor")).event is OrderEvent.LIVE
    slow.clock.turn(6)
    slow.market.show(LEAD, "99.99", "100.01", size=500)
    assert (await look("whole")).event is OrderEvent.FULL_FILL
    seen.add((await broker.cancel("qm1-poor-1")).event)
    await broker.submit(approved("-99.00", 10, name="split"))
    await broker.corporate_action(Split("LEAD", date(2024, 6, 13), Decimal(2), Decimal(50)))
    assert (await look("split")).event is OrderEvent.REMOVE
    await broker.submit(approved("-40.00", 10, name="late"))
    slow.clock.turn(6 * 3600)
    assert (await look("late")).event is OrderEvent.EXPIRE
    events = {OrderEvent.ACK, OrderEvent.LIVE, OrderEvent.PART_FILL, OrderEvent.FULL_FILL}
    assert seen == events | {OrderEvent.CANCEL, OrderEvent.REMOVE, OrderEvent.EXPIRE}


async def test_f063_an_accepted_order_that_the_account_can_no_longer_carry_is_refused_later(slow: Rig) -> None:
    slow.market.show(CALL, "5.00", "5.20")
    await slow.broker.submit(approved("-5.20", 5, (Leg(CALL, Side.BUY),), "calls"))
    slow.clock.turn(6)
    slow.market.show(CALL, "5.00", "5.20")
    await slow.broker.find("qm1-calls-1")
    assert (await slow.broker.submit(approved("-100.05", 700, name="stock"))).event is OrderEvent.ACK
    await slow.broker.expire(CALL.expiry, {"LEAD": Decimal(107)})
    slow.clock.turn(6)
    found = await slow.broker.find("qm1-stock-1")
    assert found is not None
    assert found.event is OrderEvent.REFUSE
    assert "buying power" in found.reason


async def test_expiry_delivers_what_is_in_the_money_and_voids_the_rest(rig: Rig) -> None:
    rig.market.show(CALL, "5.00", "5.20")
    rig.market.show(HIGHER, "2.00", "2.10")
    await rig.broker.submit(approved("-3.20", 1, (Leg(CALL, Side.BUY), Leg(HIGHER, Side.SELL))))
    cash = (await rig.broker.account()).cash
    rig.clock.turn(37 * 86_400)
    rows = await rig.broker.expire(date(2024, 7, 19), {"LEAD": Decimal("107.00")})
    assert [(row.kind, row.instrument_key, row.quantity, row.cash) for row in rows] == [
        ("exercise", CALL.key, -1, 0),
        ("exercise", "LEAD", 100, Decimal(-10_000)),
        ("expiry", HIGHER.key, 1, 0),
    ]
    assert await rig.broker.positions() == {"LEAD": 100}
    assert (await rig.broker.account()).cash == cash - 10_000
    assert await rig.broker.expire(date(2024, 7, 19), {"LEAD": Decimal("107.00")}) == ()
    assert await rig.broker.transactions(rig.clock.now()) == rows


async def test_a_preview_names_fees_and_buying_power_and_sends_nothing(rig: Rig) -> None:
    rig.market.show(CALL, "5.00", "5.20")
    seen = await rig.broker.preview(approved("-5.20", 2, (Leg(CALL, Side.BUY),)))
    assert (seen.accepted, seen.fees, seen.buying_power_effect) == (True, Decimal("1.30"), Decimal("1041.30"))
    assert not (await rig.broker.preview(approved("-100.05", 5000))).accepted
    assert await rig.broker.reports(LONG_AGO) == ()


async def test_a_lookup_still_answers_when_the_market_does_not(rig: Rig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.market.broken = True
    found = await rig.broker.find("qm1-one-1")
    assert found is not None
    assert found.event is OrderEvent.LIVE
