"""European volatility and Greeks against the volatility that made the price, a slow twin, QuantLib, vollib and published values."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st
from vollib.black_scholes_merton.implied_volatility import implied_volatility as vollib_volatility

from core.quant import kernel_european, kernel_exercise
from core.quant.european import Analysis, greeks, implied
from core.quant.reasons import Reason
from tests.quant import twins

NAMES = ("price", "delta", "gamma", "vega", "theta", "rho", "vanna", "charm", "vomma")
TERMS = st.tuples(
    st.floats(1.0, 1000.0),  # spot
    st.floats(-3.0, 3.0),  # log of strike over spot in deviations
    st.floats(1 / 365, 2.0),  # years
    st.floats(-0.02, 0.1),  # rate
    st.floats(-0.02, 0.08),  # dividend yield
    st.floats(0.05, 2.0),  # volatility
    st.booleans(),
)
Terms = tuple[float, float, float, float, float, float, bool]


def strike_of(terms: Terms) -> float:
    spot, deviations, years, _, _, volatility, _ = terms
    return spot * math.exp(deviations * volatility * math.sqrt(years))


def random_terms(count: int, seed: int) -> tuple[np.ndarray, ...]:
    """The stated mix: spot 5-500, 2 days to 2 years, volatility 10-120 %, half without yield, strikes to three deviations."""
    draw = np.random.default_rng(seed)
    spot, years = draw.uniform(5, 500, count), draw.uniform(2 / 365, 2, count)
    volatility, rate = draw.uniform(0.1, 1.2, count), draw.uniform(0, 0.06, count)
    dividend = np.where(draw.random(count) < 0.5, 0, draw.uniform(0, 0.05, count))
    strike = spot * np.exp(draw.uniform(-3, 3, count) * volatility * np.sqrt(years))
    return spot, strike, years, rate, dividend, volatility, draw.random(count) < 0.5


def test_the_implied_volatility_is_the_one_that_made_the_price_within_1e_11() -> None:
    spot, strike, years, rate, dividend, volatility, call = random_terms(100_000, 1)
    price = greeks(spot, strike, years, rate, dividend, volatility, call).price
    inside = np.where(call, 1, -1) * (spot * np.exp(-dividend * years) - strike * np.exp(-rate * years))
    clear = price - np.maximum(inside, 0) >= 0.005
    found = implied(price, spot, strike, years, rate, dividend, call)
    assert clear.mean() > 0.98
    assert not found.reason[clear].any()
    assert np.abs(found.volatility - volatility)[clear].max() <= 1e-11


def test_the_greeks_agree_with_quantlibs_calculator_within_1e_8() -> None:
    spot, strike, years, rate, dividend, volatility, call = random_terms(2_000, 2)
    found = greeks(spot, strike, years, rate, dividend, volatility, call)
    for i in range(len(spot)):
        s, k, t, v = (float(column[i]) for column in (spot, strike, years, volatility))
        discount = math.exp(-rate[i] * t)
        payoff = QuantLib.PlainVanillaPayoff(QuantLib.Option.Call if call[i] else QuantLib.Option.Put, k)
        oracle = QuantLib.BlackCalculator(payoff, s * math.exp((rate[i] - dividend[i]) * t), v * math.sqrt(t), discount)
        size = s * v * math.sqrt(t)  # theta and far deltas cancel towards zero: their error is held against the size of their parts
        assert found.price[i] == pytest.approx(oracle.value(), rel=1e-8, abs=1e-12 * s)
        assert found.delta[i] == pytest.approx(oracle.delta(s), rel=1e-8, abs=1e-14)
        assert found.gamma[i] == pytest.approx(oracle.gamma(s), rel=1e-8, abs=1e-16)
        assert found.vega[i] * 100 == pytest.approx(oracle.vega(t), rel=1e-8, abs=1e-13 * s)
        assert found.theta[i] * 365 == pytest.approx(oracle.theta(s, t), rel=1e-8, abs=1e-10 * size)
        assert found.rho[i] * 100 == pytest.approx(oracle.rho(t), rel=1e-8, abs=1e-13 * s)


def test_the_published_values_of_vollib_come_out(shared: Path) -> None:
    table = json.loads((shared / "data/options/vollib_reference_values.json").read_text())
    column = {name: np.array([row[place] for row in table["data"]]) for place, name in enumerate(table["columns"])}
    for call, letter, price in ((True, "C", "bs_call"), (False, "P", "bs_put")):
        found = greeks(column["S"], column["K"], column["t"], column["R"], 0.0, column["v"], call)
        np.testing.assert_allclose(found.price, column[price], rtol=1e-8, atol=1e-9)
        ours = (found.delta, found.gamma, found.theta * 365, found.vega * 100, found.rho * 100)
        for name, values in zip(("D", "G", "T", "V", "R"), ours, strict=True):
            np.testing.assert_allclose(values, column[letter + name], rtol=1e-8, atol=1e-9)


def test_vollib_finds_the_same_volatilities() -> None:
    spot, strike, years, rate, dividend, volatility, call = random_terms(200, 3)
    price = greeks(spot, strike, years, rate, dividend, volatility, call).price
    found = implied(price, spot, strike, years, rate, dividend, call)
    for i in np.flatnonzero(price > 0.01):
        letter = "c" if call[i] else "p"
        theirs = vollib_volatility(price[i], spot[i], strike[i], years[i], rate[i], dividend[i], letter)
        assert found.volatility[i] == pytest.approx(theirs, abs=1e-8)


@given(TERMS)
@settings(max_examples=200, deadline=None)
def test_price_and_all_greeks_equal_the_slow_twin(terms: Terms) -> None:
    spot, _, years, rate, dividend, volatility, call = terms
    strike = strike_of(terms)
    found = greeks(spot, strike, years, rate, dividend, volatility, call)
    for name, expected in twins.european(spot, strike, years, rate, dividend, volatility, call=call).items():
        value = float(getattr(found, name))
        scale = spot if name in {"price", "vega", "theta", "rho", "vomma"} else 1 / (volatility * math.sqrt(years))
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12 * scale), name


@given(TERMS)
@settings(max_examples=60, deadline=None)
def test_the_implied_volatility_equals_the_twin_that_halves(terms: Terms) -> None:
    spot, _, years, rate, dividend, volatility, call = terms
    strike = strike_of(terms)
    price = twins.european(spot, strike, years, rate, dividend, volatility, call=call)["price"]
    expected = twins.volatility(price, lambda v: twins.european(spot, strike, years, rate, dividend, v, call=call)["price"])
    found = implied(price, spot, strike, years, rate, dividend, call)
    if found.reason == Reason.OK and float(found.vega) > 1e-4 * spot:
        assert float(found.volatility) == pytest.approx(expected, abs=1e-9)


@given(TERMS)
@settings(max_examples=150, deadline=None)
def test_parity_bounds_and_monotony_hold(terms: Terms) -> None:
    spot, _, years, rate, dividend, volatility, call = terms
    strike = strike_of(terms)
    grown, paid, noise = spot * math.exp(-dividend * years), strike * math.exp(-rate * years), 1e-12 * (spot + strike)

    def price(strikes: object = strike, v: float = volatility, is_call: object = call) -> np.ndarray:
        return greeks(spot, strikes, years, rate, dividend, v, is_call).price  # type: ignore[arg-type]  # numbers or arrays

    both = price(is_call=[True, False])
    assert both[0] - both[1] == pytest.approx(grown - paid, abs=noise)
    value = float(price())
    assert max((grown - paid) * (1 if call else -1), 0.0) - noise <= value <= (grown if call else paid) + noise
    assert price(v=volatility * 1.01) >= value - noise
    ladder = price(strikes=strike * np.array([0.95, 1.0, 1.05]))
    assert (np.diff(ladder) * (-1 if call else 1) >= -noise).all()
    assert ladder[0] - 2 * ladder[1] + ladder[2] >= -noise


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, math.nan, Reason.MISSING),
        (0, math.inf, Reason.MISSING),
        (1, 0.0, Reason.NOT_POSITIVE),
        (1, -5.0, Reason.NOT_POSITIVE),
        (2, 0.0, Reason.NOT_POSITIVE),
        (3, 0.0, Reason.EXPIRED),
        (3, -0.1, Reason.EXPIRED),
        (4, math.nan, Reason.MISSING),
        (4, 1000.0, Reason.FAR_OUT),
        (0, 0.5, Reason.BELOW_BOUND),
        (0, -1.0, Reason.BELOW_BOUND),
        (0, 0.0, Reason.BELOW_BOUND),
        (0, 100.0, Reason.ABOVE_BOUND),
        (0, 99.9999999999999, Reason.ABOVE_BOUND),
    ],
)
def test_a_row_without_an_answer_says_why_and_disturbs_nobody(place: int, value: float, reason: Reason) -> None:
    rows = np.tile(np.array([8.0, 100.0, 95.0, 0.25, 0.03, 0.0]), (300, 1))

    def answer() -> Analysis:
        price, spot, strike, years, rate, dividend = rows.T
        return implied(price, spot, strike, years, rate, dividend, True)

    clean = answer()
    rows[7, place] = value
    found = answer()
    assert Reason(found.reason[7]) is reason
    assert reason.sentence
    for column in (found.volatility, *found[2:]):
        assert np.isnan(column[7])
    others = np.arange(300) != 7
    assert np.array_equal(found.volatility[others], clean.volatility[others])
    assert not found.reason[others].any()


def test_a_price_at_its_floor_has_no_time_value_to_read_a_volatility_from() -> None:
    floor = 100 - 50 * math.exp(-0.03 * 0.25)
    assert Reason(int(implied(floor, 100, 50, 0.25, 0.03, 0.0, True).reason)) is Reason.NO_TIME_VALUE


def test_extreme_but_possible_terms_are_answered() -> None:
    tiny = greeks(100.0, 100.0, 1e-9, 0.03, 0.0, 0.3, True)
    assert float(tiny.price) == pytest.approx(0.3 * math.sqrt(1e-9 / (2 * math.pi)) * 100, rel=1e-3)
    wild = greeks(100.0, 100.0, 1.0, 0.03, 0.0, 5.0, True)
    assert float(implied(wild.price, 100.0, 100.0, 1.0, 0.03, 0.0, True).volatility) == pytest.approx(5.0, abs=1e-9)
    sure = greeks([100.0, 90.0], 95.0, 1.0, 0.05, 0.0, 0.0, True)
    assert sure.price.tolist() == pytest.approx([100 - 95 * math.exp(-0.05), 0.0])
    assert (sure.gamma < 1e-200).all()
    assert Reason(int(greeks(100.0, 100.0, 1.0, 0.0, 0.0, 0.0, True).reason)) is Reason.KINK
    assert Reason(int(greeks(100.0, 100.0, 1.0, 0.0, 0.0, -0.2, True).reason)) is Reason.BAD_VOLATILITY


def test_batches_of_every_size_and_shape_are_answered_alike() -> None:
    spot, strike, years, rate, dividend, volatility, call = random_terms(600, 4)
    whole = greeks(spot, strike, years, rate, dividend, volatility, call)
    for size in (0, 1, 255, 256, 257, 600):
        part = greeks(*(column[:size] for column in (spot, strike, years, rate, dividend, volatility, call)))
        assert np.array_equal(part.price, whole.price[:size])
    grid = greeks(100.0, np.array([[90.0], [110.0]]), np.array([0.1, 0.2, 0.3]), 0.03, 0.0, 0.2, True)
    assert isinstance(grid, Analysis)
    assert all(column.shape == (2, 3) for column in grid)


def test_the_written_out_functions_are_exact() -> None:
    for x in np.linspace(-700, 700, 997):
        assert kernel_european.exponential(x) == pytest.approx(math.exp(x), rel=1e-15)
    for x in 10 ** np.linspace(-290, 290, 997):
        assert kernel_european.logarithm(x) == pytest.approx(math.log(x), rel=4e-16)
    for z in np.linspace(0, 25, 997):
        assert kernel_european.scaled_tail(z) == pytest.approx(math.exp(z * z) * math.erfc(z), rel=3e-13)
        near = math.exp(-z * z / 2)
        assert kernel_exercise.exponential(-z * z / 2) == pytest.approx(near, rel=2e-11)
        assert kernel_exercise.tail(z, near) == pytest.approx(0.5 * math.erfc(z / math.sqrt(2)), rel=1e-10)
