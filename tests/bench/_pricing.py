"""Rows of the pricing kernels: speed against peers and the machine's peak, accuracy against oracles."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from vollib.black_scholes_merton.greeks import analytical
from vollib.black_scholes_merton.implied_volatility import implied_volatility

from core.quant import dividends, european, exercise, kernel_dividends, kernel_european, kernel_exercise
from core.quant.dividends import Dividend, Question
from core.quant.exercise import Shelf
from tests.bench import _oracles
from tests.bench.report import Row, progress

Floats = NDArray[np.float64]
#: Multiplications and additions of one row, counted from the source: two Householder steps, the guess, the Greeks; and per
#: American quote three looks at a premium of 16 points and the Greeks.
EUROPEAN_FLOPS, AMERICAN_FLOPS = 700, 14_000


@numba.njit(error_model="numpy", fastmath=True)
def _multiply_add(count: int) -> float:
    """Independent multiply-adds on 64 numbers."""
    numbers = np.full(64, 1.0)
    for _ in range(count):
        for j in range(64):
            numbers[j] = numbers[j] * 0.999999 + 1e-9
    return float(numbers.sum())


def peak() -> float:
    """Floating-point operations per second of one core, multiply-adds counted as two."""
    _multiply_add(10)
    return 128 * 200_000 / best(lambda: _multiply_add(200_000))


def share_of_peak(rate: float, flops: float) -> str:
    """Say what share of the machine's arithmetic so many rows a second use."""
    top = peak()
    return f"{rate * flops / top:.0%} of the multiply-add peak of {top / 1e9:.0f} GFLOP/s at about {flops:,} operations each"


def best(work: Callable[[], object], times: int = 5) -> float:
    """Shortest of some runs, seconds of processor time: other work on the machine does not count."""
    found = math.inf
    for _ in range(times):
        begun = time.process_time()
        work()
        found = min(found, time.process_time() - begun)
    return found


def mix(count: int, seed: int) -> tuple[NDArray[Any], ...]:
    """Spot 5-500, 2 days to 2 years, volatility 10-120 %, half without yield, strikes to three deviations, half calls."""
    draw = np.random.default_rng(seed)
    spot, years, volatility = draw.uniform(5, 500, count), draw.uniform(2 / 365, 2, count), draw.uniform(0.1, 1.2, count)
    rate, share_rate = draw.uniform(0, 0.06, count), np.where(draw.random(count) < 0.5, 0, draw.uniform(0, 0.05, count))
    strike = spot * np.exp(draw.uniform(-3, 3, count) * volatility * np.sqrt(years))
    return spot, strike, years, rate, share_rate, volatility, draw.random(count) < 0.5


def european_rows(quick: bool) -> Iterator[Row]:
    """European volatility and Greeks."""
    progress("European kernel")
    count = 200_000 if quick else 1_000_000
    spot, strike, years, rate, share_rate, volatility, call = mix(count, 1)
    price = european.greeks(spot, strike, years, rate, share_rate, volatility, call).price
    terms, _ = european.columns(call, price, spot, strike, years, rate, share_rate)
    found, reason, out = np.empty(count), np.empty(count, np.uint8), np.empty((6, count))
    kernel_european.analyse(terms, found, reason, out)
    sample = np.flatnonzero(price > 0.01)[:300]

    def scalar() -> None:
        for i in sample:
            row = (spot[i], strike[i], years[i], rate[i])
            letter = "c" if call[i] else "p"
            v = implied_volatility(price[i], *row, share_rate[i], letter)
            for greek in (analytical.delta, analytical.gamma, analytical.vega, analytical.theta, analytical.rho):
                greek(letter, *row, v, share_rate[i])

    theirs = len(sample) / best(scalar, 2)
    ours = count / best(lambda: kernel_european.analyse(terms, found, reason, out), 7)
    theirs = max(theirs, len(sample) / best(scalar, 2))
    limit = share_of_peak(ours, EUROPEAN_FLOPS)
    yield Row.promised("European volatility and 5 Greeks over vollib's scalar loop", ours / theirs, "×", ">= 300", limit)
    yield Row("  rows per second, aim 14 million", ours / 1e6, "M/s", f"vollib {theirs / 1e3:.0f} k/s")
    whole = count / best(lambda: european.implied(price, spot, strike, years, rate, share_rate, call), 3)
    yield Row("  the same through the public function, all 8 Greeks", whole / 1e6, "M/s", "copies and broadcasts included")
    inside = np.where(call, 1, -1) * (spot * np.exp(-share_rate * years) - strike * np.exp(-rate * years))
    clear = price - np.maximum(inside, 0) >= 0.005
    miss = float(np.abs(found - volatility)[clear].max())
    yield Row.promised(
        "European volatility: largest miss", miss, "", "<= 1e-11", f"{int(clear.sum()):,} rows with time value of half a cent"
    )


def american_rows(quick: bool) -> Iterator[Row]:
    """American volatility and Greeks with a yield."""
    progress("American kernel")
    count = 4_000 if quick else 40_000
    spot, rate, share_rate = 100.0, 0.05, 0.02
    draw, shelf = np.random.default_rng(2), Shelf()
    years = np.repeat(draw.uniform(5 / 365, 1.9, 20), count // 20)
    call = np.repeat(np.arange(20) % 2 == 0, count // 20)
    volatility = draw.uniform(0.1, 1.0, count)
    strike = spot * np.exp(draw.uniform(-1.5, 1.5, count) * volatility * np.sqrt(years))
    price = exercise.greeks(spot, strike, years, rate, share_rate, volatility, call, shelf).price
    sample = np.flatnonzero(price - np.maximum(np.where(call, spot - strike, strike - spot), 0) > 0.05)[:: count // 40]

    def theirs() -> None:
        for i in sample:
            _oracles.implied(price[i], spot, strike[i], max(round(years[i] * 365), 1), (rate, share_rate), is_call=bool(call[i]))

    slow = len(sample) / best(theirs, 1)
    fast = count / best(lambda: exercise.implied(price, spot, strike, years, rate, share_rate, call, shelf))
    top = peak()
    limit = (
        f"{fast * AMERICAN_FLOPS / top:.0%} of the peak of {top / 1e9:.0f} GFLOP/s at about {AMERICAN_FLOPS:,} operations a quote"
    )
    yield Row.promised("American volatility and 4 Greeks over QuantLib's volatility", fast / slow, "×", ">= 800", limit)
    yield Row("  quotes per second, aim 1 million", fast / 1e6, "M/s", f"QuantLib {slow:.0f}/s; 20 expiries, tables ready")
    one = best(lambda: exercise.find(1.0, rate, share_rate, is_call=False), 3)
    yield Row("  one boundary (rate, yield, side): 31 volatilities", one * 1e3, "ms", "serves every strike and life all day")
    boundary = shelf.boundary(0.9, rate, share_rate, is_call=False)
    yield Row("  its table for one expiry", best(lambda: boundary.table(0.8)) * 1e6, "µs", f"{kernel_exercise.COUNT} × 17 numbers")
    yield from _american_accuracy(quick)


def _american_accuracy(quick: bool) -> Iterator[Row]:
    """Against QuantLib's high precision, rates and yields to 8 %, 3 days to 2 years, volatility 10 to 120 %."""
    progress("American accuracy against QuantLib")
    draw, shelf = np.random.default_rng(3), Shelf()
    misses, slips = [], []
    for case in range(20 if quick else 120):
        days, rate = int(draw.integers(3, 730)), float(draw.uniform(0.001, 0.08))
        share_rate, call = (float(draw.uniform(0.001, 0.08)) if case % 2 else 0.0), bool(draw.random() < 0.4)
        volatility = draw.uniform(0.1, 1.2, 8)
        strike = 100 * np.exp(draw.uniform(-1.5, 1.5, 8) * volatility * math.sqrt(days / 365))
        exact = np.array(
            [
                _oracles.exact_price(100.0, float(k), days, (rate, share_rate, float(v)), is_call=call)
                for k, v in zip(strike, volatility, strict=True)
            ]
        )
        misses.append((exercise.greeks(100.0, strike, days / 365, rate, share_rate, volatility, call, shelf).price - exact) / 100)
        clear = exact - np.maximum((100 - strike) * (1 if call else -1), 0) >= 0.01
        slips.append(
            np.abs(exercise.implied(exact, 100.0, strike, days / 365, rate, share_rate, call, shelf).volatility - volatility)[clear]
        )
    miss, slip = np.concatenate(misses), np.concatenate(slips)
    beside = f"{len(miss)} prices of QuantLib's high-precision boundary engine"
    yield Row.promised("American price: largest miss over spot", float(np.abs(miss).max()), "", "<= 1e-4", beside)
    yield Row.promised("  root mean square", math.sqrt(float(np.mean(miss**2))), "", "<= 1e-5", beside)
    beside = f"{len(slip)} quotes with time value of a cent"
    yield Row.promised("American volatility: 99th percentile of the miss", float(np.quantile(slip, 0.99)), "", "<= 1e-4", beside)
    yield Row.promised("  largest", float(slip.max()), "", "<= 5e-4", beside)


def dividend_rows(quick: bool) -> Iterator[Row]:
    """American prices and volatilities with quarterly cash dividends."""
    progress("cash dividends")
    count = 1_000 if quick else 10_000
    draw = np.random.default_rng(4)
    paid = [(36 + 91 * place, 0.75) for place in range(8)]
    listed = [Dividend(day / 365, cash) for day, cash in paid]
    years = np.repeat(draw.integers(40, 700, 10) / 365, count // 10)
    volatility = draw.uniform(0.15, 0.6, count)
    strike = 100 * np.exp(draw.uniform(-1, 1, count) * volatility * np.sqrt(years))
    question = Question(volatility, 100.0, strike, years, 0.04, 0.0, is_call=False)
    price = dividends.greeks(question, listed).price
    terms, _ = european.columns(False, volatility, 100.0, strike, years, 0.04, 0.0)
    days, cash = np.array([one.years for one in listed]), np.array([one.cash for one in listed])
    one, codes, out, none = np.empty(count), np.empty(count, np.uint8), np.empty((1, count)), np.full(count, np.nan)
    work = kernel_dividends.work_off
    work(terms, days, cash, none, 0, one, codes, out)

    def theirs() -> None:
        for i in range(0, count, count // 20):
            _oracles.escrowed(100.0, strike[i], round(years[i] * 365), (0.04, volatility[i]), paid, (100, 100))

    slow = 20 / best(theirs, 2)
    fast = count / best(lambda: work(terms, days, cash, none, 0, one, codes, out), 3)
    limit = share_of_peak(fast, 4 * kernel_dividends.STEPS**2 // 2)
    yield Row.promised("prices with cash dividends over QuantLib's finite differences 100 × 100", fast / slow, "×", ">= 500", limit)
    yield Row("  prices per second", fast / 1e3, "k/s", f"QuantLib {slow:.0f}/s, same escrowed model")
    again = count / best(lambda: dividends.implied(question._replace(known=price), listed), 2)
    yield Row("  volatility, price and 4 Greeks with cash dividends", again / 1e3, "k/s", "eight trees a quote or so")
    sample = np.arange(0, count, count // (10 if quick else 40))
    exact = [_oracles.escrowed(100.0, strike[i], round(years[i] * 365), (0.04, volatility[i]), paid, (800, 400)) for i in sample]
    miss = float(np.abs(price[sample] - exact).max()) / 100
    yield Row.promised("price with cash dividends: largest miss over spot", miss, "", "<= 3e-4", "finite differences 800 × 400")
