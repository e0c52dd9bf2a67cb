"""Gates over features: the vectorised funnel against one symbol after the other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.scan import evaluate, explain
from core.model.errors import OperatorError
from core.model.market import Features
from core.model.signals import Comparison, Gate, Outcome

NAN = math.nan


def gate(name: str, feature: str, comparison: Comparison, threshold: float | str) -> Gate:
    return Gate(name, feature, comparison, threshold, label=name)


PRICE = gate("price", "close", Comparison.GE, 5.0)
TREND = gate("trend", "close", Comparison.GT, "sma20")
EARNINGS = gate("earnings", "sessions_to_earnings", Comparison.GT, 5.0)


def features(absent: list[bool] | None = None) -> Features:
    columns = {
        "close": np.array([4.0, 5.0, 9.0, NAN]),
        "sma20": np.array([3.0, 5.0, 8.0, 1.0]),
        "sessions_to_earnings": np.array([9.0, 9.0, NAN, 9.0]),
    }
    return Features(columns, {"sessions_to_earnings": np.array(absent)} if absent else {})


def test_each_gate_sees_what_the_gate_before_left() -> None:
    funnel = evaluate([PRICE, TREND], features(), ["A", "B", "C", "D"], strict=True)
    assert funnel.survivors == ("C",)
    assert funnel.left == (("price", 2), ("trend", 1))
    assert funnel.absent == (("price", 0), ("trend", 0))


def test_unknown_history_fails_and_an_absent_input_is_counted_in_replay() -> None:
    symbols = ["A", "B", "C", "D"]
    assert evaluate([EARNINGS], features(), symbols, strict=False).survivors == ("A", "B", "D")
    absent = features([False, False, True, False])
    assert evaluate([EARNINGS], absent, symbols, strict=True).survivors == ("A", "B", "D")
    replayed = evaluate([PRICE, EARNINGS], absent, symbols, strict=False)
    assert replayed.survivors == ("B", "C")
    assert replayed.absent == (("price", 0), ("earnings", 1))


def test_an_absent_threshold_is_not_evaluated_either() -> None:
    columns = {"close": np.array([1.0]), "index": np.array([NAN])}
    found = Features(columns, {"index": np.array([True])})
    above = gate("above", "close", Comparison.GE, "index")
    assert evaluate([above], found, ["A"], strict=False).survivors == ("A",)
    assert evaluate([above], found, ["A"], strict=True).survivors == ()


def test_explaining_says_value_threshold_and_outcome_of_every_gate() -> None:
    passed, failed = explain([PRICE, TREND], features(), 1, strict=True)
    assert (passed.value, passed.threshold, passed.outcome) == (5.0, 5.0, Outcome.PASS)
    assert (failed.value, failed.threshold, failed.outcome) == (5.0, 5.0, Outcome.FAIL)
    unknown = explain([PRICE], features(), 3, strict=True)[0]
    assert (unknown.value, unknown.outcome) == (None, Outcome.FAIL)
    absent = features([False, False, True, False])
    assert explain([EARNINGS], absent, 2, strict=False)[0].outcome is Outcome.ABSENT
    assert explain([EARNINGS], absent, 2, strict=True)[0].outcome is Outcome.FAIL


def test_a_gate_on_an_unknown_feature_names_the_known_ones() -> None:
    with pytest.raises(OperatorError, match=r"'clsoe'.*close, sessions_to_earnings, sma20"):
        evaluate([gate("typo", "clsoe", Comparison.GE, 1.0)], features(), ["A", "B", "C", "D"], strict=True)
    with pytest.raises(OperatorError, match="'sma21'"):
        evaluate([gate("typo", "close", Comparison.GE, "sma21")], features(), ["A", "B", "C", "D"], strict=True)


VALUES = st.one_of(st.just(NAN), st.floats(-10, 10), st.sampled_from([0.0, 1.0]))


@given(
    rows=st.lists(st.tuples(VALUES, VALUES, st.booleans()), min_size=1, max_size=12),
    kinds=st.lists(st.tuples(st.sampled_from(list(Comparison)), st.one_of(st.just("b"), st.floats(-10, 10))), max_size=4),
    strict=st.booleans(),
)
def test_the_funnel_agrees_with_one_explanation_per_symbol(
    rows: list[tuple[float, float, bool]], kinds: list[tuple[Comparison, float | str]], strict: bool
) -> None:
    columns = {"a": np.array([row[0] for row in rows]), "b": np.array([row[1] for row in rows])}
    found = Features(columns, {"b": np.array([row[2] for row in rows])})
    gates = [gate(f"g{i}", "a", comparison, threshold) for i, (comparison, threshold) in enumerate(kinds)]
    symbols = [f"S{i}" for i in range(len(rows))]
    funnel = evaluate(gates, found, symbols, strict)
    results = [explain(gates, found, i, strict) for i in range(len(rows))]
    good = [all(result.outcome is not Outcome.FAIL for result in one) for one in results]
    assert funnel.survivors == tuple(symbol for symbol, ok in zip(symbols, good, strict=True) if ok)
    for i, (name, left) in enumerate(funnel.left):
        assert name == gates[i].name
        assert left == sum(all(r.outcome is not Outcome.FAIL for r in one[: i + 1]) for one in results)
