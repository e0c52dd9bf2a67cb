import math
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.market import MarketView, Quote, SymbolView
from core.model.signals import Intent, Signal
from core.strategies.atr_matrix import AtrMatrix
from tests.kit import nouns

MATRIX = AtrMatrix()


def leader(symbol: str = "LEAD", **features: Any) -> SymbolView:
    return nouns.symbol_view(symbol, features=features)


def at(price: float, **changes: Any) -> MarketView:
    """The leader trades at a price; its completed bar stays that of a close at 100, SMA50 92, ATR 4 (rungs 120, 124, 128, 132)."""
    return nouns.view(replace(leader(), quote=nouns.quote(price), **changes))


def causes(signals: tuple[Signal, ...]) -> list[str]:
    return [signal.cause for signal in signals]


def test_a_quiet_position_is_left_alone() -> None:
    assert MATRIX.manage(nouns.position(), at(101)) == ()


@pytest.mark.parametrize("price", [94.0, 93.99, 50.0])
def test_a_touch_of_the_stop_closes_everything(price: float) -> None:
    (signal,) = MATRIX.manage(nouns.position(), at(price))
    assert (signal.cause, signal.quantity, signal.trigger, signal.intent) == ("stop", 100, Decimal(94), Intent.CLOSE)
    assert (signal.position_id, signal.price) == ("position-1", nouns.dollars(price))
    assert "94.00" in signal.reason
    assert MATRIX.manage(nouns.position(), at(94.01)) == ()


def test_the_stop_wins_over_every_other_cause() -> None:
    late = nouns.position(opened_session=date(2023, 1, 3))
    broken = nouns.view(replace(leader(close=90.0, sma50=92.0), quote=nouns.quote(93)))
    assert causes(MATRIX.manage(late, broken)) == ["stop"]


def test_the_entry_session_has_a_stop_but_no_trend_exit() -> None:
    fresh = nouns.position(opened_session=nouns.DAY)
    weak = nouns.view(replace(leader(close=91.0, sma50=92.0), quote=nouns.quote(95)))
    assert MATRIX.manage(fresh, weak) == ()
    assert causes(MATRIX.manage(nouns.position(opened_session=nouns.COMPLETED), weak)) == ["trend"]
    assert causes(MATRIX.manage(fresh, at(93))) == ["stop"]


def test_a_close_at_sma50_is_no_close_below_it() -> None:
    assert MATRIX.manage(nouns.position(), nouns.view(replace(leader(close=92.0), quote=nouns.quote(95)))) == ()


def test_rungs_fire_one_by_one_each_once_and_each_its_quarter() -> None:
    position = nouns.position()
    (first,) = MATRIX.manage(position, at(120))
    assert (first.cause, first.quantity, first.trigger, first.multiple) == ("ladder-7", 25, Decimal(120), 7)
    assert MATRIX.manage(position, at(119.99)) == ()
    after = replace(position, fired=(7.0,), units=75)
    assert MATRIX.manage(after, at(123.99)) == ()
    (second,) = MATRIX.manage(after, at(124))
    assert (second.cause, second.quantity) == ("ladder-8", 25)


def test_a_gap_over_several_rungs_gives_each_its_own_signal() -> None:
    signals = MATRIX.manage(nouns.position(), at(129))
    assert [(signal.cause, signal.quantity) for signal in signals] == [("ladder-7", 25), ("ladder-8", 25), ("ladder-9", 25)]
    assert len({signal.id for signal in signals}) == 3


@given(st.integers(1, 60), st.integers(0, 60), st.floats(101, 140))
def test_the_ladder_never_sells_more_than_is_held_and_the_top_sells_all(opened: int, closed: int, price: float) -> None:
    position = nouns.position(units=opened)
    position = replace(position, units=max(0, opened - closed))
    signals = MATRIX.manage(position, at(round(price, 2)))
    sold = sum(signal.quantity or 0 for signal in signals)
    assert sold <= position.units
    assert all(signal.quantity for signal in signals)
    if price >= 132.01:
        assert sold == position.units


@given(st.integers(1, 30))
def test_touching_every_rung_in_turn_sells_the_whole_position(units: int) -> None:
    position = nouns.position(units=units)
    for price, multiple in ((120, 7.0), (124, 8.0), (128, 9.0), (132, 10.0)):
        for signal in MATRIX.manage(position, at(price)):
            position = replace(position, units=position.units - (signal.quantity or 0))
        position = replace(position, fired=(*position.fired, multiple))
    assert position.units == 0


def test_an_unknown_average_silences_the_ladder_but_not_the_stop() -> None:
    blind = nouns.view(replace(leader(sma50=math.nan, atr14=math.nan), quote=nouns.quote(150)))
    assert MATRIX.manage(nouns.position(), blind) == ()
    low = nouns.view(replace(leader(sma50=math.nan, atr14=math.nan), quote=nouns.quote(90)))
    assert causes(MATRIX.manage(nouns.position(), low)) == ["stop"]


def test_time_is_counted_in_sessions_from_the_entry() -> None:
    days = nouns.bars(np.full(80, 100.0)).day
    sixtieth, younger = days[-60].astype(object), days[-59].astype(object)
    view = at(101, bars=nouns.bars(np.full(80, 100.0)))
    (signal,) = MATRIX.manage(nouns.position(opened_session=sixtieth), view)
    assert (signal.cause, signal.quantity) == ("time", 100)
    assert "60 sessions" in signal.reason
    assert MATRIX.manage(nouns.position(opened_session=younger), view) == ()


def option_view(price: float, premium: float) -> MarketView:
    return nouns.view(replace(leader(), quote=nouns.quote(price)), quotes={nouns.option().key: nouns.quote(premium)})


def test_half_the_premium_lost_closes_the_option() -> None:
    (signal,) = MATRIX.manage(nouns.option_position(), option_view(99, 2.5))
    assert (signal.cause, signal.quantity) == ("premium", 4)
    assert MATRIX.manage(nouns.option_position(), option_view(99, 2.51)) == ()
    crossed = {nouns.option().key: Quote(Decimal(2), Decimal(1), 1, 1, nouns.NOW)}
    assert MATRIX.manage(nouns.option_position(), nouns.view(quotes=crossed)) == ()


@pytest.mark.parametrize(("days", "closes"), [(10, True), (11, False), (0, True)])
def test_options_leave_ten_days_before_expiry(days: int, closes: bool) -> None:
    today = nouns.option(expiry=nouns.DAY) if days == 0 else nouns.option(expiry=nouns.DAY + timedelta(days=days))
    position = nouns.option_position()
    position = replace(position, holdings=(replace(position.holdings[0], instrument=today),))
    view = nouns.view(quotes={today.key: nouns.quote(5)})
    assert causes(MATRIX.manage(position, view)) == (["expiry"] if closes else [])


def test_the_same_stop_touched_twice_in_a_session_is_one_signal_and_a_new_session_is_another() -> None:
    (first,) = MATRIX.manage(nouns.position(), at(93))
    (again,) = MATRIX.manage(nouns.position(), replace(at(92), as_of=nouns.NOW + timedelta(hours=1)))
    tomorrow = replace(nouns.SESSION, day=nouns.DAY + timedelta(days=1))
    (later,) = MATRIX.manage(nouns.position(), replace(at(93), session=tomorrow))
    (other,) = MATRIX.manage(nouns.position(id="position-2"), at(93))
    assert first.id == again.id
    assert len({first.id, later.id, other.id}) == 3


@pytest.mark.parametrize(
    "quote", [None, Quote(Decimal(90), Decimal(80), 1, 1, nouns.NOW), Quote(Decimal(0), Decimal(80), 0, 1, nouns.NOW)]
)
def test_an_unsound_quote_decides_nothing(quote: Quote | None) -> None:
    assert MATRIX.manage(nouns.position(), nouns.view(replace(leader(), quote=quote))) == ()


def test_a_position_outside_the_universe_or_without_whole_units_is_left_to_the_desk() -> None:
    assert MATRIX.manage(nouns.position("GONE"), nouns.view()) == ()
    assert MATRIX.manage(replace(nouns.position(), units=0), at(50)) == ()


def test_triggers_are_the_stop_and_the_rungs_still_to_fire() -> None:
    position = replace(nouns.position(), fired=(7.0,), units=75)
    assert MATRIX.triggers(position, at(101)) == (Decimal(94), Decimal(124), Decimal(128), Decimal(132))
    assert MATRIX.triggers(nouns.position(units=1), at(101)) == (Decimal(94), Decimal(120))


@given(st.floats(85, 140))
def test_manage_acts_exactly_when_a_trigger_is_reached(price: float) -> None:
    view = at(round(price, 2))
    stop, *rungs = MATRIX.triggers(nouns.position(), view)
    spot = nouns.dollars(round(price, 2))
    assert bool(MATRIX.manage(nouns.position(), view)) == (spot <= stop or spot >= rungs[0])
