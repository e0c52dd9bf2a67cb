"""The table of legal transitions, read as a whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import IllegalEventError
from core.model.orders import DOUBTFUL, TERMINAL, TRANSITIONS, OrderEvent, OrderState, advance

S, E = OrderState, OrderEvent
EVENTS = st.lists(st.sampled_from(list(OrderEvent)), max_size=30)
FILLS = {E.PART_FILL, E.FULL_FILL}
#: States in which the broker is known to have the order.
OPEN = {S.ACCEPTED, S.WORKING, S.PARTIAL, S.PENDING_CANCEL, S.PENDING_REPLACE}


def reached(events: list[OrderEvent], start: OrderState = S.NEW) -> list[OrderState]:
    """States that an order goes through; an illegal event leaves it where it is."""
    states = [start]
    for event in events:
        if event in TRANSITIONS[states[-1]]:
            states.append(advance(states[-1], event))
    return states


def test_the_table_is_that_of_the_reliability_notes() -> None:
    assert set(TRANSITIONS) == set(OrderState)
    assert TRANSITIONS[S.NEW] == {E.DENY: S.DENIED, E.MARK: S.SENDING}, "nothing reaches the broker without the marker"
    assert TRANSITIONS[S.DENIED] == {}
    for state in TERMINAL - {S.DENIED}:
        assert set(TRANSITIONS[state]) >= FILLS, "a fill that comes late is booked"
    for state in OPEN | DOUBTFUL:
        assert {E.PART_FILL, E.FULL_FILL, E.CANCEL, E.EXPIRE, E.REMOVE, E.REFUSE} <= set(TRANSITIONS[state])
    assert advance(S.SENDING, E.LOSE) is S.UNKNOWN
    assert advance(S.UNKNOWN, E.BUDGET) is S.ESCALATED
    assert advance(S.ESCALATED, E.ABSENCE) is S.ABSENT


@pytest.mark.parametrize("state", list(OrderState))
def test_an_event_outside_the_table_is_illegal_and_named(state: OrderState) -> None:
    for event in OrderEvent:
        if event not in TRANSITIONS[state]:
            with pytest.raises(IllegalEventError, match=f"{state}.*{event}"):
                advance(state, event)


@given(EVENTS)
def test_no_order_of_events_sends_twice(events: list[OrderEvent]) -> None:
    states = reached(events)
    assert states.count(S.SENDING) <= 1
    assert S.NEW not in states[1:]


@given(EVENTS)
def test_doubt_ends_only_by_word_of_the_broker_or_by_proof(events: list[OrderEvent]) -> None:
    states = reached(events, S.UNKNOWN)
    assert S.DENIED not in states
    if S.ABSENT in states:
        assert S.ESCALATED in states


@given(st.sampled_from(sorted(TERMINAL)), EVENTS)
def test_an_order_that_has_ended_is_never_open_again(state: OrderState, events: list[OrderEvent]) -> None:
    assert set(reached(events, state)) <= {state, S.FILLED}
