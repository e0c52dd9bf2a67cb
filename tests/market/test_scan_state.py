"""The live scan state says about the completed bar what the features say, and about the forming bar the same before."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core.market import scan
from core.market.features import Extras, FeatureState
from core.market.scan_state import ROWS, ScanState
from core.model.errors import OperatorError
from core.model.market import Features, Floats
from core.model.signals import Comparison, Gate
from tests.quant.test_recursions import market

DAY = date(2020, 1, 1)
BITS = (
    "close",
    "ema10",
    "ema20",
    "ema50",
    "ema200",
    "atr14",
    "rsi14",
    "range_position",
    "rs_1w",
    "rs_1m",
    "rs_3m",
    "rs_6m",
    "rs_best",
)
GATES = (
    Gate("trend", "close", Comparison.GT, "sma20", "close above SMA20"),
    Gate("strength", "rs_best", Comparison.GE, 40.0, "relative strength"),
    Gate("rising", "sma200", Comparison.GT, "sma200_20ago", "SMA200 rises"),
    Gate("reports", "sessions_to_earnings", Comparison.GT, 5.0, "no report near"),
    Gate("calm", "atr_percent", Comparison.LT, 9.0, "ATR below 9 %"),
    Gate("index", "regime", Comparison.LE, 1.0, "index known"),
)


def day(place: int) -> date:
    return DAY + timedelta(days=place)


def both(bars: Floats, splits: dict[int, dict[str, float]]) -> tuple[ScanState, FeatureState]:
    """The same sessions live (the last bar forming) and as the replay sees them (the last bar completed)."""
    symbols = [f"S{column}" for column in range(bars.shape[2])]
    live, replay = ScanState(symbols), FeatureState(symbols)
    last = bars.shape[1] - 1
    for place in range(last + 1):
        live.split(splits.get(place, {}))
        replay.split(splits.get(place, {}))
        replay.update(day(place), bars[:, place])
        if place < last:
            live.commit(day(place), bars[:, place])
    return live, replay


def extras(count: int, earnings: bool = True) -> Extras:
    near = np.where(np.arange(count) % 3 == 0, np.nan, np.arange(count) * 2.0)
    return Extras(1.0, near if earnings else None, None)


def same(found: Features, expected: Features) -> None:
    assert set(found.columns) == set(expected.columns) == set(ROWS)
    for name, row in expected.columns.items():
        if name in BITS:
            np.testing.assert_array_equal(found.columns[name], row, err_msg=name)
        else:
            np.testing.assert_allclose(found.columns[name], row, rtol=1e-9, atol=0, err_msg=name)
    assert set(found.absent) == set(expected.absent)
    for name, flags in expected.absent.items():
        np.testing.assert_array_equal(found.absent[name], flags, err_msg=name)


@pytest.mark.parametrize(("seed", "sessions"), [(1, 290), (2, 221), (3, 220), (4, 30), (5, 1)])
def test_the_live_features_equal_those_of_the_replay(seed: int, sessions: int) -> None:
    bars = market(seed, sessions, 14)
    splits = {place: {"S1": 3.0, "S7": 0.1, "ELSEWHERE": 2.0} for place in (sessions - 1, sessions // 2, 7)}
    live, replay = both(bars, splits)
    live.take(range(14), bars[:, -1])
    live.give(extras(14))
    live.refresh(strengths=True)
    same(live.features(), replay.features(extras(14)))
    live.commit(day(sessions), bars[:, -1])
    np.testing.assert_array_equal(live.panel.rows(3, 1)[0], bars[3, -1])


@settings(max_examples=20, deadline=None)
@given(
    seed=some.integers(0, 999),
    strict=some.booleans(),
    earnings=some.booleans(),
    gates=some.lists(some.sampled_from(GATES), max_size=6),
)
def test_the_fused_scan_equals_its_slow_twin(seed: int, strict: bool, earnings: bool, gates: list[Gate]) -> None:
    bars = market(seed, 40, 30, 0.01)
    live, _ = both(bars, {})
    live.take(range(30), bars[:, -1])
    live.give(extras(30, earnings))
    live.refresh(strengths=True)
    features = live.features()
    found = live.scan(gates, "rsi14", 5, strict=strict)
    assert found.funnel == scan.evaluate(gates, features, live.symbols, strict)
    value = dict(zip(live.symbols, features.columns["rsi14"].tolist(), strict=True))
    ranked = sorted((name for name in found.funnel.survivors if not math.isnan(value[name])), key=lambda name: -value[name])
    assert found.best == tuple(ranked[:5])


def test_taking_the_same_bar_twice_or_late_changes_nothing() -> None:
    bars = market(3, 60, 9)
    once, _ = both(bars, {})
    twice, _ = both(bars, {})
    once.take(range(9), bars[:, -1])
    for columns in ([4, 2], range(9), [8], range(9)):
        twice.take(columns, bars[:, -1][:, columns])
        twice.refresh()
    once.refresh()
    np.testing.assert_array_equal(once.features().columns["ema10"], twice.features().columns["ema10"])


def test_a_symbol_without_a_trade_today_passes_no_gate_on_its_price() -> None:
    live, _ = both(market(3, 60, 9, 0.0), {})
    live.take([8], np.full((5, 1), 30.0))
    live.refresh()
    found = live.scan([Gate("cheap", "close", Comparison.LT, 1e9, "has a price")], "close")
    assert found.funnel.survivors == found.best == ("S8",)


def test_what_was_read_does_not_change_under_the_reader() -> None:
    bars = market(3, 60, 9, 0.0)
    live, _ = both(bars, {})
    live.take(range(9), bars[:, -1])
    kept = live.snapshot()
    live.refresh()
    features = live.features()
    before = {name: row.copy() for name, row in features.columns.items()}
    live.take(range(9), bars[:, -1] * 2)
    live.refresh(kept)
    for _ in range(3):
        np.testing.assert_array_equal(live.features().columns["atr14"], before["atr14"])
        live.refresh(kept)
    live.refresh()
    assert not np.array_equal(live.features().columns["atr14"], before["atr14"])
    for name, row in before.items():
        np.testing.assert_array_equal(features.columns[name], row)


def test_an_unknown_feature_is_named() -> None:
    with pytest.raises(OperatorError, match="no feature is named 'mood'"):
        ScanState(["A"]).scan([Gate("mood", "mood", Comparison.GT, 1.0, "")])
