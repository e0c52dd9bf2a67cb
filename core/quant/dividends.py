"""American options with cash dividends before expiry: one model, price, Greeks and implied volatility of one underlying's options.

The model is the escrowed one (see `kernel_dividends`): volatility is that of the spot less the present value of the dividends to
be paid before expiry. Against finite differences of the same model prices miss by less than 3e-4 of spot. A model in which the spot
itself has the volatility and jumps down by each dividend gives prices that differ by up to 1 % of spot at the same number of
volatility: quote volatilities of one model only. Contracts without a dividend before expiry go to `core.quant.exercise`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from core.model.market import Floats
from core.quant import american, european, exercise
from core.quant import kernel_dividends as kernel
from core.quant.exercise import Analysis, Shelf


class Dividend(NamedTuple):
    """A cash dividend: years from now until the share goes ex, and dollars per share; `known` False: estimated."""

    years: float
    cash: float
    known: bool = True


class Question(NamedTuple):
    """Contracts of one underlying, broadcast against each other; `known` is the price or the volatility of each."""

    known: ArrayLike
    spot: ArrayLike
    strike: ArrayLike
    years: ArrayLike
    rate: ArrayLike
    dividend_yield: ArrayLike
    is_call: ArrayLike


def implied(question: Question, dividends: Sequence[Dividend], shelf: Shelf | None = None) -> Analysis:
    """Volatility at which the model gives each price, and price and Greeks there.

    Parameters
    ----------
    question : Question
        Known are prices. The yield is only the cost of borrowing the share (and any dividends not in the list).
    dividends : sequence of Dividend
        Those without cash, in the past or after a contract's expiry do nothing.

    Returns
    -------
    Analysis
        As of `core.quant.exercise`; DIVIDENDS where they are worth as much as the share.
    """
    return _answer(question, dividends, shelf or Shelf(), solve=True)


def greeks(question: Question, dividends: Sequence[Dividend], shelf: Shelf | None = None) -> Analysis:
    """Price and Greeks at known volatilities; otherwise as `implied`."""
    return _answer(question, dividends, shelf or Shelf(), solve=False)


def present_value(dividends: Sequence[Dividend], years: ArrayLike, rate: ArrayLike) -> Floats:
    """Worth today of what is paid in each span of years, dollars per share."""
    total = np.zeros(np.broadcast(np.asarray(years), np.asarray(rate)).shape)
    for dividend in dividends:
        due = (dividend.years > 0) & (dividend.years <= np.asarray(years))
        total += np.where(due, dividend.cash * np.exp(-np.asarray(rate) * dividend.years), 0.0)
    return total


def warm() -> None:
    """Compile the kernels of all option models, or load them from the cache, so that no question is the slow one."""
    soon = [Dividend(0.1, 1.0)]
    for dividends in ([], soon):
        found = greeks(Question(0.3, 100.0, [95.0, 105.0], 0.25, 0.04, 0.01, [True, False]), dividends)
        implied(Question(found.price, 100.0, [95.0, 105.0], 0.25, 0.04, 0.01, [True, False]), dividends)
    seen = european.greeks(100.0, 100.0, 0.25, 0.04, 0.01, 0.3, is_call=True)
    european.implied(seen.price, 100.0, 100.0, 0.25, 0.04, 0.01, is_call=True)
    american.warm()


def _answer(question: Question, dividends: Sequence[Dividend], shelf: Shelf, *, solve: bool) -> Analysis:
    """Send each row to the model that it needs."""
    known, spot, strike, years, rate, dividend_yield, is_call = question
    terms, shape = european.columns(is_call, known, spot, strike, years, rate, dividend_yield)
    paid = [dividend for dividend in dividends if dividend.cash > 0 and dividend.years > 0]
    paid.sort()
    first = paid[0].years if paid else np.inf
    with np.errstate(invalid="ignore"):
        cash = terms[3] >= first
    if not cash.any():
        return exercise.answer(terms, shape, shelf, solve=solve)
    out, reason, volatility = np.full((5, len(cash)), np.nan), np.zeros(len(cash), np.uint8), np.full(len(cash), np.nan)
    if not cash.all():
        rest = exercise.answer(np.ascontiguousarray(terms[:, ~cash]), (int((~cash).sum()),), shelf, solve=solve)
        volatility[~cash], reason[~cash], out[:, ~cash] = rest.volatility, rest.reason, np.stack(rest[2:])
    rows = np.ascontiguousarray(terms[:, cash])
    found, codes, greeks_ = np.empty(rows.shape[1]), np.empty(rows.shape[1], np.uint8), np.empty((5, rows.shape[1]))
    days, dollars = np.array([one.years for one in paid]), np.array([one.cash for one in paid])
    kernel.work_off(rows, days, dollars, _starts(rows, paid, solve=solve), int(solve), found, codes, greeks_)
    volatility[cash], reason[cash], out[:, cash] = found, codes, greeks_
    return Analysis(volatility.reshape(shape), reason.reshape(shape), *out.reshape((5, *shape)))


def _starts(rows: Floats, dividends: Sequence[Dividend], *, solve: bool) -> Floats:
    """European volatility of each price with the dividends taken off the spot."""
    if not solve:
        return np.full(rows.shape[1], np.nan)
    price, spot, strike, years, rate, dividend_yield, sign = rows
    clean = spot - present_value(dividends, years, rate)
    return european.implied(price, clean, strike, years, rate, dividend_yield, sign > 0).volatility
