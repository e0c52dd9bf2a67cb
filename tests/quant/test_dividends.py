"""American rights with cash dividends: QuantLib's finite differences, a slow twin, its own differences and no-arbitrage rules."""

import math

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from core.quant import exercise
from core.quant.dividends import Dividend, Question, greeks, implied, present_value
from core.quant.reasons import Reason
from tests.quant import twins

Engine = QuantLib.FdBlackScholesVanillaEngine


def finite(
    s: float, k: float, days: int, r: float, v: float, dividends: list[tuple[int, float]], *, call: bool, model: int
) -> QuantLib.VanillaOption:
    """Finite differences on 800 steps and 400 prices."""
    today = QuantLib.Date(15, 6, 2026)
    QuantLib.Settings.instance().evaluationDate = today
    count = QuantLib.Actual365Fixed()
    process = QuantLib.BlackScholesMertonProcess(
        QuantLib.QuoteHandle(QuantLib.SimpleQuote(s)),
        QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, 0.0, count)),
        QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, r, count)),
        QuantLib.BlackVolTermStructureHandle(QuantLib.BlackConstantVol(today, QuantLib.NullCalendar(), v, count)),
    )
    payoff = QuantLib.PlainVanillaPayoff(QuantLib.Option.Call if call else QuantLib.Option.Put, k)
    option = QuantLib.VanillaOption(payoff, QuantLib.AmericanExercise(today, today + days))
    vector = QuantLib.DividendVector([today + day for day, _ in dividends], [cash for _, cash in dividends])
    option.setPricingEngine(Engine(process, vector, 800, 400, 0, QuantLib.FdmSchemeDesc.Douglas(), False, -1.0, model))
    return option


def cases(count: int, seed: int) -> list[tuple[float, int, float, float, list[tuple[int, float]], bool]]:
    draw = np.random.default_rng(seed)
    found: list[tuple[float, int, float, float, list[tuple[int, float]], bool]] = []
    while len(found) < count:
        days, first = int(draw.integers(20, 720)), int(draw.integers(1, 91))
        rate, v, call = float(draw.uniform(0.005, 0.07)), float(draw.uniform(0.15, 0.7)), bool(draw.random() < 0.5)
        strike = 100 * math.exp(draw.uniform(-1.5, 1.5) * v * math.sqrt(days / 365))
        if first <= days:
            found.append((strike, days, rate, v, [(day, 0.75) for day in range(first, days + 1, 91)], call))
    return found


def of_years(dividends: list[tuple[int, float]]) -> list[Dividend]:
    return [Dividend(day / 365, cash) for day, cash in dividends]


def test_prices_agree_with_finite_differences_of_the_same_model_within_3e_4_of_spot() -> None:
    misses = []
    for strike, days, rate, v, dividends, call in cases(16, 21):
        oracle = finite(100, strike, days, rate, v, dividends, call=call, model=Engine.Escrowed).NPV()
        ours = float(greeks(Question(v, 100.0, strike, days / 365, rate, 0.0, call), of_years(dividends)).price)
        misses.append((ours - oracle) / 100)
    assert np.abs(misses).max() <= 3e-4
    assert math.sqrt(np.mean(np.square(misses))) <= 1e-4


def test_the_choice_of_model_moves_prices_more_than_the_arithmetic() -> None:
    moved = []
    for strike, days, rate, v, dividends, call in cases(10, 22):
        spot = finite(100, strike, days, rate, v, dividends, call=call, model=Engine.Spot).NPV()
        ours = float(greeks(Question(v, 100.0, strike, days / 365, rate, 0.0, call), of_years(dividends)).price)
        moved.append(abs(ours - spot) / 100)
    assert 3e-4 < max(moved) < 2e-2


@pytest.mark.parametrize("case", cases(6, 23))
def test_the_price_equals_the_slow_tree(case: tuple[float, int, float, float, list[tuple[int, float]], bool]) -> None:
    strike, days, rate, v, dividends, call = case
    years = days / 365
    expected = twins.escrowed(100, strike, years, rate, v, [(day / 365, cash) for day, cash in dividends], call=call, steps=400)
    ours = float(greeks(Question(v, 100.0, strike, years, rate, 0.0, call), of_years(dividends)).price)
    assert ours == pytest.approx(expected, abs=0.06)


TERMS = st.tuples(
    st.floats(0.8, 1.25),  # strike over spot
    st.floats(0.05, 1.5),  # years
    st.floats(0.0, 0.07),  # rate
    st.floats(0.12, 1.0),  # volatility
    st.floats(0.01, 2.0),  # dividend
    st.floats(0.01, 1.2),  # years to the ex day
    st.booleans(),
)


@given(TERMS)
@settings(max_examples=80, deadline=None)
def test_the_implied_volatility_gives_the_price_back(terms: tuple[float, float, float, float, float, float, bool]) -> None:
    strike, years, rate, v, cash, day, call = terms
    dividends = [Dividend(day, cash), Dividend(day + 0.25, cash)]
    question = Question(v, 100.0, 100 * strike, years, rate, 0.0, call)
    price = float(greeks(question, dividends).price)
    found = implied(question._replace(known=price), dividends)
    quiet = float(greeks(question._replace(known=0.02), dividends).price)  # what all but a certain future is worth
    if price > quiet + 0.05:
        assert found.reason == Reason.OK
        assert float(found.price) == pytest.approx(price, abs=1e-6)


@given(TERMS)
@settings(max_examples=80, deadline=None)
def test_bounds_hold_and_early_exercise_never_costs(terms: tuple[float, float, float, float, float, float, bool]) -> None:
    strike, years, rate, v, cash, day, call = terms
    dividends, k, noise = [Dividend(day, cash)], 100 * strike, 0.03
    clean = 100.0 - float(present_value(dividends, years, rate))
    value = float(greeks(Question(v, 100.0, k, years, rate, 0.0, call), dividends).price)
    european = twins.european(clean, k, years, rate, 0.0, v, call=call)["price"]
    assert value >= max((100 - k) * (1 if call else -1), european) - noise
    assert value <= (100.0 if call else k) + noise
    higher = float(greeks(Question(v * 1.1, 100.0, k, years, rate, 0.0, call), dividends).price)
    assert higher >= value - noise


def test_without_a_dividend_before_expiry_the_boundary_answers() -> None:
    question = Question([0.3, 0.3], 100.0, [95.0, 105.0], [0.2, 0.6], 0.04, 0.0, [True, False])
    late = greeks(question, [Dividend(0.7, 1.0), Dividend(-0.1, 1.0), Dividend(0.1, 0.0)])
    plain = exercise.greeks(100.0, [95.0, 105.0], [0.2, 0.6], 0.04, 0.0, 0.3, [True, False])
    assert late.price.tolist() == plain.price.tolist()
    some = greeks(question, [Dividend(0.3, 1.0)])
    assert some.price[0] == plain.price[0]
    assert some.price[1] > plain.price[1]


def test_a_call_is_exercised_before_a_dividend_that_is_worth_more_than_its_time() -> None:
    tomorrow = [Dividend(1 / 365, 3.0)]
    value = float(greeks(Question(0.15, 100.0, 70.0, 0.1, 0.04, 0.0, True), tomorrow).price)
    assert value == pytest.approx(100 - 70 * math.exp(-0.04 / 365), abs=1e-3)


def test_the_greeks_agree_with_finite_differences_and_vega_with_central_ones() -> None:
    days, rate = [(36, 0.75), (128, 0.75)], 0.04
    strikes = np.linspace(85, 120, 8)
    for v, call in ((0.2, True), (0.4, False)):
        found = greeks(Question(v, 100.0, strikes, 182 / 365, rate, 0.0, call), of_years(days))
        oracles = [finite(100.0, float(strike), 182, rate, v, days, call=call, model=Engine.Escrowed) for strike in strikes]
        assert np.abs(found.delta - [oracle.delta() for oracle in oracles]).max() <= 2e-4
        assert np.abs(found.gamma - [oracle.gamma() for oracle in oracles]).max() * 100 <= 0.006
        assert np.abs(found.theta - [oracle.theta() / 365 for oracle in oracles]).max() / 100 <= 1e-5
        up, down = (
            greeks(Question(v + step, 100.0, strikes, 182 / 365, rate, 0.0, call), of_years(days)).price for step in (0.004, -0.004)
        )
        assert np.abs(found.vega - (up - down) / 0.8).max() / 100 <= 1e-4


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((0.5, 2.0, 100.0, 0.5), Reason.DIVIDENDS),
        ((5.0, math.nan, 100.0, 0.5), Reason.MISSING),
        ((5.0, 100.0, 0.0, 0.5), Reason.NOT_POSITIVE),
        ((5.0, 100.0, 100.0, 0.0), Reason.EXPIRED),
        ((9.0, 100.0, 110.0, 0.5), Reason.BELOW_BOUND),
        ((110.0, 100.0, 110.0, 0.5), Reason.ABOVE_BOUND),
        ((math.inf, 100.0, 110.0, 0.5), Reason.MISSING),
        ((5.0, 100.0, 100.0, 90.0), Reason.FAR_OUT),
    ],
)
def test_a_row_without_an_answer_says_why_and_disturbs_nobody(row: tuple[float, ...], reason: Reason) -> None:
    good = (9.0, 100.0, 100.0, 0.5)
    price, spot, strike, years = np.array([good, row, good]).T
    found = implied(
        Question(price, spot, strike, years, 0.2 if reason is Reason.FAR_OUT else 0.04, 0.0, False), [Dividend(0.2, 3.0)]
    )
    assert Reason(found.reason[1]) is reason
    assert all(np.isnan(column[1]) for column in (found.volatility, *found[2:]))
    assert found.volatility[0] == found.volatility[2] > 0
