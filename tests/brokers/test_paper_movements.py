"""Splits, dividends, delistings and expiries of a paper account."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from brokers.paper.ledger import Ledger
from brokers.paper.records import Delisting, Dividend, Moment, Split, Ticket
from core.model.errors import BadDataError
from core.model.instruments import Instrument, Leg, Option, Right, Side, Stock
from core.model.market import Quote
from core.model.orders import Movement
from tests.brokers.rig import LEAD, memory_ledger
from tests.kit.nouns import DAY, NOW, SESSION

CALL = Option("LEAD", date(2024, 6, 21), Right.CALL, Decimal(100))
NEXT = DAY + timedelta(days=1)
PUT = Option("LEAD", date(2024, 6, 21), Right.PUT, Decimal(95))


def holding(thing: Instrument, quantity: int, price: str) -> Ledger:
    ledger = memory_ledger()
    bought(ledger, thing, quantity, price)
    return ledger


def bought(ledger: Ledger, thing: Instrument, quantity: int, price: str) -> None:
    quotes = {thing.key: Quote(Decimal(price), Decimal(price), 10_000, 10_000, NOW)}
    side = Side.BUY if quantity > 0 else Side.SELL
    limit = -side.sign * Decimal(price)
    ledger.submit(Ticket(None, (Leg(thing, side),), abs(quantity), limit), Moment(NOW, SESSION, quotes))


def test_a_split_multiplies_shares_and_moves_no_cash() -> None:
    ledger = holding(LEAD, 7, "100")
    cash = ledger.account(NOW).cash
    (row,) = ledger.corporate_action(Split("LEAD", NEXT, Decimal(4), Decimal(25)), NOW)
    assert (row.kind, row.quantity, row.price, row.cash) == (Movement.SPLIT, 21, Decimal(4), Decimal(0))
    assert (ledger.positions(), ledger.account(NOW).cash) == ({"LEAD": 28}, cash)


def test_a_fraction_of_a_reverse_split_comes_back_as_cash_in_lieu() -> None:
    ledger = holding(LEAD, 25, "10")
    cash = ledger.account(NOW).cash
    rows = ledger.corporate_action(Split("LEAD", NEXT, Decimal("0.1"), Decimal("101.50")), NOW)
    assert [(row.kind, row.quantity, row.cash) for row in rows] == [
        (Movement.SPLIT, -23, 0),
        (Movement.CASH_IN_LIEU, 0, Decimal("50.75")),
    ]
    assert (ledger.positions(), ledger.account(NOW).cash) == ({"LEAD": 2}, cash + Decimal("50.75"))


def test_a_ratio_that_is_no_finite_decimal_still_gives_whole_shares() -> None:
    ledger = holding(LEAD, 30, "10")
    ledger.corporate_action(Split("LEAD", NEXT, Decimal("0.3333333333"), Decimal(30)), NOW)
    assert ledger.positions() == {"LEAD": 10}


def test_a_whole_split_makes_more_contracts_at_a_lower_strike() -> None:
    ledger = holding(CALL, 3, "5")
    ledger.corporate_action(Split("LEAD", NEXT, Decimal(2), Decimal(50)), NOW)
    assert ledger.positions() == {replace(CALL, strike=Decimal(50)).key: 6}


def test_contracts_that_a_split_makes_odd_are_paid_out_at_what_they_are_worth_exercised() -> None:
    ledger = holding(CALL, 3, "5")
    (row,) = ledger.corporate_action(Split("LEAD", NEXT, Decimal("1.5"), Decimal(72)), NOW)
    assert (row.kind, row.quantity, row.cash) == (Movement.CASH_IN_LIEU, -3, Decimal(2400))
    assert ledger.positions() == {}


def test_a_dividend_is_paid_on_what_is_held() -> None:
    ledger = holding(LEAD, 30, "10")
    (row,) = ledger.corporate_action(Dividend("LEAD", NEXT, Decimal("0.235")), NOW)
    assert (row.quantity, row.price, row.cash) == (0, Decimal("0.235"), Decimal("7.05"))


def test_a_delisting_pays_out_shares_and_the_inner_value_of_contracts() -> None:
    ledger = holding(LEAD, 30, "10")
    bought(ledger, PUT, 1, "2")
    rows = ledger.corporate_action(Delisting("LEAD", NEXT, Decimal(3)), NOW)
    assert {row.instrument_key: row.cash for row in rows} == {"LEAD": 90, PUT.key: 9_200}
    assert ledger.positions() == {}


@pytest.mark.parametrize(
    "action", [Split("LEAD", NEXT, Decimal(2), Decimal(5)), Dividend("LEAD", NEXT, Decimal(1)), Delisting("LEAD", NEXT, Decimal(3))]
)
def test_the_same_corporate_action_twice_moves_the_account_once(action: Split | Dividend | Delisting) -> None:
    ledger = holding(LEAD, 10, "10")
    assert ledger.corporate_action(action, NOW)
    held, cash = ledger.positions(), ledger.account(NOW).cash
    assert ledger.corporate_action(action, NOW) == ()
    assert (ledger.positions(), ledger.account(NOW).cash) == (held, cash)


@pytest.mark.parametrize("action", [Split("LEAD", NEXT, Decimal(0), Decimal(5)), Dividend("LEAD", NEXT, Decimal(-1))])
def test_a_corporate_action_that_cannot_be_is_refused(action: Split | Dividend) -> None:
    with pytest.raises(BadDataError, match="cannot be"):
        holding(LEAD, 10, "10").corporate_action(action, NOW)


@pytest.mark.parametrize(
    ("option", "quantity", "spot", "kinds", "shares", "cash"),
    [
        (CALL, 1, "100.01", ["exercise", "exercise"], 100, -10_000),
        (CALL, 1, "100.00", ["expiry"], 0, 0),
        (PUT, 2, "90", ["exercise", "exercise"], -200, 19_000),
        (PUT, -1, "90", ["assignment", "assignment"], 100, -9_500),
        (PUT, -1, "95", ["expiry"], 0, 0),
    ],
)
def test_f107_expiry_exercises_from_one_cent_in_the_money(
    option: Option, quantity: int, spot: str, kinds: list[str], shares: int, cash: int
) -> None:
    ledger = holding(option, quantity, "5")
    before = ledger.account(NOW).cash
    rows = ledger.expire(option.expiry, {"LEAD": Decimal(spot)}, NOW)
    assert [row.kind for row in rows] == kinds
    assert ledger.positions() == ({"LEAD": shares} if shares else {})
    assert ledger.account(NOW).cash - before == cash


def test_an_option_lives_until_its_day() -> None:
    ledger = holding(CALL, 1, "5")
    assert ledger.expire(date(2024, 6, 20), {"LEAD": Decimal(200)}, NOW) == ()


def test_an_expiry_without_a_price_of_the_underlying_is_said_and_the_others_are_settled() -> None:
    ledger = holding(CALL, 1, "5")
    other = Option("OTHER", CALL.expiry, Right.CALL, Decimal(10))
    bought(ledger, other, 1, "1")
    with pytest.raises(BadDataError, match="OTHER"):
        ledger.expire(CALL.expiry, {"LEAD": Decimal(50)}, NOW)
    assert ledger.positions() == {other.key: 1}


def test_a_covered_call_that_is_assigned_delivers_the_shares() -> None:
    ledger = holding(Stock("LEAD"), 100, "90")
    bought(ledger, CALL, -1, "2")
    ledger.expire(CALL.expiry, {"LEAD": Decimal(120)}, NOW)
    assert ledger.positions() == {}


def test_what_is_bought_on_the_day_of_a_split_or_dividend_is_not_touched_when_it_is_told_late_or_again() -> None:
    ledger = holding(LEAD, 10, "100")
    bought(ledger, CALL, 2, "5")
    for action in (Split("LEAD", DAY, Decimal(2), Decimal(50)), Dividend("LEAD", DAY, Decimal(1))):
        assert ledger.corporate_action(action, NOW) == ()
    assert ledger.positions() == {"LEAD": 10, CALL.key: 2}


def test_a_split_told_again_after_new_trades_changes_nothing() -> None:
    ledger = holding(LEAD, 10, "100")
    split = Split("LEAD", NEXT, Decimal(2), Decimal(50))
    tomorrow = NOW + timedelta(days=1)
    ledger.corporate_action(split, tomorrow)
    quotes = {thing.key: Quote(Decimal(5), Decimal(5), 99, 99, tomorrow) for thing in (LEAD, CALL)}
    session = replace(SESSION, day=NEXT, open=SESSION.open + timedelta(days=1), close=SESSION.close + timedelta(days=1))
    for thing in (LEAD, CALL):
        ledger.submit(Ticket("new", (Leg(thing, Side.BUY),), 3, Decimal(-5)), Moment(tomorrow, session, quotes))
    ledger.submit(Ticket("rests", (Leg(LEAD, Side.BUY),), 3, Decimal(-4)), Moment(tomorrow, session, quotes))
    assert ledger.corporate_action(split, tomorrow) == ()
    assert ledger.positions() == {"LEAD": 23, CALL.key: 3}
    assert [report.key for report in ledger.open_orders()] == ["rests"]


def test_what_expired_and_was_bought_again_is_settled_again() -> None:
    ledger = holding(CALL, 1, "5")
    assert ledger.expire(CALL.expiry, {"LEAD": Decimal(50)}, NOW)
    bought(ledger, CALL, 2, "5")
    assert [row.quantity for row in ledger.expire(CALL.expiry, {"LEAD": Decimal(50)}, NOW)] == [-2]
    assert ledger.positions() == {}
