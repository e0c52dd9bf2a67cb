from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import BadDataError
from core.model.instruments import Option, Right, Stock
from core.model.orders import Movement, Transaction
from core.model.positions import Holding, Position
from core.portfolio.holdings import cost
from core.portfolio.ledger import settle, settle_all
from core.portfolio.movements import apportion
from tests.kit import nouns

STRIKE = nouns.option(strike=100, right=Right.PUT)


def movement(kind: Movement, key: str | None = "LEAD", quantity: int = 0, price: str = "0", cash: str = "0") -> Transaction:
    return Transaction(f"t-{kind}", "paper", nouns.NOW, kind, key, quantity, Decimal(price), Decimal(cash))


def total(positions: tuple[Position, ...]) -> Decimal:
    """What the identity says has moved in cash for all of them."""
    return sum((one.realised - cost(one.holdings) for one in positions), Decimal(0))


@given(st.integers(1, 5000), st.sampled_from(["2", "3", "1.5", "0.5", "0.1", "1.25", "0.04", "20"]), st.integers(1, 90_000))
def test_a_split_preserves_value(units: int, ratio: str, price_in_cents: int) -> None:
    before = nouns.position(units=units)
    exact = units * Decimal(ratio)
    whole = int(exact)
    price = Decimal(price_in_cents) / 100
    after = settle(before, movement(Movement.SPLIT, quantity=whole - units, price=ratio))
    lieu = (exact - whole) * price / Decimal(ratio)
    paid = settle(after, movement(Movement.CASH_IN_LIEU, cash=str(lieu)))
    new_price = price / Decimal(ratio)
    worth = paid.realised - cost(paid.holdings) + whole * new_price
    assert abs(worth - (units * price - cost(before.holdings))) < Decimal("1e-9")
    assert paid.units == whole
    if whole:
        assert abs(paid.plan.stop * Decimal(ratio) - 94) < Decimal("1e-5")
        assert abs(paid.entry_spot * Decimal(ratio) - 100) < Decimal("1e-5")
        assert sum(share for _, share in paid.plan.ladder) == paid.opened_units
    else:
        assert not paid.is_open
        assert paid.close_cause == "split"


def contract_split(position: Position, *contracts: Option, ratio: int = 2) -> Position:
    """The rows that a broker tells for each contract: the old one goes, the new one comes."""
    for contract in contracts:
        count = sum(holding.quantity for holding in position.holdings if holding.instrument == contract)
        new = replace(contract, strike=contract.strike / ratio)
        position = settle(position, movement(Movement.SPLIT, contract.key, -count, str(ratio)))
        position = settle(position, movement(Movement.SPLIT, new.key, count * ratio, str(ratio)))
    return position


def test_a_split_multiplies_contracts_and_divides_strikes_and_the_stop() -> None:
    after = contract_split(nouns.option_position(units=4), nouns.option(strike=100))
    assert after.holdings == (Holding(nouns.option(strike=50), 8, Decimal("2.5")),)
    assert (after.units, after.opened_units, after.realised) == (8, 8, Decimal(0))
    assert (after.plan.stop, after.entry_spot, after.max_loss) == (Decimal(47), Decimal(50), Decimal(2000))
    assert sum(share for _, share in after.plan.ladder) == 8


def test_a_split_of_a_spread_moves_its_stop_once() -> None:
    low, high = nouns.option(strike=100), nouns.option(strike=110)
    spread = nouns.option_position(units=3, holdings=(Holding(low, 3, Decimal(5)), Holding(high, -3, Decimal(2))))
    after = contract_split(spread, low, high)
    assert {one.instrument: (one.quantity, one.price) for one in after.holdings} == {
        nouns.option(strike=50): (6, Decimal("2.5")),
        nouns.option(strike=55): (-6, Decimal(1)),
    }
    assert (after.units, after.plan.stop, after.realised) == (6, Decimal(47), Decimal(0))


def test_a_contract_that_is_paid_out_at_an_odd_split_closes_the_position() -> None:
    key = nouns.option().key
    after = settle(nouns.option_position(units=4), movement(Movement.CASH_IN_LIEU, key, quantity=-4, price="6", cash="2400"))
    assert (after.realised, after.is_open, after.close_cause) == (Decimal(400), False, "cash in lieu")


def test_a_split_without_a_ratio_is_refused() -> None:
    with pytest.raises(BadDataError, match="ratio"):
        settle(nouns.position(), movement(Movement.SPLIT, price="0"))


def test_a_dividend_is_realised_profit() -> None:
    after = settle(nouns.position(units=100), movement(Movement.DIVIDEND, price="0.24", cash="24.00"))
    assert after.realised == Decimal("24.00")
    assert after.holdings == nouns.position(units=100).holdings


@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), st.integers(0, 100_000))
def test_a_dividend_is_shared_out_to_the_cent(units: list[int], pennies: int) -> None:
    positions = tuple(nouns.position(units=one, id=f"p{i}") for i, one in enumerate(units))
    cash = Decimal(pennies) / 100
    after = settle_all((nouns.position("OTHER"), *positions), movement(Movement.DIVIDEND, cash=str(cash)))
    assert after[0] == nouns.position("OTHER")
    assert sum(one.realised for one in after) == cash
    for one, held in zip(after[1:], units, strict=True):
        assert abs(one.realised - cash * held / sum(units)) <= Decimal("0.02")


def test_a_movement_that_concerns_nobody_changes_nothing() -> None:
    positions = (nouns.position(), nouns.option_position())
    assert settle_all(positions, movement(Movement.DEPOSIT, None, cash="5000")) == positions
    assert settle_all(positions, movement(Movement.DIVIDEND, "ELSE", cash="5")) == positions


def test_a_worthless_expiry_realises_the_premium_and_closes() -> None:
    position = nouns.option_position(units=4)
    key = position.holdings[0].instrument.key
    after = settle(position, movement(Movement.EXPIRY, key, quantity=-4))
    assert (after.realised, after.units, after.close_cause) == (Decimal(-2000), 0, "expiry")
    assert not after.is_open


def test_a_movement_after_midnight_utc_belongs_to_the_new_york_day() -> None:
    late = datetime(2024, 6, 13, 1, tzinfo=UTC)
    key = nouns.option().key
    gone = Transaction("t", "paper", late, Movement.EXPIRY, key, -4, Decimal(0), Decimal(0))
    assert settle(nouns.option_position(units=4), gone).closed_session == date(2024, 6, 12)


def delivered(position: Position, contract: Option, kind: Movement, count: int) -> Position:
    """The two rows of a delivery: so many contracts go, shares come at the strike."""
    shares = -count * 100 * (1 if contract.right is Right.CALL else -1)
    gone = settle(position, movement(kind, contract.key, quantity=count))
    return settle(gone, movement(kind, "LEAD", shares, str(contract.strike), str(-shares * contract.strike)))


def test_an_exercised_call_becomes_stock_at_the_strike() -> None:
    after = delivered(nouns.option_position(units=3), nouns.option(strike=100), Movement.EXERCISE, -3)
    assert after.holdings == (Holding(Stock("LEAD"), 300, Decimal(100)),)
    assert after.realised == Decimal(-1500)
    assert (after.structure, after.units, after.opened_units, after.is_open) == ("stock", 300, 300, True)
    assert (after.plan.exit_days_to_expiry, after.plan.premium_stop) == (None, None)
    assert sum(share for _, share in after.plan.ladder) == 300


def test_an_assigned_short_put_becomes_stock_at_the_strike() -> None:
    short = nouns.option_position(units=2, structure="short put", holdings=(Holding(STRIKE, -2, Decimal(3)),))
    after = delivered(short, STRIKE, Movement.ASSIGNMENT, 2)
    assert after.holdings == (Holding(Stock("LEAD"), 200, Decimal(100)),)
    assert (after.realised, after.structure, after.units) == (Decimal(600), "stock", 200)


def test_a_spread_that_ends_in_the_money_on_both_legs_ends_flat() -> None:
    low, high = nouns.option(strike=100), nouns.option(strike=110)
    spread = nouns.option_position(units=2, holdings=(Holding(low, 2, Decimal(5)), Holding(high, -2, Decimal(2))))
    after = delivered(delivered(spread, low, Movement.EXERCISE, -2), high, Movement.ASSIGNMENT, 2)
    assert not after.is_open
    assert after.realised == Decimal(2 * 100 * (10 - 3))
    assert after.close_cause == "assignment"


def test_an_assigned_spread_leg_leaves_a_position_without_whole_units_but_open() -> None:
    wing = nouns.option(strike=90, right=Right.PUT)
    holdings = (Holding(wing, 2, Decimal(1)), Holding(STRIKE, -2, Decimal(3)))
    spread = nouns.option_position(units=2, structure="put credit spread", holdings=holdings, max_loss=Decimal(1600))
    after = delivered(spread, STRIKE, Movement.ASSIGNMENT, 2)
    assert {one.instrument.key: one.quantity for one in after.holdings} == {"LEAD": 200, wing.key: 2}
    assert (after.units, after.is_open, after.max_loss) == (0, True, Decimal(1600))


def test_a_partial_assignment_leaves_the_whole_units_that_remain() -> None:
    wing = nouns.option(strike=90, right=Right.PUT)
    holdings = (Holding(wing, 4, Decimal(1)), Holding(STRIKE, -4, Decimal(3)))
    spread = nouns.option_position(units=4, structure="put credit spread", holdings=holdings, max_loss=Decimal(3200))
    after = settle(spread, movement(Movement.ASSIGNMENT, STRIKE.key, quantity=1, price="12", cash="-1200"))
    assert after.units == 3
    assert after.max_loss == Decimal(3200)
    assert after.realised == Decimal(-900)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=4), st.data())
def test_a_removal_is_shared_out_oldest_first_and_its_cash_is_conserved(units: list[int], data: st.DataObject) -> None:
    gone = data.draw(st.integers(1, sum(units)))
    cash = Decimal(data.draw(st.integers(-100_000, 100_000))) / 100
    positions = tuple(nouns.position(units=one, id=f"p{i}") for i, one in enumerate(units))
    after = settle_all(positions, movement(Movement.DELISTING, quantity=-gone, price="1", cash=str(cash)))
    assert sum(one.units for one in after) == sum(units) - gone
    assert total(after) == total(positions) + cash
    assert sum(one.units == 0 for one in after[: len(after) - 1]) >= sum(one.is_open is False for one in after) - 1
    first_open = next((i for i, one in enumerate(after) if one.is_open), len(after))
    assert all(one.units == units[i] for i, one in enumerate(after) if i > first_open)


@given(st.integers(-10_000, 10_000), st.lists(st.integers(0, 500), min_size=1, max_size=6))
def test_shares_sum_to_the_whole(whole: int, weights: list[int]) -> None:
    shares = apportion(whole, weights)
    assert sum(shares) == (whole if sum(weights) else 0)
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if weight == 0)
