"""One definition of each recursion: history, commits, the minute and the session-by-session classes agree bit for bit."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core.market.features import Extras, FeatureState
from core.model.market import Floats
from core.quant import indicators, recursions
from core.quant.kernel_scan import NARROW
from core.quant.recursions import MEASURED, Splits
from tests.market import twin

EXACT = ("close", "low", "volume", "change_1d", "range_position", "ema10", "ema20", "ema50", "ema200", "atr14", "rsi14")
MEANS = ("sma20", "sma50", "sma100", "sma200", "dollar_volume", "rvol")
#: Differences of nearly equal numbers: 1e-14 of the numbers is more of the difference.
REST = ("adr_percent", "distance", "distance_percent_form", "low_distance", "atr_percent")


def market(seed: int, sessions: int, columns: int, holes: float = 0.03) -> Floats:
    """Bars of names that list late, halt, miss single values and vanish; the last ones are whole."""
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.02, (sessions, columns)), axis=0))
    spread = np.abs(random.normal(0, 0.01, (2, sessions, columns)))
    bars = np.stack([close, close * (1 + spread[0]), close * (1 - spread[1]), close, random.integers(1, 9_999, close.shape) * 1.0])
    some_columns = columns * 2 // 3
    bars[:, :, :some_columns][:, random.random((sessions, some_columns)) < holes] = np.nan
    for column in range(0, some_columns, 3):
        bars[:, : random.integers(sessions), column] = np.nan
        halt = int(random.integers(sessions))
        bars[:, halt : halt + 12, (column + 1) % columns] = np.nan
    bars[1, sessions // 2, :2] = np.nan
    bars[4, sessions // 3, 1:3] = np.nan
    return bars


def incremental(bars: Floats, splits: list[tuple[int, int, float]]) -> tuple[Floats, Floats]:
    """Day by day: split at midnight, then the bar; state and features of the last day, which is still forming."""
    sessions, columns = bars.shape[1:]
    state, past = recursions.fresh(columns), np.empty((5, 0, columns))
    for row in range(sessions):
        for _, column, ratio in sorted(split for split in splits if split[0] == row):
            one = np.ones(columns)
            one[column] = ratio
            recursions.rescale(state, one)
            past[:4, :, column] /= ratio
            past[4, :, column] *= ratio
        if row < sessions - 1:
            recursions.commit(state, bars[:, row : row + 1])
            past = np.concatenate([past, bars[:, row : row + 1]], axis=1)
    out = np.empty((len(MEASURED), columns))
    recursions.measure(bars[:, -1], state, recursions.windows(past), out)
    return state, out


def classes(bars: Floats, splits: list[tuple[int, int, float]]) -> dict[str, Floats]:
    """The features of the completed last bar as the replay knows them."""
    columns = bars.shape[2]
    state = FeatureState([f"S{column}" for column in range(columns)])
    for row in range(bars.shape[1]):
        state.split({f"S{column}": ratio for at, column, ratio in splits if at == row})
        state.update(date(2020, 1, 1) + timedelta(days=row), bars[:, row])
    return dict(state.features(Extras()).columns)


def close_enough(found: Floats, expected: dict[str, Floats]) -> None:
    for row, name in zip(found, MEASURED, strict=True):
        if name in EXACT:
            np.testing.assert_array_equal(row, expected[name], err_msg=name)
        else:
            np.testing.assert_allclose(row, expected[name], rtol=1e-14 if name in MEANS else 1e-9, atol=0, err_msg=name)


@pytest.mark.parametrize(
    ("seed", "sessions", "columns"), [(1, 260, 9), (2, 420, NARROW + 40), (3, 15, 5), (4, 2, 3), (5, 221, 2 * NARROW)]
)
def test_the_forming_bar_equals_the_completed_one(seed: int, sessions: int, columns: int) -> None:
    bars = market(seed, sessions, columns)
    assert set(EXACT) | set(MEANS) | set(REST) == set(MEASURED)
    close_enough(incremental(bars, [])[1], classes(bars, []))


splits_of = some.lists(some.tuples(some.integers(1, 229), some.integers(0, 5), some.sampled_from([2.0, 3.0, 0.1, 1.5])), max_size=4)


@settings(max_examples=12, deadline=None)
@given(seed=some.integers(0, 10_000), sessions=some.integers(2, 230), holes=some.sampled_from([0.0, 0.02, 0.3]), splits=splits_of)
def test_incremental_equals_batch_bit_for_bit(seed: int, sessions: int, holes: float, splits: list[tuple[int, int, float]]) -> None:
    """Gaps, halts, late symbols, missing values, splits at midnight."""
    bars = market(seed, sessions, 6, holes)
    known = [
        split for split in {(row, column): (row, column, ratio) for row, column, ratio in splits}.values() if split[0] < sessions
    ]
    state, out = incremental(bars, known)
    batch = recursions.fresh(6)
    before = [split for split in known if split[0] < sessions - 1]
    recursions.commit(batch, bars[:, :-1], Splits.of(before))
    for row, column, ratio in known:
        if row == sessions - 1:
            batch[1:9, column] /= ratio
    np.testing.assert_array_equal(batch, state)
    close_enough(out, classes(bars, known))


def test_where_the_columns_are_cut_and_who_works_on_them_changes_nothing() -> None:
    bars = market(8, 230, 3 * NARROW + 17)
    splits = Splits.of([(40, 3 * NARROW + 16, 2.0), (100, NARROW, 3.0), (100, NARROW - 1, 0.1)])
    states = [recursions.fresh(bars.shape[2]) for _ in range(3)]
    for workers, state in enumerate(states, start=1):
        recursions.commit(state, bars, splits, workers)
    one = recursions.fresh(bars.shape[2])
    for column in range(bars.shape[2]):
        own = recursions.fresh(1)
        mine = [(int(r), 0, float(q)) for r, c, q in zip(splits.rows, splits.columns, splits.ratios, strict=True) if c == column]
        recursions.commit(own, bars[:, :, column : column + 1], Splits.of(mine))
        one[:, column] = own[:, 0]
    for state in states:
        np.testing.assert_array_equal(state, one)


def test_the_state_equals_its_slow_twin() -> None:
    """One symbol, plain lists, every value from its definition."""
    bars = market(11, 250, 12)
    out = incremental(bars, [])[1]
    for column in range(12):
        one = [None if np.isnan(bar[3]) else twin.Bar(*bar.tolist()) for bar in bars[:, :, column].T]
        if any(bar and any(np.isnan([bar.high, bar.low, bar.volume])) for bar in one):
            continue
        expected = twin.columns(one)
        for row, name in zip(out[:, column], MEASURED, strict=True):
            np.testing.assert_allclose(row, expected[name], rtol=1e-9, atol=1e-9, err_msg=f"{name} of column {column}")


def test_the_long_mean_remembers_more_than_a_window() -> None:
    """260 bars of an EMA200 are mostly its seed: a state that goes on is not what a window would give."""
    bars = market(12, 1_400, 4, 0.0)[:, :, 3:]
    whole, part = recursions.fresh(1), recursions.fresh(1)
    recursions.commit(whole, bars)
    recursions.commit(part, bars[:, -260:])
    ema = recursions.STATE.index("ema200")
    assert abs(whole[ema, 0] / part[ema, 0] - 1) > 1e-3
    assert whole[0, 0] == 1_400


def test_sums_are_rebuilt_not_patched() -> None:
    bars = market(13, 260, 5, 0.0)
    first = recursions.windows(bars)
    for _ in range(20):
        np.testing.assert_array_equal(recursions.windows(bars), first)
    naive = np.array([sum(bars[3, -19:, column].tolist()) for column in range(5)])
    np.testing.assert_array_equal(first[0, 3:], naive[3:])


values = some.lists(some.one_of(some.floats(allow_nan=True), some.sampled_from([1.0, 2.0, -0.0, 0.0])), max_size=40)


@settings(max_examples=60, deadline=None)
@given(values)
def test_percentiles_equal_those_of_the_features(found: list[float]) -> None:
    row = np.array(found, dtype=np.float64)
    np.testing.assert_array_equal(recursions.percentile(row), indicators.percentile(row))


def test_nothing_is_compiled_after_the_warm_up() -> None:
    recursions.warm()
    before = [len(kernel.signatures) for kernel in recursions.kernels()]
    assert before == [1] * len(before)
    bars = market(1, 30, 40)
    incremental(bars[:, :, ::2], [(3, 1, 2.0)])
    incremental(np.asfortranarray(bars), [])
    recursions.percentile(bars[3, -1, ::3])
    assert [len(kernel.signatures) for kernel in recursions.kernels()] == before
