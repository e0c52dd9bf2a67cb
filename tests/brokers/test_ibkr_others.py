"""Somebody else on the same Interactive Brokers account: other clients, people at TWS, and a second order under one key."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.model.errors import IllegalEventError, RefusedError
from core.model.orders import OrderEvent
from tests.brokers import ibkr_rig
from tests.brokers.bench import BUY_LEAD, LONG_AGO, approved
from tests.brokers.ibkr_rig import IbkrRig

KEY = "qm1-one-1"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[IbkrRig]:
    async with ibkr_rig.up(tmp_path) as made:
        yield made


async def test_only_the_client_that_placed_an_order_can_cancel_it(rig: IbkrRig) -> None:
    rig.do("outside", legs=[["LEAD", "BUY", 1]], quantity=5, limit="98.00", ref=KEY)
    with pytest.raises(RefusedError, match="cancel it in TWS"):
        await rig.broker.cancel(KEY)


async def test_f062_a_cancel_without_a_key_never_meets_an_order_of_somebody_else(rig: IbkrRig) -> None:
    rig.do("outside", legs=[["LEAD", "BUY", 1]], quantity=5, limit="98.00", client=rig.broker_client)
    with pytest.raises(RefusedError, match="knows no order"):
        await rig.broker.cancel("")
    assert [row["status"] for row in rig.do("taken")] == ["Submitted"]


async def test_f058_two_orders_under_one_key_are_a_loud_error_and_both_are_shown(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00"))
    rig.do("outside", legs=[["LEAD", "BUY", 1]], quantity=10, limit="99.00", ref=KEY)
    with pytest.raises(IllegalEventError, match="2 times"):
        await rig.broker.find(KEY)
    with pytest.raises(IllegalEventError, match="2 times"):
        await rig.broker.cancel(KEY)
    assert [row.key for row in await rig.broker.open_orders()] == [KEY, KEY]


async def test_f062_orders_and_trades_of_somebody_else_are_seen_without_a_key(rig: IbkrRig) -> None:
    rig.do("outside", legs=[["LEAD", "BUY", 1]], quantity=5, limit="100.05", client=0)
    rig.do("outside", legs=[["LEAD", "SELL", 1]], quantity=2, limit="110.00")
    fills = await rig.broker.fills(LONG_AGO)
    assert [(fill.order_key, fill.quantity, fill.instrument_key) for fill in fills] == [("", 5, "LEAD")]
    assert [(row.key, row.event) for row in await rig.broker.reports(LONG_AGO)] == [
        (None, OrderEvent.FULL_FILL),
        (None, OrderEvent.LIVE),
    ]
    assert [row.key for row in await rig.broker.open_orders()] == [None]
    assert await rig.broker.positions() == {"LEAD": 5}


async def test_f062_an_order_of_ours_that_somebody_cancels_by_hand_is_cancelled(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-99.00", legs=BUY_LEAD))
    rig.do("turn", ref=KEY, status="Cancelled")
    found = await rig.broker.find(KEY)
    assert found is not None
    assert found.event is OrderEvent.CANCEL


async def test_f062_a_position_that_somebody_closes_by_hand_is_seen_in_fills_and_positions(rig: IbkrRig) -> None:
    await rig.broker.submit(approved("-100.05"))
    rig.do("outside", legs=[["LEAD", "SELL", 1]], quantity=10, limit="99.00", client=0)
    assert await rig.broker.positions() == {}
    assert [(fill.order_key, fill.side.sign * fill.quantity) for fill in await rig.broker.fills(LONG_AGO)] == [(KEY, 10), ("", -10)]
