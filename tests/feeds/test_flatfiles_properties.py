"""What holds for every bar and every set of levels, however odd."""

from collections import Counter
from datetime import date
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.feeds.flatfiles.clean import clean
from core.feeds.flatfiles.walk import Walk
from core.market.panel import CLOSE, HIGH, LOW, OPEN
from core.market.sessions import Sessions
from core.model.market import Floats
from core.model.money import price

SESSION = Sessions.open(date(2024, 1, 2), date(2024, 1, 31)).all[3]
ODD = st.sampled_from([np.nan, 0.0, -1.0, np.inf, -np.inf, 1e-9, 1e9, 10.0, 10.5, 9.5, 100.0, 1.0])
TENTHS = st.integers(50, 150).map(lambda tenths: tenths / 10)


@st.composite
def bars(draw: st.DrawFn) -> Floats:
    """Two sound bars of one day, or none."""
    found = np.full((5, 2), np.nan)
    for column in range(2):
        if draw(st.booleans()) or not column:
            opening, close = draw(TENTHS), draw(TENTHS)
            high, low = max(opening, close, draw(TENTHS)), min(opening, close, draw(TENTHS))
            found[:, column] = opening, high, low, close, 100
    return found


LEVELS = st.dictionaries(st.sampled_from(["X", "Y", "gone"]), st.lists(TENTHS.map(price), max_size=6, unique=True))


@given(bars(), LEVELS)
def test_every_level_of_the_day_is_touched_once_and_the_adverse_ones_first(day: Floats, watched: dict[str, list[Decimal]]) -> None:
    columns = {"X": 0, "Y": 1}
    steps = list(Walk(day, columns, SESSION, lambda: watched).steps())
    instants = [instant for instant, _, _ in steps]
    assert instants == sorted(set(instants))
    assert all(SESSION.holds(instant) for instant in instants)
    np.testing.assert_array_equal(steps[0][1], day[OPEN])
    np.testing.assert_array_equal(steps[-1][1], day[CLOSE])
    assert steps[0][2] == steps[-1][2] == {}
    for symbol, column in columns.items():
        if np.isnan(day[OPEN, column]):
            assert all(column not in exact for _, _, exact in steps)
            continue
        opening, high, low = (price(float(day[field, column])) for field in (OPEN, HIGH, LOW))
        path = [exact.get(column, opening) for _, _, exact in steps[:-1]]
        changes = [level for before, level in zip([opening, *path], path, strict=False) if level != before]
        levels = watched.get(symbol, [])
        down = sorted({*(level for level in levels if low <= level < opening), *([low] if symbol in watched else [])}, reverse=True)
        up = sorted(level for level in levels if opening < level <= high)
        assert changes == [level for level in down if level != opening] + up


@given(hnp.arrays(np.float64, st.tuples(st.just(5), st.integers(1, 8), st.integers(1, 3)), elements=ODD))
def test_whatever_the_file_holds_the_cleaned_bars_are_sound_and_clean_again(raw: Floats) -> None:
    found = raw.copy()
    clean(found, {}, Counter())
    there = ~np.isnan(found[CLOSE])
    assert np.isnan(found[:, ~there]).all()
    opening, high, low, close, volume = (row[there] for row in found)
    assert np.isfinite(found[:, there]).all()
    assert (low > 0).all()
    assert (low <= np.fmin(opening, close)).all()
    assert (high >= np.fmax(opening, close)).all()
    assert (volume >= 0).all()
    again, defects = found.copy(), Counter[str]()
    clean(again, {}, defects)
    del defects["no volume, bar kept"], defects["close tenfold off the last one, bar dropped"]
    assert defects.total() == 0
