"""American prices, Greeks and implied volatility against a slow twin, QuantLib, reference values and no-arbitrage rules."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from core.quant.american import greeks, implied_volatility, price, warm

RATES = st.floats(0.0, 0.08)
TERMS = st.tuples(
    st.floats(1.0, 1000.0),  # spot
    st.floats(-0.6, 0.6),  # log of strike over spot
    st.floats(1 / 365, 2.0),  # years
    RATES,
    RATES,  # dividend yield
    st.floats(0.05, 1.5),  # volatility
    st.booleans(),
)


def black_scholes(s: float, k: float, t: float, r: float, q: float, v: float, *, call: bool) -> float:
    d1 = (math.log(s / k) + (r - q + v * v / 2) * t) / (v * math.sqrt(t))
    d2 = d1 - v * math.sqrt(t)
    sign = 1 if call else -1

    def normal(z: float) -> float:
        return 0.5 * (1 + math.erf(z / math.sqrt(2)))

    return sign * (s * math.exp(-q * t) * normal(sign * d1) - k * math.exp(-r * t) * normal(sign * d2))


def twin(s: float, k: float, t: float, r: float, q: float, v: float, *, call: bool, steps: int = 101) -> float:
    """Leisen-Reimer tree as in the paper, node by node, with the European value of the same tree as control variate."""
    d1 = (math.log(s / k) + (r - q + v * v / 2) * t) / (v * math.sqrt(t))
    d2 = d1 - v * math.sqrt(t)

    def inverse(z: float) -> float:
        inner = 0.25 - 0.25 * math.exp(-((z / (steps + 1 / 3 + 0.1 / (steps + 1))) ** 2) * (steps + 1 / 6))
        return 0.5 + math.copysign(math.sqrt(inner), z)

    p, drift = inverse(d2), math.exp((r - q) * t / steps)
    up, down = drift * inverse(d1) / p, drift * (1 - inverse(d1)) / (1 - p)
    sign, discount = (1 if call else -1), math.exp(-r * t / steps)
    early = [max(sign * (s * up**j * down ** (steps - j) - k), 0.0) for j in range(steps + 1)]
    late = list(early)
    for step in range(steps - 1, -1, -1):
        late = [discount * (p * late[j + 1] + (1 - p) * late[j]) for j in range(step + 1)]
        held = [discount * (p * early[j + 1] + (1 - p) * early[j]) for j in range(step + 1)]
        early = [max(held[j], sign * (s * up**j * down ** (step - j) - k)) for j in range(step + 1)]
    premium = max(early[0] - late[0], 0.0)
    return max(black_scholes(s, k, t, r, q, v, call=call) + premium, sign * (s - k))


def quantlib(s: float, k: float, days: int, r: float, q: float, v: float, *, call: bool) -> QuantLib.VanillaOption:
    today = QuantLib.Date(15, 6, 2026)
    QuantLib.Settings.instance().evaluationDate = today
    count = QuantLib.Actual365Fixed()
    process = QuantLib.BlackScholesMertonProcess(
        QuantLib.QuoteHandle(QuantLib.SimpleQuote(s)),
        QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, q, count)),
        QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, r, count)),
        QuantLib.BlackVolTermStructureHandle(QuantLib.BlackConstantVol(today, QuantLib.NullCalendar(), v, count)),
    )
    payoff = QuantLib.PlainVanillaPayoff(QuantLib.Option.Call if call else QuantLib.Option.Put, k)
    option = QuantLib.VanillaOption(payoff, QuantLib.AmericanExercise(today, today + days))
    option.setPricingEngine(QuantLib.QdFpAmericanEngine(process, QuantLib.QdFpAmericanEngine.accurateScheme()))
    return option


CASES = [
    (100.0, strike, days, rate, dividend, volatility, call)
    for strike in (70.0, 90.0, 100.0, 115.0, 140.0)
    for days, rate, dividend, volatility in (
        (7, 0.04, 0.0, 0.3),
        (35, 0.05, 0.02, 0.25),
        (90, 0.01, 0.06, 0.6),
        (270, 0.05, 0.05, 0.4),
        (540, 0.02, 0.08, 0.2),
    )
    for call in (True, False)
]


@pytest.mark.parametrize("case", CASES)
def test_the_price_agrees_with_quantlib_within_two_hundredths_of_a_percent_of_spot(case: tuple[float, ...]) -> None:
    spot, strike, days, rate, dividend, volatility, call = case
    oracle = quantlib(spot, strike, int(days), rate, dividend, volatility, call=bool(call)).NPV()
    assert price(spot, strike, days / 365, rate, dividend, volatility, call) == pytest.approx(oracle, abs=0.02)


def test_the_price_is_usually_within_a_tenth_of_a_cent_on_a_hundred_dollars() -> None:
    spot, strike, days, rate, dividend, volatility, call = (np.array(column) for column in zip(*CASES, strict=True))
    ours = price(spot, strike, days / 365, rate, dividend, volatility, call)
    oracle = [quantlib(*case[:6], call=case[6]).NPV() for case in CASES]
    assert np.median(np.abs(ours - oracle)) < 0.001


@pytest.mark.parametrize("case", CASES[::3])
def test_the_greeks_agree_with_quantlib_bumped_by_hand(case: tuple[float, ...]) -> None:
    spot, strike, days, rate, dividend, volatility, call = case

    def oracle(s: float = spot, d: int = int(days), v: float = volatility) -> float:
        return float(quantlib(s, strike, d, rate, dividend, v, call=bool(call)).NPV())

    _, delta, gamma, theta, vega = greeks(spot, strike, days / 365, rate, dividend, volatility, call)
    assert delta == pytest.approx((oracle(s=spot + 0.1) - oracle(s=spot - 0.1)) / 0.2, abs=0.004)
    assert gamma == pytest.approx((oracle(s=spot + 0.5) - 2 * oracle() + oracle(s=spot - 0.5)) / 0.25, abs=0.002)
    assert theta == pytest.approx((oracle(d=int(days) - 1) - oracle(d=int(days) + 1)) / 2, abs=0.004)
    assert vega == pytest.approx((oracle(v=volatility + 0.005) - oracle(v=volatility - 0.005)), abs=0.004)


@given(TERMS)
@settings(max_examples=60, deadline=None)
def test_the_kernel_equals_the_slow_twin(terms: tuple[float, float, float, float, float, float, bool]) -> None:
    spot, moneyness, years, rate, dividend, volatility, call = terms
    strike = spot * math.exp(moneyness * min(1.0, 4 * volatility * math.sqrt(years)))
    expected = twin(spot, strike, years, rate, dividend, volatility, call=call)
    early = not ((call and dividend <= 0) or (not call and rate <= 0))
    if not early:
        expected = max(black_scholes(spot, strike, years, rate, dividend, volatility, call=call), 0.0)
    assert price(spot, strike, years, rate, dividend, volatility, call) == pytest.approx(expected, abs=1e-8 * spot, rel=1e-7)


def test_a_right_that_is_never_exercised_early_equals_the_published_european_values(shared: Path) -> None:
    table = json.loads((shared / "data/options/vollib_reference_values.json").read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert len(rows) == 101
    for row in rows:
        value, delta, gamma, theta, vega = greeks(row["S"], row["K"], row["t"], row["R"], 0.0, row["v"], is_call=True)
        assert value == pytest.approx(row["bs_call"], abs=2e-6, rel=1e-6)
        assert delta == pytest.approx(row["CD"], abs=1e-6)
        assert gamma == pytest.approx(row["CG"], abs=1e-6)
        assert theta * 365 == pytest.approx(row["CT"], abs=2e-5)
        assert vega * 100 == pytest.approx(row["CV"], abs=2e-5)


@given(TERMS)
@settings(max_examples=300, deadline=None)
def test_a_price_keeps_its_bounds(terms: tuple[float, float, float, float, float, float, bool]) -> None:
    spot, moneyness, years, rate, dividend, volatility, call = terms
    strike = spot * math.exp(moneyness)
    value = float(price(spot, strike, years, rate, dividend, volatility, call))
    intrinsic = max(spot - strike, 0.0) if call else max(strike - spot, 0.0)
    assert value >= intrinsic
    assert value >= black_scholes(spot, strike, years, rate, dividend, volatility, call=call) - 1e-9 * spot
    assert value <= (spot if call else strike) * (1 + 1e-9)


@given(
    st.floats(1e-3, 1e6),
    st.floats(-5.0, 5.0),
    st.floats(0.0, 30.0),
    st.floats(-0.05, 0.3),
    st.floats(-0.05, 0.3),
    st.floats(0.0, 5.0),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_extreme_terms_still_have_a_price_between_its_bounds_or_none(
    spot: float, moneyness: float, years: float, rate: float, dividend: float, volatility: float, call: bool
) -> None:
    strike = spot * math.exp(moneyness)
    found = [float(number) for number in greeks(spot, strike, years, rate, dividend, volatility, call)]
    if volatility * math.sqrt(years) > 20:
        assert all(map(math.isnan, found))
        return
    value, delta, gamma, theta, vega = found
    assert value == pytest.approx(float(price(spot, strike, years, rate, dividend, volatility, call)), rel=1e-12)
    intrinsic = max(spot - strike, 0.0) if call else max(strike - spot, 0.0)
    roof = spot * max(1.0, math.exp(-dividend * years)) if call else strike * max(1.0, math.exp(-rate * years))
    assert intrinsic <= value <= roof * (1 + 1e-9)
    assert delta * (1 if call else -1) >= 0
    assert gamma >= 0
    assert vega >= 0
    assert math.isfinite(theta)


@given(TERMS)
@settings(max_examples=150, deadline=None)
def test_prices_rise_with_volatility_time_and_moneyness(terms: tuple[float, float, float, float, float, float, bool]) -> None:
    spot, moneyness, years, rate, dividend, volatility, call = terms
    strike = spot * math.exp(moneyness)
    slack = 2e-4 * spot  # the tree's own error
    base = float(price(spot, strike, years, rate, dividend, volatility, call))
    assert price(spot, strike, years, rate, dividend, volatility * 1.1, call) >= base - slack
    assert price(spot, strike, years * 1.1, rate, dividend, volatility, call) >= base - slack
    richer = strike * (0.95 if call else 1.05)
    assert price(spot, richer, years, rate, dividend, volatility, call) >= base - slack
    assert price(spot, richer, years, rate, dividend, volatility, call) - base <= abs(richer - strike) + slack


@given(TERMS)
@settings(max_examples=150, deadline=None)
def test_call_and_put_keep_american_parity_and_european_parity_where_nothing_is_exercised_early(
    terms: tuple[float, float, float, float, float, float, bool],
) -> None:
    spot, moneyness, years, rate, dividend, volatility, _ = terms
    strike = spot * math.exp(moneyness)
    call, put = price(spot, strike, years, rate, dividend, volatility, np.array([True, False]))
    slack = 1e-9 * spot
    assert spot * math.exp(-dividend * years) - strike - slack <= call - put <= spot - strike * math.exp(-rate * years) + slack
    call, put = price(spot, strike, years, 0.0, 0.0, volatility, np.array([True, False]))
    assert call - put == pytest.approx(spot - strike, abs=slack)


@given(TERMS)
@settings(max_examples=150, deadline=None)
def test_the_implied_volatility_gives_the_price_back(terms: tuple[float, float, float, float, float, float, bool]) -> None:
    spot, moneyness, years, rate, dividend, volatility, call = terms
    strike = spot * math.exp(moneyness)
    value = float(price(spot, strike, years, rate, dividend, volatility, call))
    found = float(implied_volatility(value, spot, strike, years, rate, dividend, call))
    intrinsic = max(spot - strike, spot * math.exp(-dividend * years) - strike * math.exp(-rate * years), 0.0)
    if not call:
        intrinsic = max(strike - spot, strike * math.exp(-rate * years) - spot * math.exp(-dividend * years), 0.0)
    if value > intrinsic + 1e-6 * spot:
        assert price(spot, strike, years, rate, dividend, found, call) == pytest.approx(value, abs=1e-8 * spot)
    else:
        assert math.isnan(found) or found > 0


@pytest.mark.parametrize(
    ("quoted", "call"),
    [(4.9, True), (100.0, True), (250.0, True), (-1.0, True), (95.0, False), (0.0, False), (math.nan, True), (math.inf, True)],
)
def test_a_price_outside_of_no_arbitrage_has_no_implied_volatility(quoted: float, call: bool) -> None:
    assert math.isnan(implied_volatility(quoted, 100.0, 95.0, 0.25, 0.03, 0.01, call))


def test_one_bad_row_answers_nan_and_disturbs_nobody_else() -> None:
    bad = [math.nan, math.inf, -1.0, 0.0]
    for place in range(7):
        terms: list[object] = [100.0, 100.0, 0.25, 0.03, 0.01, 0.3, True]
        if place == 6:
            continue
        terms[place] = np.array([terms[place], *bad])
        values = price(*terms)  # type: ignore[arg-type]  # one of them is an array, on purpose
        clean = price(100.0, 100.0, 0.25, 0.03, 0.01, 0.3, is_call=True)
        assert values[0] == clean
        assert np.isnan(values[1])
        assert np.isnan(greeks(*terms)[1][1])  # type: ignore[arg-type]  # as above
    assert np.isnan(price([math.nan, 100.0], 100.0, 0.0, 0.0, 0.0, 0.2, is_call=True)).tolist() == [True, False]


def test_at_and_after_expiry_only_the_intrinsic_value_is_left() -> None:
    value, delta, gamma, theta, vega = greeks([90.0, 100.0, 110.0], 100.0, [0.0, 0.0, -1.0], 0.05, 0.02, math.nan, is_call=True)
    assert value.tolist() == [0.0, 0.0, 10.0]
    assert delta.tolist() == [0.0, 0.5, 1.0]
    assert not gamma.any()
    assert not theta.any()
    assert not vega.any()


def test_without_volatility_the_future_is_certain() -> None:
    assert price(100.0, 90.0, 1.0, 0.05, 0.0, 0.0, is_call=True) == pytest.approx(100 - 90 * math.exp(-0.05))
    assert price(100.0, 110.0, 1.0, 0.05, 0.0, 0.0, is_call=False) == 10.0
    assert price(100.0, 90.0, 1.0, 0.05, 0.0, 0.0, is_call=False) == 0.0


def test_arguments_are_broadcast_and_an_empty_question_has_an_empty_answer() -> None:
    grid = price(np.array([[90.0], [100.0]]), np.array([95.0, 100.0, 105.0]), 0.2, 0.03, 0.0, 0.3, is_call=False)
    assert grid.shape == (2, 3)
    assert grid[1, 2] == price(100.0, 105.0, 0.2, 0.03, 0.0, 0.3, is_call=False)
    assert price([], 100.0, 0.2, 0.03, 0.0, 0.3, is_call=True).shape == (0,)
    assert price(100.0, 100.0, 0.2, 0.03, 0.0, 0.3, is_call=True).shape == ()


def test_warming_up_twice_is_harmless() -> None:
    warm()
    warm()
