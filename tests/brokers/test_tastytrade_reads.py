"""Reading tastytrade: complete or failed, every status in our words, nothing concluded from what cannot be read."""

import copy
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tastytrade.order import OrderStatus, PlacedOrder

from brokers.tastytrade.movements import movements
from brokers.tastytrade.reading import ENDED, EVENTS, Reader, fees_of
from brokers.tastytrade.wire import _parsed
from core.model.errors import OperatorError, QuantMatrixError, RetryError
from core.model.orders import OrderEvent, Report
from tests.brokers.bench import BUY_LEAD, LEAD, LONG_AGO, approved
from tests.brokers.bench_tastytrade import TastytradeBench, outside

KEY = "qm1-one-1"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TastytradeBench]:
    made = TastytradeBench(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def many(bench: TastytradeBench, count: int) -> None:
    for number in range(count):
        await bench.loopback.act("place", body=outside(BUY_LEAD, 1, "-50.00", f"qm1-old-{number}"), status="Cancelled")
        bench.clock.turn(1)


def test_the_status_table_is_total_over_the_enum_of_the_sdk() -> None:
    assert set(OrderStatus) == set(EVENTS)
    assert {OrderEvent.FULL_FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE, OrderEvent.REMOVE} == ENDED


@pytest.mark.parametrize("status", list(OrderStatus))
async def test_every_status_of_the_sdk_is_told_in_our_words(bench: TastytradeBench, status: OrderStatus) -> None:
    await bench.broker.submit(approved("-99.00"))
    await bench.loopback.act("turn", key=KEY, status=status.value)
    report = await bench.broker.find(KEY)
    assert report is not None
    assert report.event is EVENTS[status]
    assert bool(await bench.broker.open_orders()) is (EVENTS[status] not in ENDED)


async def test_f044_a_status_that_nobody_knows_is_open_is_said_aloud_and_hides_no_other_order(
    bench: TastytradeBench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.broker.submit(approved("-99.00"))
    await bench.broker.submit(approved("-98.00", name="two"))
    await bench.loopback.act("turn", key=KEY, status="Teleported")
    strange, plain = await bench.broker.open_orders()
    assert (strange.event, plain.event) == (None, OrderEvent.LIVE)
    assert "Teleported" in strange.reason
    assert "Teleported" in caplog.text


MUTATIONS: dict[str, dict[str, Any]] = {
    "missing legs": {"legs/0/symbol": None},
    "quantity NaN": {"legs/0/quantity": "NaN"},
    "quantity infinite": {"legs/0/quantity": "Infinity"},
    "quantity 1e3": {"legs/0/quantity": "1e3"},
    "quantity true": {"legs/0/quantity": True},
    "quantity half": {"legs/0/fills/0/quantity": "0.5"},
    "price text": {"legs/0/fills/0/fill-price": "cheap"},
    "price negative": {"legs/0/fills/0/fill-price": "-1.0"},
    "price NaN": {"legs/0/fills/0/fill-price": "NaN"},
    "no fill id": {"legs/0/fills/0/fill-id": None},
    "no instant": {"legs/0/fills/0/filled-at": "yesterday"},
    "instant too late": {"updated-at": 10**30},
    "no status": {"status": None},
    "status a number": {"status": 7},
    "no id": {"id": None},
    "legs a text": {"legs": "none"},
    "action unknown": {"legs/0/action": "Hold"},
}


@pytest.mark.parametrize("name", MUTATIONS)
async def test_f044_a_field_that_makes_no_sense_fails_the_read_and_is_never_guessed(bench: TastytradeBench, name: str) -> None:
    await bench.broker.submit(approved("-100.05"))
    for ask in (bench.broker.reports, bench.broker.fills):
        bench.fault(on="live", kind="patch", patch=MUTATIONS[name])
        with pytest.raises(RetryError) as caught:
            await ask(bench.clock.now() - timedelta(minutes=1))
        assert "nothing is concluded" in str(caught.value) or "fractions" in str(caught.value)


@pytest.mark.parametrize("value", ["1.5", "NaN", None, "x"])
async def test_f044_positions_with_a_strange_quantity_fail_and_are_not_left_out(bench: TastytradeBench, value: object) -> None:
    await bench.broker.submit(approved("-100.05"))
    bench.fault(on="positions", kind="patch", patch={"quantity": value})
    with pytest.raises(RetryError):
        await bench.broker.positions()


async def test_f044_numbers_may_come_as_text_or_as_numbers(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-100.05"))
    bench.fault(on="live", kind="patch", patch={"legs/0/fills/0/fill-price": 100.01, "legs/0/quantity": "10", "extra": {"a": [1]}})
    (report,) = await bench.broker.reports(bench.clock.now() - timedelta(minutes=1))
    assert [fill.price for fill in report.fills] == [Decimal("100.01")]


@pytest.mark.parametrize("pages", [1, 2, 3])
async def test_f045_every_page_is_read(bench: TastytradeBench, pages: int) -> None:
    bench.loopback.desk.per_page = 4
    await many(bench, 4 * pages)
    bench.clock.turn(86_400)
    assert len(await bench.broker.reports(LONG_AGO)) == 4 * pages
    assert (await bench.broker.find("qm1-old-0")) is not None


@pytest.mark.parametrize("shift", [1, 2])
async def test_f045_a_list_that_shifts_between_its_pages_is_a_failure_and_not_a_part(bench: TastytradeBench, shift: int) -> None:
    bench.loopback.desk.per_page = 4
    await many(bench, 9)
    bench.clock.turn(86_400)
    bench.loopback.desk.shift = shift
    for verb in (bench.broker.reports, bench.broker.fills):
        with pytest.raises(RetryError, match="changed while"):
            await verb(LONG_AGO)
    with pytest.raises(RetryError, match="changed while"):
        await bench.broker.find("qm1-unknown-1")
    bench.loopback.desk.shift = 0
    assert await bench.broker.find("qm1-unknown-1") is None


async def test_f045_a_row_that_vanishes_between_two_pages_takes_no_other_with_it(bench: TastytradeBench) -> None:
    bench.loopback.desk.per_page = 4
    await many(bench, 10)
    bench.clock.turn(86_400)
    bench.loopback.desk.vanish = True
    with pytest.raises(RetryError, match="changed while"):
        await bench.broker.reports(LONG_AGO)


async def test_f045_a_page_that_does_not_say_how_many_there_are_is_a_failure(bench: TastytradeBench) -> None:
    await many(bench, 3)
    bench.clock.turn(86_400)
    rows = [bench.loopback.desk.order(order) for order in bench.loopback.desk.books.orders.values()]
    full = json.dumps({"data": {"items": [{**rows[0], "id": number} for number in range(100)]}})
    for body in (full, '{"data": {}}', '{"data": {"items": null}}', '{"data": {"items": [1]}}', "{}"):
        bench.fault(on="history", kind="body", body=body)
        with pytest.raises(RetryError):
            await bench.broker.reports(LONG_AGO)


async def test_f046_an_order_that_shows_late_is_found_when_it_shows(bench: TastytradeBench) -> None:
    bench.loopback.desk.lag = 60
    bench.fault(on="submit", kind="lose")
    with pytest.raises(QuantMatrixError):
        await bench.broker.submit(approved("-100.05"))
    assert await bench.broker.find(KEY) is None
    bench.clock.turn(61)
    assert await bench.broker.find(KEY) is not None


async def test_f047_a_404_for_an_order_that_was_seen_proves_nothing(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-99.00"))
    bench.fault(on="order", kind="status", status=404)
    with pytest.raises(RetryError):
        await bench.broker.find(KEY)
    assert await bench.broker.find(KEY) is not None


async def test_f065_a_wiped_sandbox_is_recognised(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-99.00"))
    await bench.loopback.act("wipe")
    with pytest.raises(OperatorError, match="cleared the sandbox"):
        await bench.broker.find(KEY)


async def test_f065_a_wipe_is_never_believed_on_the_live_side(tmp_path: Path) -> None:
    live = TastytradeBench(tmp_path, production=True)
    await live.start()
    await live.broker.submit(approved("-99.00"))
    await live.loopback.act("wipe")
    with pytest.raises(RetryError):
        await live.broker.find(KEY)
    assert live.broker.capabilities.live
    await live.stop()


async def test_an_order_of_last_week_is_found_in_the_history_and_an_old_one_that_fills_today_is_reported(
    bench: TastytradeBench,
) -> None:
    await bench.broker.submit(approved("-99.00"))
    await bench.restart()
    bench.clock.turn(5 * 86_400)
    today = bench.clock.now()
    assert (await bench.broker.find(KEY)) is not None
    await bench.show(LEAD, "98.00", "98.10")
    assert [report.event for report in await bench.broker.reports(today)] == [OrderEvent.FULL_FILL]


async def test_the_shapes_of_the_loopback_are_those_of_the_sdk(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-100.05"))
    for order in await bench.loopback.act("orders"):
        parsed = PlacedOrder(**order)
        assert (parsed.external_identifier, parsed.status, parsed.price) == (KEY, OrderStatus.FILLED, Decimal("-100.05"))
    admission = await bench.broker.check()
    assert admission.remarks == ()
    assert any("5WT00001" in sentence for sentence in admission.findings)


names = st.sampled_from(["id", "legs", "fills", "symbol", "quantity", "status", "action", "data"])
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=8
)
row_names = st.sampled_from(
    [
        "id",
        "symbol",
        "quantity",
        "price",
        "action",
        "transaction-type",
        "transaction-sub-type",
        "executed-at",
        "net-value",
        "net-value-effect",
    ]
)
ORDER: dict[str, Any] = {
    "id": 7, "status": "Filled", "updated-at": 1688584052750, "external-identifier": KEY,
    "legs": [{"instrument-type": "Equity", "symbol": "LEAD", "quantity": 1, "action": "Buy to Open",
              "fills": [{"fill-id": "a", "quantity": 1, "fill-price": "1.5", "filled-at": "2023-07-05T19:07:32.496+00:00"}]}],
}  # fmt: skip
PLACES = [
    *(("id",), ("status",), ("updated-at",), ("external-identifier",), ("legs",), ("legs", 0)),
    *(("legs", 0, name) for name in ("symbol", "quantity", "action", "fills")),
    *(("legs", 0, "fills", 0, name) for name in ("quantity", "fill-price", "filled-at", "fill-id")),
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), json_values)
def test_f043_f044_whatever_stands_in_a_field_the_order_is_read_or_refused(place: tuple[Any, ...], value: object) -> None:
    order = copy.deepcopy(ORDER)
    target: Any = order
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    try:
        report = Reader("tasty").report(order, {})
    except RetryError:
        return
    assert isinstance(report, Report)
    assert all(fill.price.is_finite() and fill.price >= 0 and fill.quantity > 0 for fill in report.fills)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_f043_any_bytes_are_an_object_or_nothing(body: bytes) -> None:
    found = _parsed(body)
    assert found is None or isinstance(found, dict)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(row_names, json_values))
def test_f044_any_row_of_the_history_is_read_or_refused(row: dict[str, Any]) -> None:
    try:
        found = movements([row], "tasty")
    except RetryError:
        return
    assert all(movement.cash.is_finite() and movement.price.is_finite() for movement in found)


def test_f066_a_fee_is_unknown_until_it_is_said_and_a_rebate_is_kept() -> None:
    trade = {"transaction-type": "Trade", "order-id": 7, "ext-exec-id": "a"}
    assert fees_of([trade]) == {}
    cost = {**trade, "commission": "1.00", "commission-effect": "Debit", "clearing-fees": "0.10", "clearing-fees-effect": "Debit"}
    assert fees_of([cost]) == {("7", "a"): Decimal("1.10")}
    rebate = {**trade, "commission": "0.25", "commission-effect": "Credit"}
    assert fees_of([rebate]) == {("7", "a"): Decimal("-0.25")}
    assert Reader("tasty").report(ORDER, {}).fills[0].fee is None
    assert Reader("tasty").report(ORDER, {("7", "a"): Decimal("-0.25")}).fills[0].fee == Decimal("-0.25")
