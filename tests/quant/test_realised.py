"""Realised volatility: each estimator finds the volatility that made the paths, and answers NaN where it must."""

import math
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.quant.realised import close_to_close, parkinson, yang_zhang


def paths(volatility: float, sessions: int, overnight: float = 0.0) -> tuple[np.ndarray, ...]:
    """Bars of a random walk with many steps a session."""
    draw, steps = np.random.default_rng(8), 400
    moves = draw.normal(0, volatility / math.sqrt(252 * steps), (sessions, steps))
    gaps = draw.normal(0, overnight / math.sqrt(252), sessions)
    ends = np.cumsum(moves.sum(axis=1) + gaps)
    first = ends - moves.sum(axis=1)
    inside = first[:, None] + np.cumsum(moves, axis=1)
    high, low = np.maximum(inside.max(axis=1), first), np.minimum(inside.min(axis=1), first)
    return tuple(100 * np.exp(column) for column in (first, high, low, ends))


def test_each_estimator_finds_the_volatility_that_made_the_bars() -> None:
    first, high, low, close = paths(0.3, 1500)
    assert close_to_close(close, 1400)[-1] == pytest.approx(0.3, rel=0.05)
    assert parkinson(high, low, 1400)[-1] == pytest.approx(0.3, rel=0.06)
    assert yang_zhang((first, high, low, close), 1400)[-1] == pytest.approx(0.3, rel=0.06)


def test_only_parkinson_is_blind_to_what_happens_overnight() -> None:
    first, high, low, close = paths(0.3, 1500, overnight=0.4)
    assert close_to_close(close, 1400)[-1] == pytest.approx(0.5, rel=0.06)
    assert yang_zhang((first, high, low, close), 1400)[-1] == pytest.approx(0.5, rel=0.06)
    assert parkinson(high, low, 1400)[-1] == pytest.approx(0.3, rel=0.06)


@given(st.lists(st.floats(1.0, 500.0), min_size=6, max_size=20), st.integers(2, 5))
def test_close_to_close_equals_the_textbook(prices: list[float], window: int) -> None:
    found = close_to_close(np.array(prices), window)
    moves = [math.log(later / earlier) for earlier, later in pairwise(prices)]
    assert np.isnan(found[:window]).all()
    assert found[-1] == pytest.approx(statistics.stdev(moves[-window:]) * math.sqrt(252), abs=1e-9)


def test_yang_zhang_equals_the_paper_on_one_window() -> None:
    first, high, low, close = (column[:30] for column in paths(0.2, 40, overnight=0.1))
    n = 10
    o = [math.log(first[i] / close[i - 1]) for i in range(20, 30)]
    c = [math.log(close[i] / first[i]) for i in range(20, 30)]
    rs = [
        math.log(high[i] / close[i]) * math.log(high[i] / first[i]) + math.log(low[i] / close[i]) * math.log(low[i] / first[i])
        for i in range(20, 30)
    ]
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    expected = math.sqrt((statistics.variance(o) + k * statistics.variance(c) + (1 - k) * statistics.fmean(rs)) * 252)
    assert yang_zhang((first, high, low, close), n)[-1] == pytest.approx(expected)


def test_bad_bars_give_nan_in_their_windows_alone() -> None:
    first, high, low, close = (column.copy() for column in paths(0.3, 60))
    high[20], low[20], close[40] = low[20], high[20], -1.0
    assert np.isnan(parkinson(high, low, 5)[20:25]).all()
    assert np.isfinite(parkinson(high, low, 5)[25:]).all()
    assert np.isnan(close_to_close(close, 5)[40:46]).all()
    assert np.isfinite(close_to_close(close, 5)[46:]).all()
    both = yang_zhang((np.stack((first, first)), np.stack((high, high)), np.stack((low, low)), np.stack((close, close))), 5)
    assert both.shape == (2, 60)
    assert np.array_equal(both[0], both[1], equal_nan=True)


def test_a_window_of_one_bar_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more"):
        close_to_close(np.ones(5), 1)
