"""Rows of whole chains: one of 5,000 contracts to its surface, a market of 1.5 million quotes, a stress grid."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from core.market.chains import years_to
from core.model.instruments import Option, Right
from core.model.market import Chain
from core.options import stress
from core.options.surface import Surface
from core.options.surface_build import build
from core.options.surface_quotes import QuoteRules, Terms
from core.quant import (
    curve,
    dividends,
    european,
    kernel_american,
    kernel_boundary,
    kernel_dividends,
    kernel_european,
    kernel_exercise,
)
from core.quant.dividends import Dividend, Question
from core.quant.exercise import Shelf
from tests.bench.report import Row, progress

NOW = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
KERNELS: tuple[Any, ...] = (
    kernel_american.prices,
    kernel_american.all_greeks,
    kernel_american.implied_all,
    kernel_boundary.solve,
    kernel_boundary.spread,
    kernel_dividends.work_off,
    kernel_european.analyse,
    kernel_european.evaluate,
    kernel_exercise.slice_of,
)


def compiled() -> int:
    """How many kernels have been compiled, counting each set of argument types."""
    return sum(len(kernel.signatures) for kernel in KERNELS)


def chain(symbol: str, spot: float, expiries: int, strikes: int, paid: tuple[Dividend, ...] = ()) -> Chain:
    """Quotes of a skewed smile at a rate of 4 %, half a percent wide, at so many monthly expiries and strikes."""
    days = [date(2026, 3, 20) + timedelta(days=28 * place) for place in range(expiries)]
    contracts, mids = [], []
    shelf = Shelf()
    for day in days:
        years = years_to(day, NOW)
        ladder = np.round(spot * np.exp(np.linspace(-1, 1, strikes) * 0.9 * np.sqrt(years)), 1)
        sigma = 0.3 - 0.1 * np.log(ladder / spot) + 0.05 * np.log(ladder / spot) ** 2
        for right in Right:
            question = Question(sigma, spot, ladder, years, 0.04, 0.0, right is Right.CALL)
            mids.append(dividends.greeks(question, paid, shelf).price)
            contracts += [Option(symbol, day, right, Decimal(str(strike))) for strike in ladder]
    mid = np.concatenate(mids)
    half = np.maximum(0.0025 * mid, 0.005)
    nothing, size = np.full(len(mid), np.nan), np.full(len(mid), 10.0)
    greeks = (nothing,) * 7
    return Chain(symbol, NOW, spot, 0.04, 0.0, tuple(contracts), np.maximum(mid - half, 0.0), mid + half, size, size, *greeks)


def chain_rows(quick: bool) -> Iterator[Row]:
    """From quotes to flags, forwards, volatilities, Greeks and smiles."""
    progress("a chain of 5,000 contracts")
    del quick
    for name, paid in (("no dividend", ()), ("quarterly cash dividends", tuple(Dividend(0.1 + 0.25 * i, 0.5) for i in range(6)))):
        made, shelf, terms = chain("BIG", 100.0, 20, 125, paid), Shelf(), Terms(curve.flat(0.04), paid)
        begun = time.process_time()
        build(made, terms, NOW, QuoteRules(), shelf)
        first = time.process_time() - begun
        begun = time.process_time()
        surface = build(made, terms, NOW, QuoteRules(), shelf)
        again = time.process_time() - begun
        mixed = f"20 expiries × 125 strikes × both sides, {name}; {int((surface.flaws == 0).sum()):,} without a flaw"
        yield Row(f"{len(made.contracts):,} contracts to a surface, {name}", again * 1e3, "ms", mixed)
        yield Row("  the first time, boundaries included", first * 1e3, "ms", f"{len(shelf.kept)} boundaries")


def market_rows(quick: bool) -> Iterator[Row]:
    """A whole market: volatility, price and Greeks of every quote on one core."""
    count = 150_000 if quick else 1_500_000
    progress(f"a market of {count:,} quotes")
    draw, shelf = np.random.default_rng(6), Shelf()
    lives = np.sort(draw.uniform(3 / 365, 1.8, 30))
    parts = (("index, European", 0.08), ("calls without dividend", 0.32), ("puts without dividend", 0.40), ("cash dividend", 0.20))
    total, told, quotes = 0.0, [], 0
    for name, share in parts:
        rows = round(count * share)
        years = np.sort(lives[draw.integers(0, 30, rows)])
        volatility, spot = draw.uniform(0.15, 0.9, rows), draw.uniform(10, 500, rows)
        strike = spot * np.exp(draw.uniform(-1.5, 1.5, rows) * volatility * np.sqrt(years))
        call = np.zeros(rows, np.bool_) if name == "puts without dividend" else np.ones(rows, np.bool_)
        paid = [Dividend(0.005, 0.1)] if name == "cash dividend" else []
        question = Question(volatility, spot, strike, years, 0.04, 0.0, call)
        price = dividends.greeks(question, paid, shelf).price
        begun = time.process_time()
        if name == "index, European":
            european.implied(price, spot, strike, years, 0.04, 0.0, call)
        else:
            dividends.implied(question._replace(known=price), paid, shelf)
        spent = time.process_time() - begun
        total, quotes = total + spent, quotes + rows
        told.append(f"{share:.0%} {name} {spent:.2f} s")
    yield Row("a market of 1.5 million quotes to volatility and Greeks, one core", total * 1_500_000 / quotes, "s", "; ".join(told))
    yield Row("  quotes per second", quotes / total / 1e3, "k/s", "bytes: 120 a quote, so memory would allow 200 million a second")


def stress_rows(quick: bool) -> Iterator[Row]:
    """Positions × spots × volatilities × days."""
    progress("stress grid")
    count, made = 100 if quick else 1_000, chain("BIG", 100.0, 10, 50)
    surface: Surface = build(made, Terms(curve.flat(0.04)), NOW, QuoteRules())
    places = np.unique(np.linspace(0, len(made.contracts) - 1, count).astype(int))
    unique = [stress.Holding(made.contracts[place], 1 + place % 3) for place in places.tolist()]
    shocks, shelf = stress.usual_shocks(), Shelf()
    stress.stress(unique[:20], {"BIG": surface}, stress.Index(100.0, {}), NOW, shocks, shelf)
    begun = time.process_time()
    found = stress.stress(unique, {"BIG": surface}, stress.Index(100.0, {}), NOW, shocks, shelf)
    spent = time.process_time() - begun
    cells = len(unique) * found.profit.size
    yield Row(
        f"stress grid of {len(unique):,} positions × 25 × 9 × 5",
        spent,
        "s",
        f"{cells / spent / 1e6:.2f} M valuations a second, American; {len(found.unknown)} without a value",
    )
