"""Rates from treasury yields, dividends to come, forwards from parity."""

import csv
import gzip
import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.errors import BadDataError
from core.quant import curve, european, exercise, parity, payouts
from core.quant.parity import Pairs


def test_a_flat_par_curve_has_flat_zero_rates() -> None:
    found = curve.from_par_yields(dict.fromkeys(curve.MATURITIES, 5.0))
    assert found.rates.tolist() == pytest.approx([2 * math.log(1.025)] * len(found.rates), abs=1e-12)
    assert float(found.discount(1.0)) == pytest.approx(1.025**-2)


@given(st.floats(0.5, 12.0), st.dictionaries(st.sampled_from(sorted(curve.MATURITIES)), st.floats(-0.5, 0.5), min_size=1))
def test_bonds_that_pay_the_par_yield_are_worth_par(level: float, apart: dict[str, float]) -> None:
    percent = {name: level + more for name, more in apart.items()}
    found = curve.from_par_yields(percent)
    for name, par in percent.items():
        years = curve.MATURITIES[name]
        if years >= 1:
            halves = np.arange(1, int(years * 2) + 1) / 2
            worth = par / 200 * found.discount(halves).sum() + float(found.discount(years))
            assert worth == pytest.approx(1.0, abs=1e-9)


def test_the_curve_of_a_real_day_lies_near_its_yields(shared: Path) -> None:
    with gzip.open(shared / "data/macro/us_rates_daily.csv.gz", "rt") as file:
        row = next(line for line in csv.DictReader(file) if line["date"] == "2021-01-04")
    found = curve.from_par_yields({name: float(value or "nan") for name, value in row.items() if name != "date"})
    assert float(found.rate(0.25)) == pytest.approx(0.0009, abs=1e-5)
    assert float(found.rate(10.0)) == pytest.approx(0.0094, abs=2e-4)
    assert float(found.rate(0.0)) == float(found.rate(1 / 12))


def test_yields_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(BadDataError, match="contradicts the shorter"):
        curve.from_par_yields({"DGS10": 0.0, "DGS20": 15.0})


def test_a_day_without_any_yield_is_refused() -> None:
    with pytest.raises(BadDataError, match="no treasury yield"):
        curve.from_par_yields({"DGS1": math.nan, "SOFR": 5.0})


QUARTERS = [(date(2024, 2, 9) + timedelta(days=round(91.3 * place)), 0.24 + 0.01 * (place // 4)) for place in range(8)]


def test_the_last_regular_dividend_is_repeated_in_its_rhythm() -> None:
    found = payouts.expected([], [*QUARTERS, (date(2024, 12, 1), 9.0)], date(2025, 11, 20), date(2026, 5, 30))
    assert [payout.known for payout in found] == [False] * len(found)
    assert len(found) == 2
    assert {payout.cash for payout in found} == {QUARTERS[-1][1]}
    assert [(payout.day - QUARTERS[-1][0]).days for payout in found] == [91, 183]


def test_announced_dividends_come_first_and_estimates_follow_them() -> None:
    announced = [(date(2026, 2, 6), 0.30)]
    found = payouts.expected(announced, QUARTERS, date(2025, 11, 20), date(2026, 6, 30))
    assert found[0] == (date(2026, 2, 6), 0.30, True)
    assert found[1] == (date(2026, 2, 6) + timedelta(days=91), 0.30, False)
    years = payouts.in_years(found, date(2025, 11, 20))
    assert years[0].years == pytest.approx(78 / 365)
    assert [one.known for one in years] == [True, False]


@pytest.mark.parametrize(
    "history",
    [
        [],
        QUARTERS[:2],
        [(date(2025, 1, 1), 1.0), (date(2025, 1, 9), 1.0), (date(2025, 3, 2), 1.0)],
        [(d, math.nan) for d, _ in QUARTERS],
    ],
)
def test_nothing_is_estimated_from_too_little_or_irregular_history(history: list[tuple[date, float]]) -> None:
    assert payouts.expected([], history, date(2025, 12, 1), date(2026, 12, 1)) == ()


def test_a_company_that_stopped_paying_is_believed() -> None:
    assert payouts.expected([], QUARTERS, date(2026, 8, 1), date(2027, 6, 30)) == ()


def quoted(spot: float, years: float, rate: float, carry: float, *, american: bool, spread: float = 0.04) -> Pairs:
    strikes = np.arange(80.0, 125.0, 2.5)
    volatility = 0.3 - 0.1 * np.log(strikes / spot)
    model = exercise.greeks if american else european.greeks
    call, put = (model(spot, strikes, years, rate, carry, volatility, is_call).price for is_call in (True, False))
    return Pairs(strikes, call - spread / 2, call + spread / 2, put - spread / 2, put + spread / 2)


@given(st.floats(0.02, 1.5), st.floats(0.0, 0.08), st.floats(-0.01, 0.1), st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_forward_that_made_the_quotes_is_found_again(years: float, rate: float, carry: float, american: bool) -> None:
    pairs = quoted(100.0, years, rate, carry, american=american)
    found = parity.forward(pairs, 100.0, years, rate, is_american=american)
    expected = 100 * math.exp((rate - carry) * years)
    assert found.price == pytest.approx(expected, abs=0.02 if american else 1e-9)
    assert found.is_consistent
    assert 2 <= found.pairs <= parity.NEAREST
    assert (
        not parity.violations(pairs, 100.0, years, rate, 100 * -math.expm1(-carry * years), is_american=american).any() or american
    )


def test_quotes_that_can_be_locked_in_are_found() -> None:
    pairs = quoted(100.0, 0.5, 0.04, 0.0, american=True)
    assert not parity.violations(pairs, 100.0, 0.5, 0.04, 0.0, is_american=True).any()
    pairs.call_bid[3] += 3.0
    pairs.call_ask[3] += 3.0
    pairs.put_bid[9] += 4.0
    pairs.put_ask[9] += 4.0
    assert np.flatnonzero(parity.violations(pairs, 100.0, 0.5, 0.04, 0.0, is_american=True)).tolist() == [3, 9]


def test_one_sided_and_crossed_pairs_are_left_out_and_none_gives_no_forward() -> None:
    pairs = quoted(100.0, 0.5, 0.04, 0.01, american=False)
    pairs.call_bid[:] = np.nan
    found = parity.forward(pairs, 100.0, 0.5, 0.04, is_american=False)
    assert math.isnan(found.price)
    assert found.pairs == 0


def test_two_pairs_that_contradict_each_other_altogether_give_no_forward() -> None:
    pairs = quoted(100.0, 0.5, 0.04, 0.01, american=False)
    two = Pairs(*(column[7:9].copy() for column in (pairs.strike, pairs.call_bid, pairs.call_ask, pairs.put_bid, pairs.put_ask)))
    two.call_bid[0] += 3.0
    two.call_ask[0] += 3.0
    assert math.isnan(parity.forward(two, 100.0, 0.5, 0.04, is_american=False).price)
