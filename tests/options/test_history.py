"""History of implied volatility: ranks, premiums, earnings."""

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import BadDataError
from core.model.market import Bars
from core.options.history import VolatilityDay, earnings_moves, implied_move, of_day, premiums, rank, usual_move
from core.options.surface_fit import flat
from tests.options.test_structures import surface


def test_a_rank_without_a_year_of_days_says_how_many_there_are() -> None:
    found = rank([0.3] * 31, 0.4)
    assert str(found) == "n/a (31 of 252 days)"
    assert math.isnan(found.rank)
    assert str(rank([0.3, math.nan, 0.0] * 200, 0.4)) == "n/a (200 of 252 days)"
    assert str(rank([0.3] * 252, math.nan)) == "n/a (252 of 252 days)"


@given(st.lists(st.floats(0.05, 2.0), min_size=252, max_size=300), st.floats(0.05, 2.0))
def test_a_rank_equals_its_definition(before: list[float], today: float) -> None:
    window = before[-252:]
    found = rank(before, today)
    assert math.isnan(found.rank) or 0 <= found.rank <= 100
    assert math.isnan(found.rank) or found.percentile == pytest.approx(100 * sum(value < today for value in window) / 252)
    if min(window) < today < max(window):
        assert found.rank == pytest.approx(100 * (today - min(window)) / (max(window) - min(window)))
    assert rank([0.2] * 251 + [0.4], 0.3).rank == pytest.approx(50)
    assert str(rank([0.2] * 251 + [0.4], 0.3)) == "50 (percentile 100)"


def test_a_day_holds_the_volatilities_of_three_maturities_and_modelled_ones_are_refused() -> None:
    made = surface(0.3)
    day = of_day(made, date(2026, 3, 2))
    assert [day.iv30, day.iv60, day.iv90] == pytest.approx([0.3, 0.3, 0.3])
    with pytest.raises(BadDataError, match="modelled"):
        of_day(replace(made, modelled=True), date(2026, 3, 2))
    assert math.isnan(of_day(replace(made, smiles=()), date(2026, 3, 2)).iv30)


def test_a_premium_compares_with_the_sessions_that_followed() -> None:
    days = [date(2026, 1, 5) + timedelta(days=place) for place in range(40)]
    realised = np.linspace(0.1, 0.49, 40)
    found = premiums([VolatilityDay(days[3], 0.5, 0.5, 0.5), VolatilityDay(days[30], 0.5, 0.5, 0.5)], days, realised)
    assert found[0].realised == realised[24]
    assert found[0].points == pytest.approx(0.5 - realised[24])
    assert found[0].variance == pytest.approx(0.25 - realised[24] ** 2)
    assert math.isnan(found[1].points)


def test_moves_on_earnings_are_those_of_the_session_that_could_react() -> None:
    days = np.arange("2026-01-05", "2026-01-10", dtype="datetime64[D]")
    close = np.array([100.0, 110.0, 99.0, 99.0, 102.0])
    bars = Bars(days, close, close, close, close, close)
    reports = [(date(2026, 1, 6), True), (date(2026, 1, 6), False), (date(2026, 1, 9), False), (date(2026, 1, 5), True)]
    found = earnings_moves(bars, reports)
    assert [(one.day, round(one.move, 6)) for one in found] == [(date(2026, 1, 6), 0.1), (date(2026, 1, 7), -0.1)]
    assert usual_move(found) == pytest.approx(0.1)
    assert math.isnan(usual_move([]))


def test_the_variance_of_an_event_is_what_the_later_expiry_has_beyond_time() -> None:
    made = surface(0.3)
    near, far = made.smiles
    event = 0.06**2
    lifted = replace(made, smiles=(near, replace(far, svi=flat(float(far.svi.variance(0.0)) + event))))
    assert implied_move(lifted, near.years, far.years) == pytest.approx(0.06 * math.sqrt(2 / math.pi), rel=1e-6)
    assert math.isnan(implied_move(made, near.years, far.years)) or implied_move(made, near.years, far.years) < 1e-6
