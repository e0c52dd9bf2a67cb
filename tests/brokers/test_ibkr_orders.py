"""Orders at Interactive Brokers: what leaves us, what comes back, and what is never sent."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.model.errors import RefusedError
from core.model.instruments import Leg, Option, Side, Stock
from core.model.orders import OrderEvent
from core.model.proposals import ApprovedOrder
from tests.brokers import ibkr_rig
from tests.brokers.bench import BUY_LEAD, BUY_SPREAD, CALL, HIGHER, LEAD, LONG_AGO, SELL_LEAD, SELL_SPREAD, approved
from tests.brokers.ibkr_rig import IbkrRig
from tests.kit.ibkr.ledger import rows

KEY = "qm1-one-1"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[IbkrRig]:
    async with ibkr_rig.up(tmp_path) as made:
        yield made


async def test_a_marketable_order_is_filled_and_paid_for(rig: IbkrRig) -> None:
    assert (await rig.broker.preview(approved("-100.05"))).accepted
    report = await rig.broker.submit(approved("-100.05"))
    assert (report.event, report.leg_filled) == (OrderEvent.FULL_FILL, (10,))
    assert [(fill.price, fill.quantity, fill.fee) for fill in report.fills] == [(Decimal("100.01"), 10, Decimal(1))]
    assert await rig.broker.positions() == {"LEAD": 10}
    assert (await rig.broker.account()).cash == Decimal("98998.90")
    assert await rig.broker.open_orders() == ()
    assert [fill.exec_id for fill in await rig.broker.fills(LONG_AGO)] == [report.fills[0].exec_id]


async def test_a_combo_is_one_guaranteed_order_and_its_own_execution_counts_nothing(rig: IbkrRig) -> None:
    rig.do("quote", key=CALL.key, bid="5.00", ask="5.20")
    rig.do("quote", key=HIGHER.key, bid="2.00", ask="2.10")
    report = await rig.broker.submit(approved("-3.20", 2, BUY_SPREAD))
    assert (report.event, report.leg_filled) == (OrderEvent.FULL_FILL, (2, 2))
    assert [(fill.leg, fill.side, fill.quantity, fill.multiplier) for fill in report.fills] == [
        (0, Side.BUY, 2, 100),
        (1, Side.SELL, 2, 100),
    ]
    assert sum(fill.cash for fill in report.fills) == Decimal(-640)
    assert await rig.broker.positions() == {CALL.key: 2, HIGHER.key: -2}
    taken = [row for row in rows(rig.folder / "tws.jsonl") if row["kind"] == "order"]
    assert len(taken) == 1
    assert len(rig.do("executions")) == 3


async def test_a_credit_is_bought_at_a_negative_price(rig: IbkrRig) -> None:
    rig.do("quote", key=CALL.key, bid="5.00", ask="5.20")
    rig.do("quote", key=HIGHER.key, bid="2.00", ask="2.10")
    await rig.broker.submit(approved("-3.20", 2, BUY_SPREAD, "in"))
    out = await rig.broker.submit(approved("2.90", 2, SELL_SPREAD, "out"))
    assert (out.event, sum(fill.cash for fill in out.fills)) == (OrderEvent.FULL_FILL, Decimal(580))
    sent = [row for row in rows(rig.folder / "tws.jsonl") if row["kind"] == "order"]
    assert [(row["action"], row["limit"]) for row in sent] == [("BUY", "3.2"), ("BUY", "-2.9")]
    assert await rig.broker.positions() == {}


async def test_a_sale_is_sold_at_its_positive_price(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-100.05", name="in"))
    await rig.broker.submit(approved("99.90", 10, SELL_LEAD, "out"))
    sent = [row for row in rows(rig.folder / "tws.jsonl") if row["kind"] == "order"]
    assert [(row["action"], row["limit"], row["ref"]) for row in sent] == [
        ("BUY", "100.05", "qm1-in-1"),
        ("SELL", "99.9", "qm1-out-1"),
    ]
    assert await rig.broker.positions() == {}


async def test_legs_keep_their_places_over_a_restart_of_ours(rig: IbkrRig) -> None:
    rig.do("quote", key=CALL.key, bid="5.00", ask="5.20")
    rig.do("quote", key=HIGHER.key, bid="2.00", ask="2.10")
    before = await rig.broker.submit(approved("-3.20", 2, BUY_SPREAD))
    await rig.restart()
    after = await rig.broker.find(KEY)
    assert after is not None
    assert (after.event, after.fills, after.broker_order_id) == (before.event, before.fills, before.broker_order_id)


async def test_a_resting_order_is_cancelled_and_says_so(rig: IbkrRig) -> None:
    assert (await rig.broker.submit(approved("-99.00"))).event is OrderEvent.LIVE
    assert [report.key for report in await rig.broker.open_orders()] == [KEY]
    assert (await rig.broker.cancel(KEY)).event is OrderEvent.CANCEL
    assert await rig.broker.open_orders() == ()


NOT_SENT = [
    (approved("-100.05", 0), "quantity"),
    (replace(approved("-100.05"), limit=Decimal("NaN")), "no price"),
    (approved("100.05"), "no price at which one can buy"),
    (approved("-99.00", legs=SELL_LEAD), "no price at which one can sell"),
    (approved("-5.00", legs=(Leg(Stock("NOWHERE"), Side.BUY),)), "no single US contract"),
    (approved("-90.00", 1, (Leg(LEAD, Side.BUY, 100), Leg(CALL, Side.SELL))), "guaranteed as a whole"),
    (approved("-3.00", 1, (Leg(CALL, Side.BUY), Leg(replace(HIGHER, underlying="OTHER"), Side.SELL))), "one underlying"),
    (approved("-3.00", 1, (Leg(CALL, Side.BUY, 2), Leg(HIGHER, Side.SELL, 2))), "lowest terms"),
    (approved("-3.00", 1, (Leg(CALL, Side.BUY), Leg(CALL, Side.SELL))), "different contract"),
    (approved("-3.00", 1, BUY_LEAD + tuple(Leg(CALL, Side.BUY) for _ in range(4))), "too large"),
]


@pytest.mark.parametrize(("order", "words"), NOT_SENT, ids=[words for _, words in NOT_SENT])
async def test_what_cannot_be_one_whole_order_is_never_sent(rig: IbkrRig, order: ApprovedOrder, words: str) -> None:
    assert words in (await rig.broker.preview(order)).reason
    with pytest.raises(RefusedError, match=words):
        await rig.broker.submit(order)
    assert rig.do("taken") == []
    assert await rig.broker.find(order.key) is None


REFUSED = [
    (approved("-100.05", 1000), "insufficient buying power"),
    (approved("-100.053"), "minimum price variation"),
    (approved("99.00", legs=SELL_LEAD), "short positions"),
    (approved("-5.00", legs=(Leg(replace(CALL, expiry=CALL.expiry.replace(month=6, day=7)), Side.BUY),)), "expired"),
    (approved("1.00", 1, (Leg(CALL, Side.SELL),)), "short positions"),
]


@pytest.mark.parametrize(("order", "words"), REFUSED, ids=[words for _, words in REFUSED])
async def test_a_refusal_is_proved_by_looking_and_leaves_nothing_behind(rig: IbkrRig, order: ApprovedOrder, words: str) -> None:
    assert words in (await rig.broker.preview(order)).reason
    with pytest.raises(RefusedError, match=words):
        await rig.broker.submit(order)
    assert await rig.broker.find(order.key) is None
    assert await rig.broker.positions() == {}


async def test_an_adjusted_contract_that_is_not_ours_is_refused(rig: IbkrRig) -> None:
    odd = Option("LEAD", CALL.expiry, CALL.right, CALL.strike, multiplier=150)
    with pytest.raises(RefusedError, match="no single US contract"):
        await rig.broker.submit(approved("-5.00", 1, (Leg(odd, Side.BUY),)))


async def test_a_preview_names_commission_and_margin_and_places_nothing(rig: IbkrRig) -> None:
    rig.do("quote", key=CALL.key, bid="5.00", ask="5.20")
    seen = await rig.broker.preview(approved("-5.20", 2, (Leg(CALL, Side.BUY),)))
    assert (seen.accepted, seen.fees, seen.buying_power_effect) == (True, Decimal("1.3"), Decimal(1040))
    assert rig.do("taken") == []
