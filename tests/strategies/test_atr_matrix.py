import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.scan import evaluate
from core.model.errors import BadDataError, SettingsError, UnknownSymbolError
from core.model.market import MarketView, SymbolView
from core.model.signals import Intent, Outcome
from core.strategies.atr_matrix import AtrMatrix
from tests.kit import nouns

MATRIX = AtrMatrix()


def leader(symbol: str = "LEAD", **features: Any) -> SymbolView:
    return nouns.symbol_view(symbol, features=features)


def survivors(view: MarketView) -> tuple[str, ...]:
    return evaluate(MATRIX.gates, view.features, view.symbols, strict=True).survivors


def test_a_leader_in_the_entry_zone_is_proposed_with_its_levels() -> None:
    view = nouns.view()
    (signal,) = MATRIX.propose(view, nouns.book(), survivors(view))
    assert (signal.intent, signal.cause, signal.session, signal.price) == (Intent.OPEN, "entry", nouns.COMPLETED, Decimal(100))
    assert signal.levels is not None
    assert (signal.levels.entry, signal.levels.stop, signal.levels.atr) == (Decimal(100), Decimal(94), Decimal(4))
    assert [(rung.multiple, rung.price) for rung in signal.levels.rungs] == [
        (multiple, Decimal(level)) for multiple, level in ((7, 120), (8, 124), (9, 128), (10, 132))
    ]
    assert all(result.outcome is Outcome.PASS for result in signal.gates)
    assert len(signal.gates) == len(MATRIX.gates)
    assert "100.00" in signal.reason


#: One step beyond each gate, and one value that just holds.
EDGES = [
    ("raw_close", 4.99, 5.0),
    ("dollar_volume", 19_999_999.0, 20e6),
    ("optionable", 0.0, 1.0),
    ("sma20", 100.0, 98.5),
    ("ema10", 96.99, 97.0),
    ("sma50", 97.01, 97.0),
    ("sma100", 92.01, 92.0),
    ("sma200", 85.01, 85.0),
    ("sma200_20ago", 75.01, 75.0),
    ("distance", -0.01, 0.0),
    ("distance", 4.01, 4.0),
    ("range_position", 49.9, 50.0),
    ("atr_percent", 2.99, 3.0),
    ("rs_best", 89.9, 90.0),
    ("low_distance", 60.1, 60.0),
    ("sessions_to_earnings", 5.0, 6.0),
    ("regime", 0.0, 1.0),
]


@pytest.mark.parametrize(("feature", "fails", "holds"), EDGES)
def test_each_gate_is_a_gate(feature: str, fails: Any, holds: Any) -> None:
    assert survivors(nouns.view(leader("LEAD", **{feature: holds}))) == ("LEAD",)
    assert survivors(nouns.view(leader("LEAD", **{feature: fails}))) == ()
    assert survivors(nouns.view(leader("LEAD", **{feature: math.nan}))) == ()
    wrong = nouns.view(leader("LEAD", **{feature: fails}))
    assert MATRIX.propose(wrong, nouns.book(), wrong.symbols) == ()
    assert MATRIX.rate("LEAD", wrong) == (None, None)


def test_every_gate_is_met_by_an_edge_case() -> None:
    features = {gate.feature for gate in MATRIX.gates} | {
        gate.threshold for gate in MATRIX.gates if isinstance(gate.threshold, str)
    }
    assert features - {"close"} == {feature for feature, _, _ in EDGES}


@pytest.mark.parametrize("gate", MATRIX.gates, ids=lambda gate: gate.name)
def test_a_gate_with_a_number_has_bounds_for_sweeps_that_hold_its_default(gate: Any) -> None:
    if isinstance(gate.threshold, str) or gate.feature in {"optionable", "regime"}:
        assert gate.low == gate.high == 0
    else:
        assert gate.low <= gate.threshold <= gate.high
        assert gate.low < gate.high


@given(st.sampled_from(["max_distance", "min_atr_percent", "min_relative_strength", "max_low_distance"]), st.floats(0.5, 6.5))
def test_a_setting_moves_its_gate(name: str, value: Any) -> None:
    moved = {gate.name: gate.threshold for gate in replace(MATRIX, **{name: value}).gates}
    changed = {gate.name for gate in MATRIX.gates if moved[gate.name] != gate.threshold}
    assert len(changed) <= 1
    assert value in moved.values()


def test_the_best_scores_come_first_and_ties_go_by_symbol() -> None:
    names = [leader("BBB"), leader("AAA"), leader("TOP", rs_best=99.9), leader("LOW", rs_best=90.0)]
    view = nouns.view(*names)
    signals = MATRIX.propose(view, nouns.book(), survivors(view))
    assert [signal.symbol for signal in signals] == ["TOP", "AAA", "BBB", "LOW"]
    assert all(0 <= (signal.score or -1) <= 100 for signal in signals)
    assert [one.symbol for one in replace(MATRIX, max_signals=2).propose(view, nouns.book(), survivors(view))] == ["TOP", "AAA"]


@given(st.floats(0, 4), st.floats(90, 100), st.floats(50, 100), st.floats(3, 30), st.floats(0, 20) | st.just(math.nan))
def test_the_score_stays_between_0_and_100_and_prefers_strength(d: float, rs: float, place: float, atr: float, rvol: float) -> None:
    row: dict[str, Any] = {"distance": d, "rs_best": rs, "range_position": place, "atr_percent": atr, "rvol": rvol}
    score, _ = MATRIX.rate("LEAD", nouns.view(leader("LEAD", **row)))
    better, _ = MATRIX.rate("LEAD", nouns.view(leader("LEAD", **{**row, "rs_best": min(100.0, rs + 1)})))
    assert score is not None
    assert better is not None
    assert 0 <= score <= better <= 100


def test_what_is_held_is_not_proposed_again() -> None:
    view = nouns.view()
    held = nouns.book(nouns.marked(nouns.position()))
    assert MATRIX.propose(view, held, survivors(view)) == ()
    other = nouns.book(nouns.marked(nouns.position(strategy="another")))
    assert len(MATRIX.propose(view, other, survivors(view))) == 1


def test_an_absent_input_is_shown_and_does_not_hide_the_signal() -> None:
    view = nouns.view(leader(sessions_to_earnings=math.nan))
    features = replace(view.features, absent={"sessions_to_earnings": np.array([True])})
    (signal,) = MATRIX.propose(replace(view, features=features), nouns.book(), ("LEAD",))
    assert {result.name for result in signal.gates if result.outcome is Outcome.ABSENT} == {"earnings"}


def test_rating_an_unknown_symbol_says_so() -> None:
    with pytest.raises(UnknownSymbolError, match="NOPE"):
        MATRIX.rate("NOPE", nouns.view())


@pytest.mark.parametrize(
    "wrong", [{"max_distance": 7.0}, {"min_distance": 5.0}, {"rungs": (8.0, 7.0)}, {"rungs": (7.0, 7.0)}, {"rungs": ()}]
)
def test_settings_that_contradict_each_other_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        AtrMatrix(**wrong)


@given(st.integers(0, 500))
def test_a_plan_spreads_exactly_its_units_with_the_surplus_at_the_lowest_rungs(units: int) -> None:
    shares = [share for _, share in MATRIX.plan(nouns.signal(), units, options=False).ladder]
    assert sum(shares) == units
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(
    ("units", "stated"), [(1, [1, 0, 0, 0]), (2, [1, 1, 0, 0]), (3, [1, 1, 1, 0]), (4, [1] * 4), (6, [2, 2, 1, 1]), (100, [25] * 4)]
)
def test_fewer_units_than_levels_go_at_stated_levels(units: int, stated: list[int]) -> None:
    assert [share for _, share in MATRIX.plan(nouns.signal(), units, options=True).ladder] == stated


def test_only_options_are_planned_by_expiry_and_premium() -> None:
    stock, options = (MATRIX.plan(nouns.signal(), 4, options=kind) for kind in (False, True))
    assert (stock.exit_days_to_expiry, stock.premium_stop) == (None, None)
    assert (options.exit_days_to_expiry, options.premium_stop) == (10, 0.5)
    assert stock.stop == options.stop == Decimal(94)
    with pytest.raises(BadDataError, match="no levels"):
        MATRIX.plan(nouns.closing_signal(), 4, options=False)
