"""The feature state against its slow twin, and the promise that nothing looks ahead."""

import math
from datetime import date, timedelta

import numpy as np
import pytest

from core.market.features import MEASURED, RETURNS, Extras, FeatureState
from core.market.panel import Panel
from core.model.errors import BadDataError
from core.model.market import Features, Floats
from tests.market import twin

DAY = date(2020, 1, 1)
SYMBOLS = ("A", "B", "C", "D")
Splits = dict[int, dict[str, float]]


def day(place: int) -> date:
    return DAY + timedelta(days=place)


def market(seed: int, sessions: int) -> tuple[Floats, Splits]:
    """Bars as traded of four names: one whole, one with holes, one that begins late, one that ends; each splits now and then."""
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.02, (sessions, 4)), axis=0))
    spread = np.abs(random.normal(0, 0.01, (2, sessions, 4)))
    bars = np.stack([close, close * (1 + spread[0]), close * (1 - spread[1]), close, random.integers(1, 9_999, close.shape)])
    splits: Splits = {}
    for place in sorted(random.choice(np.arange(5, sessions), 4, replace=False).tolist()):
        symbol = SYMBOLS[int(random.integers(4))]
        ratio = float(random.choice([2.0, 3.0, 0.1]))
        splits[place] = {symbol: ratio}
        column = SYMBOLS.index(symbol)
        bars[:4, place:, column] /= ratio
        bars[4, place:, column] *= ratio
    bars[:, random.random(sessions) < 0.05, 1] = np.nan
    bars[:, : sessions // 4, 2] = np.nan
    bars[:, sessions - 15 :, 3] = np.nan
    return bars, splits


def run(bars: Floats, splits: Splits, sessions: int) -> FeatureState:
    state = FeatureState(SYMBOLS)
    for place in range(sessions):
        state.split(splits.get(place, {}))
        state.update(day(place), bars[:, place])
    return state


def expected(bars: Floats, splits: Splits, sessions: int) -> dict[str, list[float]]:
    names = []
    for column, symbol in enumerate(SYMBOLS):
        traded = [None if np.isnan(bar[3]) else twin.Bar(*bar.tolist()) for bar in bars[:, :sessions, column].T]
        own = {place: ratios[symbol] for place, ratios in splits.items() if symbol in ratios and place < sessions}
        names.append(twin.in_units_of_now(traded, own))
    single = [twin.columns(name) for name in names]
    found = {column: [one[column] for one in single] for column in single[0]}
    found |= {name: twin.strengths(names, length) for name, length in RETURNS.items()}
    ranks = [[found[name][column] for name in RETURNS] for column in range(4)]
    found["rs_best"] = [max((rank for rank in one if not math.isnan(rank)), default=math.nan) for one in ranks]
    return found


@pytest.mark.parametrize(("seed", "sessions"), [(1, 260), (2, 90), (3, 235), (4, 15), (5, 1), (6, 221)])
def test_the_state_equals_its_slow_twin(seed: int, sessions: int) -> None:
    bars, splits = market(seed, 260)
    found = run(bars, splits, sessions).features(Extras()).columns
    honest = expected(bars, splits, sessions)
    assert set(MEASURED) == set(honest)
    for name, values in honest.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_state_equals_its_twin_beyond_the_kept_history() -> None:
    bars, splits = market(7, 700)
    found = run(bars, splits, 700).features(Extras()).columns
    for name, values in expected(bars, splits, 700).items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


def same(one: Features, other: Features) -> bool:
    return one.columns.keys() == other.columns.keys() and all(
        one.columns[name].tobytes() == other.columns[name].tobytes() for name in one.columns
    )


def test_cutting_the_data_at_any_day_changes_no_bit_before_it() -> None:
    bars, splits = market(8, 320)
    whole, seen = FeatureState(SYMBOLS), []
    for place in range(320):
        whole.split(splits.get(place, {}))
        whole.update(day(place), bars[:, place])
        seen.append(whole.features(Extras()))
    for cut in (1, 14, 15, 60, 200, 221, 292, 293, 319):
        assert same(run(bars, splits, cut).features(Extras()), seen[cut - 1])


def test_a_split_moves_prices_and_keeps_ratios() -> None:
    bars, _ = market(9, 260)
    state = run(bars, {}, 240)
    before = state.features(Extras()).columns
    state.split({"A": 4.0, "unknown": 2.0})
    after = state.features(Extras()).columns
    for name in ("close", "low", "sma20", "sma200", "ema50", "atr14"):
        assert after[name][0] == pytest.approx(before[name][0] / 4, rel=1e-12)
    assert after["volume"][0] == pytest.approx(before["volume"][0] * 4)
    for name in ("distance", "distance_percent_form", "rsi14", "range_position", "dollar_volume", "rvol", "rs_best", "change_1d"):
        assert after[name][0] == pytest.approx(before[name][0], rel=1e-9)
    assert after["sma20"][1] == before["sma20"][1]


def test_a_split_before_the_first_bar_is_harmless() -> None:
    state = FeatureState(SYMBOLS)
    state.split({"A": 2.0})
    assert np.isnan(state.features(Extras()).columns["close"]).all()


def test_what_does_not_exist_in_the_run_is_absent_and_what_is_too_young_is_not() -> None:
    state = FeatureState(("A", "B"))
    state.update(DAY, np.ones((5, 2)))
    nothing = state.features(Extras(raw=False))
    assert {name for name in nothing.absent if nothing.absent[name].all()} == {
        "regime",
        "sessions_to_earnings",
        "optionable",
        "raw_close",
    }
    given = Extras(regime=math.nan, sessions_to_earnings=np.array([3.0, math.nan]), optionable=np.array([1.0, 0.0]))
    found = state.features(given)
    assert set(found.absent) == {"sessions_to_earnings"}
    assert found.absent["sessions_to_earnings"].tolist() == [False, True]
    assert np.isnan(found.columns["regime"]).all()
    assert found.columns["raw_close"].tolist() == [1.0, 1.0]


def test_one_symbol_alone_has_no_relative_strength_to_evaluate() -> None:
    state = FeatureState(("A",))
    state.update(DAY, np.ones((5, 1)))
    assert state.features(Extras()).absent["rs_best"].all()


def test_the_panel_keeps_its_last_sessions_in_order() -> None:
    panel = Panel(("A", "B"), keep=8)
    for place in range(40):
        panel.append(day(place), np.full((5, 2), float(place)))
        held = panel.rows(3, 8)[:, 0].tolist()
        assert held == [float(value) for value in range(max(0, place - 7), place + 1)]
        assert panel.days[-len(held) :] == [day(int(value)) for value in held]


def test_the_panel_refuses_days_out_of_order_and_rows_that_do_not_fit() -> None:
    panel = Panel(("A", "B"))
    panel.append(DAY, np.ones((5, 2)))
    with pytest.raises(BadDataError, match="do not come after"):
        panel.append(DAY, np.ones((5, 2)))
    with pytest.raises(BadDataError, match=r"shape \(5, 3\)"):
        panel.append(day(1), np.ones((5, 3)))
