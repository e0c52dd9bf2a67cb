"""What a cash account may do."""

from datetime import date
from decimal import Decimal

import pytest

from brokers.paper import margin
from brokers.paper.records import Ticket
from core.model.instruments import Leg, Option, Right, Side, Stock

SOON, LATER = date(2024, 7, 19), date(2024, 9, 20)


def call(strike: int, expiry: date = SOON) -> Option:
    return Option("LEAD", expiry, Right.CALL, Decimal(strike))


def put(strike: int, expiry: date = SOON) -> Option:
    return Option("LEAD", expiry, Right.PUT, Decimal(strike))


@pytest.mark.parametrize(
    ("held", "tied"),
    [
        ({"LEAD": 100}, 0),
        ({call(100).key: 3}, 0),
        ({put(100).key: -1}, 10_000),
        ({put(100).key: -2, put(95).key: 2}, 1_000),
        ({put(100).key: -1, put(95, LATER).key: 1}, 500),
        ({put(100, LATER).key: -1, put(95).key: 1}, 10_000),
        ({call(100).key: 1, call(110).key: -1}, 0),
        ({call(110).key: 1, call(100).key: -1}, 1_000),
        ({put(95).key: -1, put(90).key: 1, call(105).key: -1, call(110).key: 1}, 500),
        ({"LEAD": 100, call(100).key: -1}, 0),
        ({"LEAD": -100, call(110).key: 1}, 11_000),
        ({call(100).key: -1}, None),
        ({"LEAD": -1}, None),
        ({"LEAD": 100, call(100).key: -2}, None),
        ({"OTHER": 100, call(100).key: -1}, None),
    ],
    ids=str,
)
def test_short_options_tie_up_their_worst_loss(held: dict[str, int], tied: int | None) -> None:
    assert margin.collateral(held) == tied


def test_buying_power_counts_open_purchases_as_paid_and_open_sales_as_gone() -> None:
    sale = Ticket("b", (Leg(Stock("LEAD"), Side.SELL),), 100, Decimal(100))
    assert margin.needed(sale, {"LEAD": 100}, []) == -10_000
    assert margin.needed(sale, {"LEAD": 99}, []) is None


def test_buying_back_a_short_stock_is_allowed_and_selling_more_is_not() -> None:
    purchase = Ticket("a", (Leg(Stock("LEAD"), Side.BUY),), 50, Decimal(-100))
    sale = Ticket("b", (Leg(Stock("LEAD"), Side.SELL),), 1, Decimal(100))
    assert margin.needed(purchase, {"LEAD": -100}, []) == 5_000
    assert margin.needed(sale, {"LEAD": -100}, []) is None
