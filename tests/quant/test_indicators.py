"""Indicators against TA-Lib on real bars and against numbers worked out by hand."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.model.market import Floats
from core.quant import indicators

NAN = np.nan


def row(*values: float) -> Floats:
    return np.asarray(values, dtype=np.float64)


@pytest.fixture(scope="module")
def real(shared: Path) -> Floats:
    """Bars of three names that trade on every session of the panel: shape (high low close, sessions, symbols)."""
    table = pq.read_table(shared / "data/daily/panel_2007_2023.parquet", filters=[("symbol", "in", ["AAPL", "KO", "XOM"])])
    frame = table.to_pandas().sort_values(["symbol", "date"])
    return np.stack([frame[name].to_numpy(dtype=np.float64).reshape(3, -1).T for name in ("high", "low", "close")])


def follow_true_range(bars: Floats) -> Floats:
    state = indicators.TrueRange(bars.shape[2])
    found = []
    for session in range(bars.shape[1]):
        state.update(*bars[:, session])
        found.append(state.value)
    return np.asarray(found)


def test_true_range_equals_ta_lib(real: Floats) -> None:
    found = follow_true_range(real)
    for column in range(3):
        np.testing.assert_allclose(
            found[:, column], talib.ATR(real[0, :, column], real[1, :, column], real[2, :, column], 14), rtol=1e-9, atol=1e-9
        )


def test_strength_index_equals_ta_lib(real: Floats) -> None:
    state, found = indicators.StrengthIndex(3), []
    for close in real[2]:
        state.update(close)
        found.append(state.value)
    for column in range(3):
        np.testing.assert_allclose(np.asarray(found)[:, column], talib.RSI(real[2, :, column], 14), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("period", [10, 20, 50, 200])
def test_exponential_means_equal_ta_lib(real: Floats, period: int) -> None:
    state, found = indicators.ExponentialMeans(3), []
    for close in real[2]:
        state.update(close)
        found.append(state.value[state.periods.index(period)])
    for column in range(3):
        np.testing.assert_allclose(np.asarray(found)[:, column], talib.EMA(real[2, :, column], period), rtol=1e-9, atol=1e-9)


def test_simple_means_equal_ta_lib(real: Floats) -> None:
    periods = (20, 50, 100, 200)
    close = real[2, :1000]
    found = [
        indicators.simple_means(close[max(0, place - 199) : place + 1], np.full(3, place + 1.0), periods)
        for place in range(len(close))
    ]
    for number, period in enumerate(periods):
        for column in range(3):
            ours = np.asarray([means[number][column] for means in found])
            np.testing.assert_allclose(ours, talib.SMA(close[:, column], period), rtol=1e-9, atol=1e-9)


def test_the_mean_of_a_series_equals_ta_lib(real: Floats) -> None:
    close = real[2, :400, 0].copy()
    np.testing.assert_allclose(indicators.simple_mean_series(close, 50), talib.SMA(close, 50), rtol=1e-9, atol=1e-9)
    assert np.isnan(indicators.simple_mean_series(close[:49], 50)).all()


def test_true_range_by_hand() -> None:
    state = indicators.TrueRange(1, period=2)
    bars = [(10.0, 8.0, 9.0), (12.0, 9.0, 11.0), (11.0, 7.0, 8.0), (10.0, 9.0, 10.0)]
    found = []
    for high, low, close in bars:
        state.update(row(high), row(low), row(close))
        found.append(float(state.value[0]))
    # true ranges 3, 4 and 2: the seed is (3 + 4) / 2, the next (3.5 * 1 + 2) / 2
    assert np.isnan(found[:2]).all()
    assert found[2:] == [3.5, 2.75]


def test_a_gap_widens_the_true_range() -> None:
    state = indicators.TrueRange(2, period=1)
    state.update(row(10, 10), row(9, 9), row(9.5, 9.5))
    state.update(row(20, 5), row(19, 4), row(19.5, 4.5))
    assert state.value.tolist() == [10.5, 5.5]


def test_strength_index_by_hand() -> None:
    state = indicators.StrengthIndex(1, period=2)
    found = []
    for close in (10.0, 12.0, 11.0, 14.0):
        state.update(row(close))
        found.append(float(state.value[0]))
    # gains 2, 0 then 3; losses 0, 1 then 0: seeds 1 and 0.5, then (1 + 3) / 2 and 0.25
    assert found[2] == pytest.approx(100 * 1 / 1.5)
    assert found[3] == pytest.approx(100 * 2 / 2.25)


def test_a_price_that_never_moves_has_strength_zero_as_in_ta_lib() -> None:
    state = indicators.StrengthIndex(1)
    for _ in range(20):
        state.update(row(5.0))
    assert state.value[0] == talib.RSI(np.full(20, 5.0), 14)[-1] == 0.0


def test_a_session_without_a_bar_holds_the_recursive_values() -> None:
    true_range, strength, means = indicators.TrueRange(1, 2), indicators.StrengthIndex(1, 2), indicators.ExponentialMeans(1, (2,))
    held = []
    for close in (10.0, 11.0, 13.0, NAN, 12.0):
        true_range.update(row(close + 1), row(close - 1), row(close))
        strength.update(row(close))
        means.update(row(close))
        held.append((true_range.value[0], strength.value[0], means.value[0, 0]))
    assert held[2] == held[3]
    assert held[4][2] == pytest.approx((12 - held[2][2]) * 2 / 3 + held[2][2])


def test_a_window_with_a_hole_uses_the_bars_that_are_there() -> None:
    closes = np.arange(1.0, 21.0)[:, None].repeat(3, axis=1)
    closes[[3, 4], 1] = NAN
    closes[[3, 4, 5], 2] = NAN
    (mean,) = indicators.simple_means(closes, np.full(3, 20.0), (20,))
    assert mean[0] == 10.5
    assert mean[1] == pytest.approx((210 - 4 - 5) / 18)
    assert np.isnan(mean[2])  # 17 of 20 are fewer than 90 %


def test_a_young_symbol_has_no_long_mean() -> None:
    (mean,) = indicators.simple_means(np.full((20, 2), 3.0), row(19, 20), (20,))
    assert np.isnan(mean[0])
    assert mean[1] == 3.0


def test_the_two_forms_of_distance_agree_as_their_formulas_do() -> None:
    close, mean, true_range = row(110.0), row(100.0), row(4.0)
    dollars = indicators.distance(close, mean, true_range)
    percent = indicators.distance_percent_form(close, mean, true_range)
    assert dollars[0] == 2.5
    assert percent[0] == pytest.approx(2.75)
    assert percent[0] == pytest.approx(dollars[0] + dollars[0] ** 2 * 4.0 / 100.0)
    assert np.isnan(indicators.distance(close, mean, row(0.0)))[0]


def test_low_distance_true_range_percent_and_range_position_by_hand() -> None:
    assert indicators.low_distance(row(10.0), row(9.4), row(2.0))[0] == pytest.approx(30.0)
    assert indicators.true_range_percent(row(50.0), row(2.0))[0] == 4.0
    high, low = np.asarray([[12.0, 5.0], [11.0, 5.0]]), np.asarray([[10.0, 5.0], [8.0, 5.0]])
    position = indicators.range_position(high, low, row(9.0, 5.0))
    assert position[0] == 25.0
    assert np.isnan(position[1])


def test_percentiles_by_hand() -> None:
    assert indicators.percentile(row(0.1, -0.2, 0.3, NAN, 0.1)).tolist()[:3] == [50.0, 0.0, 100.0]
    assert np.isnan(indicators.percentile(row(1.0, NAN))).all()
    assert indicators.percentile(row(2.0, 2.0, 2.0)).tolist() == [50.0, 50.0, 50.0]


@given(hnp.arrays(np.float64, st.integers(2, 40), elements=st.one_of(st.just(NAN), st.integers(-5, 5).map(float))))
def test_a_percentile_is_the_share_of_the_others_that_are_beaten(values: Floats) -> None:
    found = indicators.percentile(values)
    known = [value for value in values.tolist() if not np.isnan(value)]
    for value, rank in zip(values.tolist(), found.tolist(), strict=True):
        if np.isnan(value) or len(known) < 2:
            assert np.isnan(rank)
            continue
        beaten = sum(other < value for other in known) + (sum(other == value for other in known) - 1) / 2
        assert rank == pytest.approx(100 * beaten / (len(known) - 1))


class Indicators:
    """The three recursive ones of a single symbol side by side."""

    def __init__(self) -> None:
        self.states = indicators.TrueRange(1), indicators.StrengthIndex(1), indicators.ExponentialMeans(1)

    def update(self, close: float) -> None:
        true_range, strength, means = self.states
        true_range.update(row(close * 1.01), row(close * 0.98), row(close))
        strength.update(row(close))
        means.update(row(close))

    def values(self) -> Floats:
        return np.concatenate([state.value.ravel() for state in self.states])


@pytest.mark.parametrize("ratio", [2.0, 0.1, 1.5])
def test_rescaling_equals_having_seen_the_new_units_from_the_start(ratio: float) -> None:
    closes = 50 + np.cumsum(np.random.default_rng(3).normal(size=60))
    split, whole = Indicators(), Indicators()
    for place, close in enumerate(closes.tolist()):
        if place == 30:
            for state in split.states:
                state.rescale(row(ratio))
        split.update(close / ratio if place >= 30 else close)
        whole.update(close / ratio)
        if place >= 30:
            np.testing.assert_allclose(split.values(), whole.values(), rtol=1e-12)
