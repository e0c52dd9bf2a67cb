"""Fees: the stated model, to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import BadDataError
from core.model.instruments import Option, Right, Side, Stock
from core.quant.fees import FeeSchedule

CALL = Option("F", date(2027, 1, 15), Right.CALL, Decimal(10))
STOCK = Stock("F")


def test_a_contract_costs_the_same_to_open_and_to_close_but_for_the_regulatory_fee() -> None:
    schedule = FeeSchedule()
    assert schedule.of(CALL, 3, Side.BUY, Decimal("1.20")) == Decimal("1.95")
    # 3 * 0.65 + 3 * 0.00279 + 360 * 0.0000278 = 1.968378
    assert schedule.of(CALL, 3, Side.SELL, Decimal("1.20")) == Decimal("1.97")


def test_stock_is_free_to_buy_and_pays_the_regulatory_fee_when_sold() -> None:
    schedule = FeeSchedule()
    assert schedule.of(STOCK, 1000, Side.BUY, Decimal(50)) == 0
    # 1000 * 0.000166 + 50,000 * 0.0000278 = 1.556
    assert schedule.of(STOCK, 1000, Side.SELL, Decimal(50)) == Decimal("1.56")


def test_the_minimum_holds_for_the_commission_and_nothing_is_charged_on_nothing() -> None:
    schedule = FeeSchedule(per_share=Decimal("0.005"), minimum=Decimal(1), sold_per_share=Decimal(0), sold_rate=Decimal(0))
    assert schedule.of(STOCK, 10, Side.BUY, Decimal(50)) == 1
    assert schedule.of(STOCK, 1000, Side.SELL, Decimal(50)) == 5
    assert schedule.of(STOCK, 0, Side.BUY, Decimal(50)) == 0


@pytest.mark.parametrize(("quantity", "price"), [(-1, "1"), (1, "-1"), (1, "NaN"), (1, "Infinity")])
def test_a_charge_that_makes_no_sense_is_refused(quantity: int, price: str) -> None:
    with pytest.raises(BadDataError):
        FeeSchedule().of(CALL, quantity, Side.BUY, Decimal(price))


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.decimals("0", "5000", places=2), st.sampled_from(Side))
def test_fees_are_whole_cents_never_below_the_exact_sum_and_never_cheaper_for_more(
    fewer: int, more: int, price: Decimal, side: Side
) -> None:
    fewer, more = sorted((fewer, more))
    schedule = FeeSchedule()
    for thing in (CALL, STOCK):
        small, large = (schedule.of(thing, quantity, side, price) for quantity in (fewer, more))
        assert 0 <= small <= large
        assert large == round(large, 2)
        exact = more * schedule.per_contract if thing is CALL else Decimal(0)
        assert exact <= large
