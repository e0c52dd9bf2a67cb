"""American rights by their boundary: QuantLib's exact engine, slow twins, the boundary's own equation, no-arbitrage rules."""

import math

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from core.quant import kernel_european, kernel_exercise
from core.quant.exercise import Early, Shelf, early_of, find, greeks, implied
from core.quant.reasons import Reason
from tests.quant import twins

TERMS = st.tuples(
    st.floats(1.0, 1000.0),  # spot
    st.floats(-1.5, 1.5),  # log of strike over spot in deviations
    st.floats(3 / 365, 2.0),  # years
    st.floats(0.0, 0.08),  # rate
    st.floats(0.0, 0.08),  # dividend yield
    st.floats(0.08, 1.5),  # volatility
    st.booleans(),
)
Terms = tuple[float, float, float, float, float, float, bool]


def strike_of(terms: Terms) -> float:
    spot, deviations, years, _, _, volatility, _ = terms
    return spot * math.exp(deviations * volatility * math.sqrt(years))


def quantlib(s: float, k: float, days: int, r: float, q: float, v: float, *, call: bool) -> float:
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
    option.setPricingEngine(QuantLib.QdFpAmericanEngine(process, QuantLib.QdFpAmericanEngine.highPrecisionScheme()))
    return float(option.NPV())


def test_prices_and_volatilities_agree_with_quantlibs_high_precision() -> None:
    draw, shelf = np.random.default_rng(11), Shelf()
    misses, slips = [], []
    for case in range(40):
        days, rate = int(draw.integers(3, 730)), float(draw.uniform(0.001, 0.08))
        dividend = float(draw.uniform(0.001, 0.08)) if case % 2 else 0.0
        call, years = bool(draw.random() < 0.4), days / 365
        volatility = draw.uniform(0.1, 1.2, 6)
        strike = 100 * np.exp(draw.uniform(-1.5, 1.5, 6) * volatility * math.sqrt(years))
        oracle = np.array([quantlib(100, float(k), days, rate, dividend, float(v), call=call)
                           for k, v in zip(strike, volatility, strict=True)])  # fmt: skip
        misses.append((greeks(100, strike, years, rate, dividend, volatility, call, shelf).price - oracle) / 100)
        clear = oracle - np.maximum((100 - strike) * (1 if call else -1), 0) >= 0.01
        found = implied(oracle, 100, strike, years, rate, dividend, call, shelf)
        slips.append(np.abs(found.volatility - volatility)[clear])
    miss, slip = np.concatenate(misses), np.concatenate(slips)
    assert np.abs(miss).max() <= 1e-4
    assert math.sqrt(np.mean(miss**2)) <= 1e-5
    assert len(slip) > 200
    assert np.quantile(slip, 0.99) <= 1e-4
    assert slip.max() <= 5e-4


@given(TERMS)
@settings(max_examples=12, deadline=None)
def test_the_price_equals_the_slow_tree(terms: Terms) -> None:
    spot, _, years, rate, dividend, volatility, call = terms
    strike = strike_of(terms)
    expected = twins.american(spot, strike, years, rate, dividend, volatility, call=call, steps=200)
    assert float(greeks(spot, strike, years, rate, dividend, volatility, call).price) == pytest.approx(
        expected, abs=1e-4 * (spot + strike)
    )


@pytest.mark.parametrize(
    ("years", "rate", "dividend", "volatility"),
    [(1.0, 0.05, 0.0, 0.25), (0.5, 0.05, 0.05, 0.4), (1.5, 0.02, 0.06, 0.3), (0.05, 0.04, 0.01, 0.15), (1.0, 0.05, -0.02, 0.3)],
)
def test_at_the_boundary_the_value_held_is_the_value_exercised(
    years: float, rate: float, dividend: float, volatility: float
) -> None:
    boundary = find(years, rate, dividend, is_call=False)
    place = round(math.log(volatility / kernel_exercise.LOWEST) / kernel_exercise.SPACING)
    v = kernel_exercise.LOWEST * math.exp(kernel_exercise.SPACING * place)

    def critical(left: float) -> float:
        table = boundary.table(left)
        return math.exp(table[4 + place, -1])

    steps, total = 400, 0.0
    spot = critical(years)
    for j in range(steps):  # the premium by the midpoint rule in plain Python
        root = math.sqrt(years) * (j + 0.5) / steps
        u = root * root
        d1 = (math.log(spot / critical(years - u)) + (rate - dividend + v * v / 2) * u) / (v * root)
        step = 2 * root * math.sqrt(years) / steps
        total += step * rate * math.exp(-rate * u) * twins.normal(v * root - d1)
        total -= step * dividend * spot * math.exp(-dividend * u) * twins.normal(-d1)
    held = twins.european(spot, 1.0, years, rate, dividend, v, call=False)["price"] + total
    assert held == pytest.approx(1 - spot, abs=2e-6)


def test_the_greeks_agree_with_central_differences_in_ladders_of_128_spots() -> None:
    draw, shelf = np.random.default_rng(12), Shelf()
    for case in range(16):
        years, rate = float(draw.uniform(0.02, 1.9)), float(draw.uniform(0.001, 0.08))
        dividend = float(draw.uniform(0.001, 0.08)) if case % 2 else 0.0
        call, v = bool(draw.random() < 0.4), float(draw.uniform(0.15, 1.2))
        width = v * math.sqrt(years)
        spots, strike = 100 * np.exp(np.linspace(-2, 2, 128) * width), 100.0

        def price(s: np.ndarray, t: float = years, v: float = v) -> np.ndarray:
            return greeks(s, strike, t, rate, dividend, v, call, shelf).price  # noqa: B023 - called within the turn

        found = greeks(spots, strike, years, rate, dividend, v, call, shelf)
        h = 2e-3 * width * spots
        down, here, up = price(spots - h), price(spots), price(spots + h)
        alive = (found.gamma > 0) & (greeks(spots * (1 + 8e-3 * width), strike, years, rate, dividend, v, call, shelf).gamma > 0)
        alive &= greeks(spots * (1 - 8e-3 * width), strike, years, rate, dividend, v, call, shelf).gamma > 0
        vega = (price(spots, v=v + 1e-3) - price(spots, v=v - 1e-3)) / 0.2
        theta = -(price(spots, t=years * 1.001) - price(spots, t=years * 0.999)) / (0.002 * years * 365)
        for name, ours, theirs in (
            ("delta", found.delta, (up - down) / (2 * h)),
            ("gamma", found.gamma * spots * width, (up - 2 * here + down) / h**2 * spots * width),
            ("vega", found.vega / spots, vega / spots),
            ("theta", found.theta / spots, theta / spots),
        ):
            assert np.abs(ours - theirs)[alive].max() <= 1e-4, (name, case)


@given(TERMS)
@settings(max_examples=60, deadline=None)
def test_bounds_monotony_convexity_and_early_exercise_never_costs(terms: Terms) -> None:
    spot, _, years, rate, dividend, volatility, call = terms
    strike, sign, shelf = strike_of(terms), (1 if call else -1), Shelf()
    noise = 2e-6 * (spot + strike)

    def price(strikes: object = strike, v: float = volatility, t: float = years) -> np.ndarray:
        return greeks(spot, strikes, t, rate, dividend, v, call, shelf).price  # type: ignore[arg-type]  # numbers or arrays

    value = float(price())
    assert value >= sign * (spot - strike) - noise
    assert value >= twins.european(spot, strike, years, rate, dividend, volatility, call=call)["price"] - noise
    assert value <= (spot if call else strike) + noise
    assert price(v=volatility * 1.02) >= value - noise
    assert price(t=years * 1.02) >= value - noise
    ladder = price(strikes=strike * np.array([0.97, 1.0, 1.03]))
    assert (np.diff(ladder) * -sign >= -noise).all()
    assert ladder[0] - 2 * ladder[1] + ladder[2] >= -noise


@given(TERMS)
@settings(max_examples=60, deadline=None)
def test_a_call_is_the_put_with_spot_and_strike_and_rate_and_yield_exchanged(terms: Terms) -> None:
    spot, _, years, rate, dividend, volatility, _ = terms
    strike = strike_of(terms)
    call = greeks(spot, strike, years, rate, dividend, volatility, True)
    put = greeks(strike, spot, years, dividend, rate, volatility, False)
    assert float(call.price) == pytest.approx(float(put.price), abs=1e-9 * (spot + strike))
    assert float(call.vega) == pytest.approx(float(put.vega), abs=1e-9 * (spot + strike))


@given(TERMS)
@settings(max_examples=60, deadline=None)
def test_the_implied_volatility_gives_the_price_back(terms: Terms) -> None:
    spot, _, years, rate, dividend, volatility, call = terms
    strike, shelf = strike_of(terms), Shelf()
    value = float(greeks(spot, strike, years, rate, dividend, volatility, call, shelf).price)
    found = implied(value, spot, strike, years, rate, dividend, call, shelf)
    floor = max((spot - strike) * (1 if call else -1), 0.0)
    if value > floor + 1e-4 * spot:
        assert found.reason == Reason.OK
        assert float(found.price) == pytest.approx(value, abs=1e-9 * (spot + strike))


def test_rights_that_are_never_exercised_early_are_european() -> None:
    found = greeks(100.0, [90.0, 110.0], 0.5, 0.04, 0.0, 0.3, True)
    expected = [twins.european(100.0, k, 0.5, 0.04, 0.0, 0.3, call=True) for k in (90.0, 110.0)]
    assert found.price.tolist() == pytest.approx([row["price"] for row in expected], rel=1e-12)
    assert early_of(0.5, 0.0, 0.02) is Early.NEVER
    assert early_of(0.5, -0.01, 0.02) is Early.NEVER
    assert early_of(0.5, 0.01, 0.02) is Early.ONCE
    assert early_of(0.5, -0.02, -0.05) is Early.TWICE


def test_two_boundaries_are_left_to_the_tree() -> None:
    found = greeks(100.0, 100.0, 1.0, -0.02, -0.05, 0.3, False)
    assert float(found.price) == pytest.approx(twins.american(100, 100, 1.0, -0.02, -0.05, 0.3, call=False), abs=0.05)
    again = implied(found.price, 100.0, 100.0, 1.0, -0.02, -0.05, False)
    assert float(again.volatility) == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ((5.0, math.nan, 100.0, 0.5), Reason.MISSING),
        ((math.inf, 100.0, 100.0, 0.5), Reason.MISSING),
        ((5.0, 100.0, 0.0, 0.5), Reason.NOT_POSITIVE),
        ((5.0, -1.0, 100.0, 0.5), Reason.NOT_POSITIVE),
        ((5.0, 100.0, 100.0, 0.0), Reason.EXPIRED),
        ((5.0, 100.0, 100.0, -1.0), Reason.EXPIRED),
        ((5.0, 100.0, 100.0, math.nan), Reason.MISSING),
        ((5.0, 100.0, 100.0, 400.0), Reason.FAR_OUT),
        ((9.0, 100.0, 110.0, 0.5), Reason.BELOW_BOUND),
        ((10.0, 100.0, 110.0, 0.5), Reason.NO_TIME_VALUE),
        ((110.0, 100.0, 110.0, 0.5), Reason.ABOVE_BOUND),
        ((109.99, 100.0, 110.0, 0.5), Reason.NO_VOLATILITY),
    ],
)
def test_a_row_without_an_answer_says_why_and_disturbs_nobody(terms: tuple[float, ...], reason: Reason) -> None:
    rows = np.array([(12.0, 100.0, 105.0, 0.5), terms, (12.0, 100.0, 105.0, 0.5)])
    found = implied(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], 0.04, 0.01, False)
    assert Reason(found.reason[1]) is reason
    assert all(np.isnan(column[1]) for column in (found.volatility, *found[2:]))
    assert found.volatility[0] == found.volatility[2] > 0


def test_a_volatility_outside_of_the_table_is_refused_and_one_of_500_percent_is_not() -> None:
    found = greeks(100.0, 100.0, 0.5, 0.04, 0.01, [0.0, -0.1, 5.0, 20.0], False)
    assert [Reason(code) for code in found.reason] == [
        Reason.BAD_VOLATILITY,
        Reason.BAD_VOLATILITY,
        Reason.OK,
        Reason.BAD_VOLATILITY,
    ]
    assert np.isfinite(found.price).tolist() == [False, False, True, False]


def test_a_boundary_is_found_once_and_serves_the_whole_day() -> None:
    shelf = Shelf()
    first = shelf.boundary(0.26, 0.04, 0.01, is_call=False)
    assert shelf.boundary(0.255, 0.04, 0.01, is_call=False) is first
    assert shelf.boundary(0.26, 0.04, 0.01, is_call=True) is not first
    own, strikes = Shelf(), np.linspace(60, 150, 91)
    own.kept[0.04, 0.01, False, -3] = find(0.26, 0.04, 0.01, is_call=False)
    shared, exact = (greeks(100.0, strikes, 0.26, 0.04, 0.01, 0.4, False, each).price for each in (shelf, own))
    np.testing.assert_allclose(shared, exact, atol=1e-4)


def test_both_kernels_write_out_the_same_powers_of_two() -> None:
    for x in (-700.0, -50.0, -1.0, -1e-9, 0.0):
        assert kernel_exercise.exponential(x) == pytest.approx(kernel_european.exponential(x), rel=2e-11)
