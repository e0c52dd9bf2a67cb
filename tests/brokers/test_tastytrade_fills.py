"""What happens to orders at tastytrade after they were taken: executions, cancels, replacements, rejects, other people's trades."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from brokers.tastytrade.reading import Reader
from core.model.errors import OutcomeUnknownError, RefusedError, RetryError
from core.model.orders import OrderEvent, Report
from tests.brokers.bench import BUY_LEAD, BUY_SPREAD, CALL, HIGHER, LEAD, LONG_AGO, SELL_LEAD, SELL_SPREAD, approved
from tests.brokers.bench_tastytrade import TastytradeBench, outside
from tests.kit.tastytrade import shapes
from tests.kit.tastytrade.rest import ACCOUNT

KEY = "qm1-one-1"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TastytradeBench]:
    made = TastytradeBench(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def found(bench: TastytradeBench, key: str = KEY) -> Report:
    report = await bench.broker.find(key)
    assert report is not None
    return report


async def test_f052_the_same_execution_twice_is_one_and_a_changed_one_is_a_second_version(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-100.05"))
    first = await found(bench)
    (fill,) = first.fills
    bench.fault(on="order", kind="patch", patch={"legs/0/fills/0/fill-price": "99.00"})
    changed = await found(bench)
    assert [(one.exec_id, one.version, one.price) for one in changed.fills] == [
        (fill.exec_id, 1, fill.price),
        (fill.exec_id, 2, Decimal("99.00")),
    ]
    assert changed.leg_filled == first.leg_filled
    assert (await found(bench)).fills == first.fills


def test_f052_a_row_that_an_answer_repeats_is_one_execution() -> None:
    row = {"fill-id": "a", "quantity": 4, "fill-price": "1.5", "filled-at": "2023-07-05T19:07:32.496+00:00"}
    leg = {"instrument-type": "Equity", "symbol": "LEAD", "quantity": 10, "action": "Buy to Open", "fills": [row, dict(row)]}
    order = {"id": 7, "status": "Live", "updated-at": 1688584052750, "external-identifier": KEY, "legs": [leg]}
    report = Reader("tasty").report(order, {})
    assert (len(report.fills), report.leg_filled, report.event) == (1, (4,), OrderEvent.PART_FILL)


async def test_f053_an_execution_that_the_broker_takes_back_is_a_second_version(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-100.05"))
    (fill,) = await bench.broker.fills(LONG_AGO)
    (trade,) = [shapes.transaction(moved, ACCOUNT) for moved in bench.loopback.desk.books.moves]
    reversal = {**trade, "id": 99, "reverses-id": trade["id"], "transaction-sub-type": "Sell to Close", "value-effect": "Credit"}
    body = json.dumps({"data": {"items": [trade, reversal]}})
    bench.fault(on="transactions", kind="body", body=body)
    versions = [(one.exec_id, one.version) for one in await bench.broker.fills(LONG_AGO)]
    assert versions == [(fill.exec_id, 1), (fill.exec_id, 2)]
    report = await found(bench)
    assert (report.leg_filled, [one.version for one in report.fills]) == ((10,), [1, 2])


def test_f051_reports_read_in_any_order_say_the_same() -> None:
    """Each snapshot is read for itself, so the last one read never depends on what was read before."""
    leg = {"instrument-type": "Equity", "symbol": "LEAD", "quantity": 10, "action": "Buy to Open"}
    at = "2023-07-05T19:07:32.496+00:00"
    fills = [{"fill-id": name, "quantity": 5, "fill-price": "1.5", "filled-at": at} for name in "ab"]
    base: dict[str, Any] = {"id": 7, "updated-at": 1688584052750, "external-identifier": KEY}
    snapshots = [
        {**base, "status": "Routed", "legs": [leg]},
        {**base, "status": "Live", "legs": [{**leg, "fills": fills[:1]}]},
        {**base, "status": "Filled", "legs": [{**leg, "fills": fills}]},
        {**base, "status": "Cancel Requested", "legs": [{**leg, "fills": fills[:1]}]},
    ]
    alone = [Reader("tasty").report(snapshot, {}) for snapshot in snapshots]
    for order in permutations(range(4)):
        reader = Reader("tasty")
        assert [reader.report(snapshots[place], {}) for place in order] == [alone[place] for place in order]


async def test_f054_a_fill_after_the_cancel_and_an_overfill_are_told_exactly(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-99.00"))
    await bench.loopback.act("fill", key=KEY, rows=[(0, 4, "99.00")])
    await bench.broker.cancel(KEY)
    assert (await found(bench)).leg_filled == (4,)
    await bench.loopback.act("fill", key=KEY, rows=[(0, 3, "99.00")])
    late = await found(bench)
    assert (late.event, late.leg_filled) == (OrderEvent.CANCEL, (7,))
    await bench.loopback.act("fill", key=KEY, rows=[(0, 8, "99.00")])
    over = await found(bench)
    assert (over.leg_filled, sum(fill.quantity for fill in over.fills)) == ((15,), 15)
    assert await bench.broker.positions() == {"LEAD": 15}


async def test_f055_legs_that_filled_unevenly_are_told_leg_by_leg(bench: TastytradeBench) -> None:
    await bench.show(CALL, "5.00", "5.20")
    await bench.show(HIGHER, "2.00", "2.10")
    await bench.broker.submit(approved("-3.00", 2, BUY_SPREAD))
    await bench.loopback.act("fill", key=KEY, rows=[(0, 2, "5.10")])
    report = await found(bench)
    assert (report.event, report.leg_filled) == (OrderEvent.PART_FILL, (2, 0))
    await bench.loopback.act("turn", key=KEY, status="Cancelled")
    report = await found(bench)
    assert (report.event, report.leg_filled, len(report.fills)) == (OrderEvent.CANCEL, (2, 0), 1)


async def test_f056_a_cancel_that_is_only_requested_leaves_the_order_open(bench: TastytradeBench) -> None:
    bench.loopback.desk.rules["slow-cancel"] = True
    await bench.broker.submit(approved("-99.00"))
    report = await bench.broker.cancel(KEY)
    assert report.event is OrderEvent.LIVE
    assert [row.key for row in await bench.broker.open_orders()] == [KEY]
    await bench.loopback.act("turn", key=KEY, status="Cancelled")
    assert (await found(bench)).event is OrderEvent.CANCEL


async def test_f056_a_refused_cancel_of_an_open_order_is_a_refusal_that_names_the_reason(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-99.00"))
    bench.fault(on="cancel", kind="status", status=422, after=False)
    with pytest.raises(RefusedError, match="told to say so"):
        await bench.broker.cancel(KEY)
    assert (await found(bench)).event is OrderEvent.LIVE


@pytest.mark.parametrize("kind", ["stall", "lose", "html", "truncated"])
async def test_f056_a_cancel_without_a_sound_answer_is_unknown(bench: TastytradeBench, kind: str) -> None:
    await bench.broker.submit(approved("-99.00"))
    bench.fault(on="cancel", kind=kind, after=True)
    bench.hurry()
    with pytest.raises(OutcomeUnknownError):
        await bench.broker.cancel(KEY)
    assert (await found(bench)).event is OrderEvent.CANCEL


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_f056_a_cancel_answered_with_a_failure_is_unknown_whatever_became_of_it(bench: TastytradeBench, status: int) -> None:
    await bench.broker.submit(approved("-99.00"))
    bench.fault(on="cancel", kind="status", status=status, after=False)
    with pytest.raises(OutcomeUnknownError):
        await bench.broker.cancel(KEY)


async def test_f056_a_cancel_that_worked_but_whose_look_failed_is_unknown(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-99.00"))
    bench.fault(on="order", kind="status", status=503)
    with pytest.raises(OutcomeUnknownError, match="asked to be cancelled"):
        await bench.broker.cancel(KEY)


async def test_a_cancel_whose_look_up_fails_was_not_asked(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-99.00"))
    await bench.restart()
    bench.fault(on="live", kind="status", status=503)
    with pytest.raises(RetryError):
        await bench.broker.cancel(KEY)
    assert (await found(bench)).event is OrderEvent.LIVE


async def test_f056_every_order_with_the_key_is_cancelled(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-99.00"))
    await bench.broker.submit(approved("-99.00"))
    await bench.restart()
    await bench.broker.cancel(KEY)
    assert await bench.broker.open_orders() == ()


async def test_f057_a_replacement_made_elsewhere_shows_as_an_order_of_its_own_beside_ours(bench: TastytradeBench) -> None:
    """The original fills although it was being replaced, and the successor goes live too: both are seen, nothing is merged."""
    sent = await bench.broker.submit(approved("-99.00"))
    original = int(sent.broker_order_id)
    successor = await bench.loopback.act("place", body=outside(BUY_LEAD, 10, "-98.50"), status="Contingent", replaces=original)
    await bench.loopback.act("turn", id=original, status="Replace Requested", replacing=successor)
    before = {row.broker_order_id: row.event for row in await bench.broker.open_orders()}
    assert before == {str(original): OrderEvent.LIVE, str(successor): OrderEvent.ACK}
    await bench.loopback.act("fill", id=original, rows=[(0, 10, "99.00")])
    await bench.loopback.act("turn", id=successor, status="Live")
    assert (await found(bench)).event is OrderEvent.FULL_FILL
    (left,) = await bench.broker.open_orders()
    assert (left.broker_order_id, left.key, left.event) == (str(successor), None, OrderEvent.LIVE)


async def test_f062_manual_orders_closes_and_cancels_are_seen_as_somebody_elses(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-100.05"))
    body = outside(SELL_LEAD, 4, "99.00") | {"legs": [
        {"instrument-type": "Equity", "symbol": "LEAD", "action": "Sell to Close", "quantity": 4}]}  # fmt: skip
    await bench.loopback.act("place", body=body)
    await bench.broker.submit(approved("-98.00", name="mine"))
    await bench.loopback.act("turn", key="qm1-mine-1", status="Cancelled")
    rows = {(report.key, report.event, report.leg_filled) for report in await bench.broker.reports(LONG_AGO)}
    assert rows == {
        (KEY, OrderEvent.FULL_FILL, (10,)),
        (None, OrderEvent.FULL_FILL, (4,)),
        ("qm1-mine-1", OrderEvent.CANCEL, (0,)),
    }
    assert await bench.broker.positions() == {"LEAD": 6}


async def test_f062_an_identifier_of_another_program_is_not_one_of_ours(bench: TastytradeBench) -> None:
    await bench.loopback.act("place", body=outside(BUY_LEAD, 1, "-100.05", "other-program-17"))
    (report,) = await bench.broker.reports(LONG_AGO)
    assert (report.key, report.fills[0].order_key) == (None, "")


async def test_f063_a_reject_after_the_accept_comes_with_its_reason(bench: TastytradeBench) -> None:
    bench.loopback.desk.status = "Received"
    sent = await bench.broker.submit(approved("-100.05"))
    assert sent.event is OrderEvent.ACK
    await bench.loopback.act("turn", key=KEY, status="Rejected", reason="Stock is halted")
    report = await found(bench)
    assert (report.event, report.reason) == (OrderEvent.REFUSE, "Stock is halted")


async def test_f063_a_liquidation_by_the_broker_is_a_trade_that_nobody_here_made(bench: TastytradeBench) -> None:
    await bench.broker.submit(approved("-100.05"))
    body = {"legs": [{"instrument-type": "Equity", "symbol": "LEAD", "action": "Sell to Close", "quantity": 10}],
            "price": "1.00", "price-effect": "Credit", "order-type": "Market"}  # fmt: skip
    await bench.loopback.act("place", body=body)
    await bench.loopback.act("change", of="desk", set={"rules": {"is-in-margin-call": True, "is-closing-only": True}})
    (theirs,) = [fill for fill in await bench.broker.fills(LONG_AGO) if not fill.order_key]
    assert (theirs.side, theirs.quantity) == ("sell", 10)
    remarks = (await bench.broker.check()).remarks
    assert any("margin call" in remark for remark in remarks)
    assert any("only close" in remark for remark in remarks)


async def test_f066_fees_are_unknown_until_the_history_says_them(bench: TastytradeBench) -> None:
    await bench.show(CALL, "5.00", "5.20")
    bench.fault(on="transactions", kind="status", status=503)
    order = approved("-5.20", 2, (BUY_SPREAD[0],))
    await bench.broker.submit(order)
    assert [fill.fee for fill in (await found(bench)).fills] == [None]
    bench.clock.turn(6)
    assert [fill.fee for fill in (await found(bench)).fills] == [Decimal("2.26")]
    asked = len(bench.loopback.desk.seen)
    await found(bench)
    assert [name for name, _ in bench.loopback.desk.seen[asked:]] == ["order"], "a known fee was asked for again"


async def test_f068_what_an_order_takes_from_buying_power_is_told_by_the_broker(bench: TastytradeBench) -> None:
    await bench.show(CALL, "5.00", "5.20")
    seen = await bench.broker.preview(approved("-5.20", 2, (BUY_SPREAD[0],)))
    assert (seen.accepted, seen.fees, seen.buying_power_effect) == (True, Decimal("2.26"), Decimal("1042.26"))
    await bench.show(HIGHER, "2.00", "2.10")
    credit = await bench.broker.preview(approved("2.00", 1, SELL_SPREAD))
    assert credit.buying_power_effect == Decimal("802.26")
    poor = await bench.broker.preview(approved("-100.05", 5000))
    assert (poor.accepted, poor.fees) == (False, Decimal(0))
    assert "buying power" in poor.reason
    bench.fault(on="dry_run", kind="status", status=503)
    with pytest.raises(RetryError, match="nothing was sent"):
        await bench.broker.preview(approved("-100.05"))
    for body in ('{"data": {}}', '{"data": {"order": {}}}', "<html>"):
        bench.fault(on="dry_run", kind="body", body=body)
        with pytest.raises(RetryError):
            await bench.broker.preview(approved("-100.05"))
    assert await bench.taken() == []


async def test_partial_fills_in_small_pieces_add_up(bench: TastytradeBench) -> None:
    bench.loopback.desk.market.part = 3
    await bench.broker.submit(approved("-100.05"))
    for _ in range(3):
        bench.clock.turn(1)
        await bench.show(LEAD, "99.99", "100.01")
    report = await found(bench)
    assert (report.event, [fill.quantity for fill in report.fills]) == (OrderEvent.FULL_FILL, [3, 3, 3, 1])
    assert await bench.broker.fills(bench.clock.now() + timedelta(seconds=1)) == ()


async def test_yesterdays_fill_of_an_old_order_is_found_through_the_history(bench: TastytradeBench) -> None:
    """It is neither among today's orders nor among those of the last days, only a row of the history names it."""
    old = await bench.loopback.act("place", body=outside(BUY_LEAD, 10, "-99.00"))
    bench.clock.turn(20 * 86_400)
    yesterday = bench.clock.now()
    await bench.loopback.act("fill", id=old, rows=[(0, 10, "99.00")])
    bench.clock.turn(86_400)
    await bench.restart()
    (fill,) = await bench.broker.fills(yesterday)
    assert (fill.quantity, fill.at) == (10, yesterday)
