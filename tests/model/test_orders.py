"""The transition table of orders, and what orders and fills say about themselves."""

from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest

from core.model.errors import IllegalEventError
from core.model.instruments import Leg, Side
from core.model.orders import DOUBTFUL, TERMINAL, TRANSITIONS, Order, OrderEvent, OrderState, advance
from tests.kit import nouns

PAIRS = list(product(OrderState, OrderEvent))
MISSING = [(state, event) for state, event in PAIRS if event not in TRANSITIONS[state]]
FILLS = {OrderEvent.PART_FILL, OrderEvent.FULL_FILL}


def test_every_state_stands_in_the_table() -> None:
    assert set(TRANSITIONS) == set(OrderState)


@pytest.mark.parametrize(("state", "event"), MISSING, ids=str)
def test_a_pair_that_is_not_in_the_table_raises(state: OrderState, event: OrderEvent) -> None:
    with pytest.raises(IllegalEventError, match=f"{state} cannot meet the event '{event}'"):
        advance(state, event)


def test_a_pair_of_the_table_goes_where_the_table_says_or_stays() -> None:
    for state, event in PAIRS:
        if event in TRANSITIONS[state]:
            assert advance(state, event) is (TRANSITIONS[state][event] or state)


def test_a_finished_order_never_comes_back_to_life() -> None:
    for state in TERMINAL:
        assert all((following or state) in TERMINAL for following in TRANSITIONS[state].values())


def test_a_late_fill_is_legal_for_every_finished_order_that_was_sent() -> None:
    assert all(TRANSITIONS[state].keys() >= FILLS for state in TERMINAL - {OrderState.DENIED})
    assert TRANSITIONS[OrderState.DENIED] == {}


def test_only_a_new_order_is_marked_and_nothing_leads_back_to_new() -> None:
    assert [state for state in OrderState if OrderEvent.MARK in TRANSITIONS[state]] == [OrderState.NEW]
    assert all(OrderState.NEW not in table.values() for table in TRANSITIONS.values())


def test_doubt_ends_by_a_report_alone() -> None:
    assert not DOUBTFUL & TERMINAL
    for state in (OrderState.UNKNOWN, OrderState.ESCALATED):
        assert OrderEvent.DENY not in TRANSITIONS[state]
        assert OrderEvent.REFUSE in TRANSITIONS[state]
    assert [state for state in OrderState if OrderEvent.ABSENCE in TRANSITIONS[state]] == [OrderState.ESCALATED]


def order(leg_filled: tuple[int, ...]) -> Order:
    legs = (Leg(nouns.option(strike=100), Side.BUY, 1), Leg(nouns.option(strike=110), Side.SELL, 2))
    return Order("qm1-x-1", "x", 1, "paper", legs, 5, Decimal(-3), OrderState.WORKING, nouns.NOW, nouns.NOW, leg_filled=leg_filled)


@pytest.mark.parametrize(
    ("leg_filled", "filled", "taken"), [((), 0, 0), ((0, 0), 0, 0), ((3, 2), 1, 3), ((2, 5), 2, 3), ((5, 10), 5, 5)]
)
def test_filled_counts_whole_units_and_taken_counts_begun_ones(leg_filled: tuple[int, ...], filled: int, taken: int) -> None:
    assert (order(leg_filled).filled, order(leg_filled).taken) == (filled, taken)


def test_terminal_is_what_the_set_says() -> None:
    for state in OrderState:
        assert replace(order(()), state=state).terminal == (state in TERMINAL)


def test_a_purchase_costs_and_a_sale_brings_cash() -> None:
    buy, sell = nouns.envelope(), nouns.envelope(nouns.closing_proposal())
    assert nouns.fill(buy, 10, "99.5").cash == Decimal("-995.0")
    assert nouns.fill(sell, 10, "99.5").cash == Decimal("995.0")
    assert nouns.fill(buy, 2, "1.25", multiplier=100).cash == Decimal("-250.00")
