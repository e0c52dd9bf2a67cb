"""The positions that the desk settles and the account that the paper broker moves stay the same, whatever happens to both."""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from brokers.paper.movements import Booking, adjust, expire
from brokers.paper.records import Delisting, Dividend, Split
from core.model.instruments import Right, Stock
from core.model.orders import Transaction
from core.model.positions import Holding, Position
from core.portfolio.holdings import cost
from core.portfolio.ledger import settle_all
from tests.kit import nouns

EXPIRY = date(2024, 7, 19)
BOOKING = Booking("paper", nouns.NOW)


@st.composite
def positions(draw: Any, number: int) -> Position:
    """Stock, a call, a call debit spread or a put credit spread on one underlying."""
    units = draw(st.integers(1, 40))
    kind = draw(st.sampled_from(["stock", "long call", "call debit spread", "put credit spread"]))
    if kind == "stock":
        return nouns.position(units=units * 7, id=f"p{number}")
    right = Right.PUT if kind == "put credit spread" else Right.CALL
    low, high = nouns.option(strike=96, right=right), nouns.option(strike=108, right=right)
    legs = {
        "long call": (Holding(low, units, Decimal(5)),),
        "call debit spread": (Holding(low, units, Decimal(7)), Holding(high, -units, Decimal(2))),
        "put credit spread": (Holding(low, units, Decimal(1)), Holding(high, -units, Decimal(6))),
    }
    return nouns.option_position(units=units, id=f"p{number}", structure=kind, holdings=legs[kind])


accounts = st.integers(1, 4).flatmap(lambda count: st.tuples(*[positions(number) for number in range(count)]))
spots = st.integers(1, 30_000).map(lambda cents: Decimal(cents) / 100)


def quantities(held: tuple[Position, ...]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for position in held:
        for holding in position.holdings:
            counted[holding.instrument.key] += holding.quantity
    return {key: quantity for key, quantity in counted.items() if quantity}


def moved_cash(held: tuple[Position, ...]) -> Decimal:
    return sum((one.realised - cost(one.holdings) for one in held), Decimal(0))


def agree(before: tuple[Position, ...], rows: tuple[Transaction, ...]) -> tuple[Position, ...]:
    """Settle every row, and compare with an account that the rows move."""
    account, after = Counter(quantities(before)), before
    for row in rows:
        after = settle_all(after, row)
        if row.instrument_key is not None:
            account[row.instrument_key] += row.quantity
    assert quantities(after) == {key: quantity for key, quantity in account.items() if quantity}
    assert moved_cash(after) == moved_cash(before) + sum((row.cash for row in rows), Decimal(0))
    for position in after:
        assert position.is_open == bool(position.holdings)
        assert position.units >= 0
        assert sum(units for _, units in position.plan.ladder) == position.opened_units
    return after


@given(accounts, st.sampled_from(["2", "3", "4"]), spots)
def test_a_forward_split(before: tuple[Position, ...], ratio: str, price: Decimal) -> None:
    rows = adjust(Split("LEAD", nouns.DAY, Decimal(ratio), price), quantities(before), BOOKING)
    after = agree(before, rows)
    for was, now in zip(before, after, strict=True):
        if all(holding.instrument.key in quantities(before) for holding in was.holdings):
            assert now.units == was.units * int(ratio)
            assert abs(now.plan.stop * int(ratio) - was.plan.stop) < Decimal("1e-6")


@given(accounts, st.sampled_from(["0.5", "0.1", "1.5", "0.02"]), spots)
def test_an_odd_or_reverse_split(before: tuple[Position, ...], ratio: str, price: Decimal) -> None:
    agree(before, adjust(Split("LEAD", nouns.DAY, Decimal(ratio), price), quantities(before), BOOKING))


@given(accounts, spots)
def test_an_expiry_with_its_deliveries(before: tuple[Position, ...], spot: Decimal) -> None:
    after = agree(before, expire(EXPIRY, {"LEAD": spot}, quantities(before), BOOKING))
    assert all(isinstance(holding.instrument, Stock) for one in after for holding in one.holdings)
    assert all(one.is_stock for one in after if one.is_open)


@given(accounts, spots)
def test_a_delisting(before: tuple[Position, ...], price: Decimal) -> None:
    after = agree(before, adjust(Delisting("LEAD", nouns.DAY, price), quantities(before), BOOKING))
    assert not any(one.is_open for one in after)


@given(accounts, spots)
def test_a_dividend(before: tuple[Position, ...], amount: Decimal) -> None:
    agree(before, adjust(Dividend("LEAD", nouns.DAY, amount), quantities(before), BOOKING))
