"""Every broker behind the port meets the same cases. To add a broker, add `tests/brokers/bench_<name>.py`."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.model.errors import QuantMatrixError, RefusedError
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.money import ZERO
from core.model.orders import OrderEvent
from core.model.proposals import ApprovedOrder
from core.model.signals import Intent
from tests.brokers.bench import (
    BUY_LEAD,
    BUY_SPREAD,
    CALL,
    CASH,
    HIGHER,
    KEY,
    LEAD,
    LONG_AGO,
    SELL_LEAD,
    SELL_SPREAD,
    Bench,
    approved,
    benches,
    found,
    up,
)

BENCHES = benches()
FORCEABLE = [(name, event) for name, make in BENCHES.items() for event in sorted(make(Path()).forceable)]


@pytest.fixture(params=list(BENCHES))
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with up(BENCHES[request.param](tmp_path)) as made:
        yield made


async def test_a_marketable_order_is_filled_and_paid_for(bench: Bench) -> None:
    await bench.broker.submit(approved("-100.05"))
    report = await found(bench)
    assert (report.key, report.event, report.leg_filled) == (KEY, OrderEvent.FULL_FILL, (10,))
    assert sum(fill.quantity for fill in report.fills) == 10
    assert all(
        (fill.instrument_key, fill.side, fill.leg, fill.multiplier, fill.order_key) == ("LEAD", Side.BUY, 0, 1, KEY)
        and fill.price <= Decimal("100.05")
        for fill in report.fills
    )
    assert await bench.broker.positions() == {"LEAD": 10}
    paid = sum(fill.cash - (fill.fee or ZERO) for fill in report.fills)
    assert abs((await bench.broker.account()).cash - CASH - paid) < 1


async def test_an_order_away_from_the_market_rests_until_the_market_comes(bench: Bench) -> None:
    await bench.broker.submit(approved("-99.50"))
    report = await found(bench)
    assert (report.event, report.fills) == (OrderEvent.LIVE, ())
    assert [row.key for row in await bench.broker.open_orders()] == [KEY]
    await bench.turn(30)
    await bench.show(LEAD, "99.30", "99.40")
    report = await found(bench)
    assert (report.event, report.leg_filled) == (OrderEvent.FULL_FILL, (10,))
    assert report.fills[0].price <= Decimal("99.50")
    assert await bench.broker.open_orders() == ()


async def test_a_small_market_fills_a_part_and_the_rest_on_the_next_quote(bench: Bench) -> None:
    await bench.show(LEAD, "99.99", "100.01", 4)
    await bench.broker.submit(approved("-100.01"))
    report = await found(bench)
    assert (report.event, report.leg_filled) == (OrderEvent.PART_FILL, (4,))
    assert (await found(bench)).leg_filled == (4,), "the same displayed size was sold twice"
    await bench.turn(1)
    await bench.show(LEAD, "99.99", "100.01", 100)
    report = await found(bench)
    assert (report.event, report.leg_filled) == (OrderEvent.FULL_FILL, (10,))
    assert sorted(fill.quantity for fill in report.fills) == [4, 6]


@pytest.mark.parametrize(
    "order",
    [
        approved("-100.05", 100_000),
        approved("-100.05", 0),
        approved("NaN"),
        approved("-5.00", legs=(Leg(Stock("NOWHERE"), Side.BUY),)),
        approved("-5.00", legs=(Leg(Option("LEAD", date(2024, 6, 7), Right.CALL, Decimal(100)), Side.BUY),)),
        approved("1.00", 1, legs=(Leg(CALL, Side.SELL),)),
        approved("99.00", 1, legs=SELL_LEAD, intent=Intent.CLOSE),
    ],
    ids=["buying power", "quantity zero", "NaN price", "unknown symbol", "expired", "naked call", "nothing to close"],
)
async def test_a_refused_order_leaves_nothing_behind(bench: Bench, order: ApprovedOrder) -> None:
    await bench.show(CALL, "5.00", "5.20")
    with pytest.raises(RefusedError) as refusal:
        await bench.broker.submit(order)
    assert len(str(refusal.value)) > 20
    assert "\n" not in str(refusal.value)
    assert await bench.broker.find(KEY) is None
    assert await bench.broker.positions() == {}
    assert (await bench.broker.account()).cash == CASH
    assert await bench.taken() == []


async def test_a_credit_is_positive_and_a_debit_negative_and_a_short_has_a_negative_quantity(bench: Bench) -> None:
    await bench.show(CALL, "5.00", "5.20")
    await bench.show(HIGHER, "2.00", "2.10")
    await bench.broker.submit(approved("-3.20", 2, BUY_SPREAD, "in"))
    bought = await found(bench, "qm1-in-1")
    assert bought.leg_filled == (2, 2)
    assert {(fill.leg, fill.instrument_key, fill.side, fill.multiplier) for fill in bought.fills} == {
        (0, CALL.key, Side.BUY, 100),
        (1, HIGHER.key, Side.SELL, 100),
    }
    assert sum(fill.cash for fill in bought.fills) == Decimal("-640.00")
    assert await bench.broker.positions() == {CALL.key: 2, HIGHER.key: -2}
    await bench.turn(1)
    await bench.show(CALL, "5.00", "5.20")
    await bench.show(HIGHER, "2.00", "2.10")
    await bench.broker.submit(approved("2.90", 2, SELL_SPREAD, "out", intent=Intent.CLOSE))
    sold = await found(bench, "qm1-out-1")
    assert sum(fill.cash for fill in sold.fills) == Decimal("580.00")
    assert await bench.broker.positions() == {}


async def test_f056_a_cancelled_order_is_gone_and_says_so_and_a_second_cancel_is_no_error(bench: Bench) -> None:
    await bench.broker.submit(approved("-99.00"))
    await bench.broker.cancel(KEY)
    assert (await found(bench)).event is OrderEvent.CANCEL
    assert await bench.broker.open_orders() == ()
    assert (await bench.broker.cancel(KEY)).event is OrderEvent.CANCEL


async def test_f056_a_cancel_that_meets_a_fill_reports_the_fill(bench: Bench) -> None:
    await bench.broker.submit(approved("-99.50"))
    await bench.turn(1)
    await bench.show(LEAD, "99.30", "99.40")
    report = await bench.broker.cancel(KEY)
    assert (report.event, report.leg_filled) == (OrderEvent.FULL_FILL, (10,))
    assert await bench.broker.positions() == {"LEAD": 10}


async def test_f054_a_part_fill_then_a_cancel_keeps_the_part(bench: Bench) -> None:
    await bench.show(LEAD, "99.99", "100.01", 3)
    await bench.broker.submit(approved("-100.01"))
    await bench.broker.cancel(KEY)
    report = await found(bench)
    assert (report.event, report.leg_filled, len(report.fills)) == (OrderEvent.CANCEL, (3,), 1)


async def test_f057_the_next_child_goes_after_the_last_is_proved_gone_and_both_are_counted(bench: Bench) -> None:
    await bench.show(LEAD, "99.99", "100.01", 3)
    await bench.broker.submit(approved("-100.01"))
    await bench.broker.cancel(KEY)
    first = await found(bench)
    await bench.turn(1)
    await bench.show(LEAD, "99.99", "100.02", 100)
    await bench.broker.submit(approved("-100.02", 10 - first.leg_filled[0], number=2))
    second = await found(bench, "qm1-one-2")
    assert (first.leg_filled, second.leg_filled) == ((3,), (7,))
    assert await bench.broker.positions() == {"LEAD": 10}
    assert await bench.taken() == [KEY, "qm1-one-2"]


async def test_cancelling_an_order_that_never_was_is_refused(bench: Bench) -> None:
    with pytest.raises(RefusedError):
        await bench.broker.cancel("qm1-none-1")


async def test_the_same_key_twice_is_two_orders_and_both_are_seen(bench: Bench) -> None:
    await bench.broker.submit(approved("-100.01"))
    await bench.turn(1)
    await bench.show(LEAD, "99.99", "100.01")
    await bench.broker.submit(approved("-100.01"))
    rows = await bench.broker.reports(LONG_AGO)
    assert [row.key for row in rows] == [KEY, KEY]
    assert len({row.broker_order_id for row in rows}) == 2
    assert await bench.broker.positions() == {"LEAD": 20}


async def test_f062_a_trade_made_by_somebody_else_is_seen_without_a_key(bench: Bench) -> None:
    await bench.trade_outside(BUY_LEAD, 5, "-100.01")
    rows = await bench.broker.reports(LONG_AGO)
    assert [row.key for row in rows] == [None]
    fills = await bench.broker.fills(LONG_AGO)
    assert [(fill.quantity, fill.side, fill.instrument_key) for fill in fills] == [(5, Side.BUY, "LEAD")]
    assert not fills[0].order_key
    assert await bench.broker.positions() == {"LEAD": 5}


@pytest.mark.parametrize(("name", "event"), FORCEABLE)
async def test_f063_what_becomes_of_an_order_comes_in_our_words(tmp_path: Path, name: str, event: OrderEvent) -> None:
    async with up(BENCHES[name](tmp_path)) as bench:
        await bench.broker.submit(approved("-99.00"))
        await bench.force(KEY, event)
        assert (await found(bench)).event is event
        assert await bench.broker.open_orders() == ()


async def test_expiry_exercises_assigns_and_removes(bench: Bench) -> None:
    await bench.show(CALL, "5.00", "5.20")
    await bench.show(HIGHER, "2.00", "2.10")
    await bench.broker.submit(approved("-3.20", 1, BUY_SPREAD))
    assert await bench.broker.positions() == {CALL.key: 1, HIGHER.key: -1}
    before = await bench.broker.account()
    await bench.settle(date(2024, 7, 19), {"LEAD": Decimal("107.00")})
    rows = await bench.broker.transactions(LONG_AGO)
    assert {(row.kind.value, row.instrument_key, row.quantity, row.cash) for row in rows if row.instrument_key} == {
        ("exercise", CALL.key, -1, ZERO),
        ("exercise", "LEAD", 100, Decimal(-10_000)),
        ("expiry", HIGHER.key, 1, ZERO),
    }
    assert await bench.broker.positions() == {"LEAD": 100}
    assert (await bench.broker.account()).cash == before.cash - 10_000
    assert len({row.id for row in rows}) == len(rows)


async def test_f105_an_assignment_names_the_contract_and_the_shares(bench: Bench) -> None:
    await bench.show(CALL, "5.00", "5.20")
    await bench.show(HIGHER, "2.00", "2.10")
    await bench.broker.submit(approved("-3.20", 1, BUY_SPREAD))
    await bench.settle(date(2024, 7, 19), {"LEAD": Decimal("112.00")})
    rows = await bench.broker.transactions(LONG_AGO)
    assert {(row.kind.value, row.instrument_key, row.quantity, row.cash) for row in rows if row.instrument_key} == {
        ("exercise", CALL.key, -1, ZERO),
        ("exercise", "LEAD", 100, Decimal(-10_000)),
        ("assignment", HIGHER.key, 1, ZERO),
        ("assignment", "LEAD", -100, Decimal(11_000)),
    }
    assert await bench.broker.positions() == {}


async def test_fills_and_reports_are_given_from_the_instant_on(bench: Bench) -> None:
    await bench.broker.submit(approved("-100.01", name="one"))
    await bench.turn(60)
    await bench.show(LEAD, "99.99", "100.01")
    later = bench.clock.now()
    await bench.broker.submit(approved("-100.01", name="two"))
    assert [row.key for row in await bench.broker.reports(later)] == ["qm1-two-1"]
    assert [fill.order_key for fill in await bench.broker.fills(later)] == ["qm1-two-1"]
    assert await bench.broker.fills(later + timedelta(seconds=1)) == ()


async def test_a_preview_names_fees_and_buying_power_and_sends_nothing(bench: Bench) -> None:
    await bench.show(CALL, "5.00", "5.20")
    seen = await bench.broker.preview(approved("-5.20", 2, (Leg(CALL, Side.BUY),)))
    assert seen.accepted
    assert seen.fees >= 1
    assert 1040 <= seen.buying_power_effect <= 1045
    refused = await bench.broker.preview(approved("-100.05", 50_000))
    assert not refused.accepted
    assert refused.reason
    assert await bench.taken() == []


async def test_every_broker_says_what_it_can_take(bench: Bench) -> None:
    told = bench.broker.capabilities
    assert told.name
    assert not told.live
    assert (await bench.broker.account()).account
    with pytest.raises(QuantMatrixError):
        await bench.broker.cancel("")
