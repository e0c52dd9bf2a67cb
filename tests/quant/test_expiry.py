"""Expiry: intrinsic value, exercise by exception, what is delivered."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.instruments import Option, Right
from core.model.orders import Movement
from core.quant.expiry import deliver, intrinsic, is_exercised

CALL = Option("AAA", date(2026, 4, 17), Right.CALL, Decimal(100))
PUT = Option("AAA", date(2026, 4, 17), Right.PUT, Decimal(100))


@pytest.mark.parametrize(("close", "exercised"), [("100", False), ("100.009", False), ("100.01", True), ("99.99", False)])
def test_a_call_is_exercised_from_one_cent_in_the_money(close: str, exercised: bool) -> None:
    assert is_exercised(CALL, Decimal(close)) is exercised


@pytest.mark.parametrize(
    ("option", "quantity", "close", "movement", "shares", "cash"),
    [
        (CALL, 2, "103", Movement.EXERCISE, 200, -20_000),
        (CALL, -2, "103", Movement.ASSIGNMENT, -200, 20_000),
        (PUT, 1, "90", Movement.EXERCISE, -100, 10_000),
        (PUT, -1, "90", Movement.ASSIGNMENT, 100, -10_000),
        (PUT, -1, "100", Movement.EXPIRY, 0, 0),
        (CALL, 3, "99", Movement.EXPIRY, 0, 0),
    ],
)
def test_shares_change_hands_at_the_strike(
    option: Option, quantity: int, close: str, movement: Movement, shares: int, cash: int
) -> None:
    delivery = deliver(option, quantity, Decimal(close))
    assert (delivery.movement, delivery.shares, delivery.cash) == (movement, shares, Decimal(cash))


@given(st.sampled_from([CALL, PUT]), st.integers(-5, 5).filter(bool), st.decimals("0.01", "300", places=2))
def test_what_is_delivered_is_worth_the_intrinsic_value(option: Option, quantity: int, close: Decimal) -> None:
    delivery = deliver(option, quantity, close)
    assert delivery.cash + delivery.shares * close == quantity * 100 * intrinsic(option, close)
