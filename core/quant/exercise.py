"""American options with a continuous dividend yield by their exercise boundary: implied volatility, price and Greeks of chains.

A boundary depends on rate, yield and side alone, so it is found once for the longest life asked for (a few milliseconds) and then
serves every strike, spot, volatility and shorter life; a `Shelf` keeps those of one process. Conventions are those of
`core.quant.european`. Against QuantLib's exact engine prices miss by less than 1e-5 of spot. For one contract at one known
volatility `core.quant.american` is quicker (a tree of 101 steps that misses by up to 7e-4 of spot) and needs no boundary.
"""

import math
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from core.model.market import Floats
from core.quant import american, european
from core.quant import kernel_boundary as boundary_kernel
from core.quant import kernel_exercise as kernel
from core.quant.reasons import Reason, Reasons

#: Gauss points of the boundary's own integrals.
INNER = 32
#: Premium of early exercise, as a share of the strike, that is not looked for.
NEGLIGIBLE = 1e-9


class Early(Enum):
    """How early exercise is dealt with."""

    NEVER = "never worth it: the European formula"
    ONCE = "one boundary: the integral along it"
    TWICE = "two boundaries (a negative rate below a negative yield), or none that could be found: a tree"


class Analysis(NamedTuple):
    """Answer to a batch, arrays of the broadcast shape; NaN beside a reason; units as in `core.quant.european.Analysis`."""

    volatility: Floats
    reason: Reasons
    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """Exercise boundary of one side at one rate and yield, for every life up to `longest` years and every volatility."""

    longest: float
    rate: float
    dividend_yield: float
    is_call: bool
    early: Early
    coefficients: Floats
    rule: Floats

    def table(self, years: float) -> Floats:
        """What the kernel reads for one expiry; years at most `longest`."""
        out = np.zeros((4 + kernel.COUNT, kernel.POINTS + 1))
        rate, share_rate = _mirrored(self.rate, self.dividend_yield, is_call=self.is_call)
        if self.early is Early.ONCE:
            boundary_kernel.spread(years, self.longest, rate, share_rate, self.coefficients, self.rule, out)
        return out


def find(longest: float, rate: float, dividend_yield: float, *, is_call: bool) -> Boundary:
    """Find the boundary: 31 volatilities from 0.5 % to 900 %."""
    mine, other = _mirrored(rate, dividend_yield, is_call=is_call)
    rule = _rule()
    early, coefficients = early_of(longest, mine, other), np.zeros((kernel.COUNT, boundary_kernel.NODES + 1))
    if early is Early.ONCE:
        volatility = kernel.LOWEST * np.exp(kernel.SPACING * np.arange(kernel.COUNT))
        change = boundary_kernel.solve(longest, mine, other, volatility, rule, coefficients)
        early = early if change < 1e-4 else Early.TWICE
    return Boundary(longest, rate, dividend_yield, is_call, early, coefficients, rule)


def early_of(years: float, rate: float, dividend_yield: float) -> Early:
    """How early exercise of a put is dealt with (of a call: with rate and yield exchanged)."""
    if not (math.isfinite(rate) and math.isfinite(dividend_yield)) or years <= 0:
        return Early.NEVER
    if rate * years <= NEGLIGIBLE and dividend_yield >= min(rate, 0.0):
        return Early.NEVER
    return Early.ONCE if rate >= 0 else Early.TWICE


@dataclass(slots=True)
class Shelf:
    """Boundaries found so far, by rate, yield and side; whoever analyses chains keeps one and hands it in.

    A boundary is found for a little more than the life asked for, and again when a life is much shorter than it, because a
    polynomial in the root of time is less sharp near expiry.
    """

    kept: dict[tuple[float, float, bool, int], Boundary] = field(default_factory=dict)

    def boundary(self, years: float, rate: float, dividend_yield: float, *, is_call: bool) -> Boundary:
        """One that serves a life of so many years."""
        octave = math.ceil(2 * math.log2(max(years, 1e-6)))
        key = (rate, dividend_yield, is_call, octave)
        if key not in self.kept:
            self.kept[key] = find(2.0 ** (octave / 2), rate, dividend_yield, is_call=is_call)
        return self.kept[key]


def implied(  # noqa: PLR0913, PLR0917 - the model has these seven terms
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    shelf: Shelf | None = None,
) -> Analysis:
    """Volatility at which the model gives the price, and the Greeks there.

    Rows of one expiry and side should lie together: each change of years, rate, yield or side reads another table.
    """
    return answer(*european.columns(is_call, price, spot, strike, years, rate, dividend_yield), shelf or Shelf(), solve=True)


def greeks(  # noqa: PLR0913, PLR0917 - the model has these seven terms
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    shelf: Shelf | None = None,
) -> Analysis:
    """Price and Greeks at a known volatility between 0.5 % and 900 %."""
    return answer(*european.columns(is_call, volatility, spot, strike, years, rate, dividend_yield), shelf or Shelf(), solve=False)


def answer(terms: Floats, shape: tuple[int, ...], shelf: Shelf, *, solve: bool) -> Analysis:
    """Answer rows of `european.columns`, one run of rows that share years, rate, yield and side after the other."""
    n = terms.shape[1]
    out, reason, volatility = np.full((5, n), np.nan), np.zeros(n, np.uint8), np.full(n, np.nan)
    changes = (terms[3:, 1:] != terms[3:, :-1]).any(axis=0) if n else np.zeros(0, np.bool_)
    starts = [0, *(np.flatnonzero(changes) + 1).tolist(), n] if n else [0]
    for start, stop in pairwise(starts):
        rows = slice(start, stop)
        _run(terms[:, rows], shelf, (volatility[rows], reason[rows], out[:, rows]), solve=solve)
    return Analysis(volatility.reshape(shape), reason.reshape(shape), *out.reshape((5, *shape)))


def _run(terms: Floats, shelf: Shelf, into: tuple[Floats, Reasons, Floats], *, solve: bool) -> None:
    """Answer rows of one (expiry, side) into volatility, reason and Greeks."""
    volatility, reason, out = into
    years, rate, dividend_yield, sign = (float(term) for term in terms[3:, 0])
    if not (math.isfinite(years + rate + dividend_yield)) or years <= 0 or max(years, abs(rate), abs(dividend_yield)) > 50:
        missing = not math.isfinite(years + rate + dividend_yield)
        reason[:] = Reason.MISSING if missing else Reason.EXPIRED if years <= 0 else Reason.FAR_OUT
        return
    boundary = shelf.boundary(years, rate, dividend_yield, is_call=sign > 0)
    if boundary.early is Early.ONCE:
        # Fresh arrays: the kernel is compiled for contiguous ones alone.
        known, spot, strike, found = terms[0].copy(), terms[1].copy(), terms[2].copy(), np.empty(out.shape)
        own = np.array([years, rate, dividend_yield, sign])
        kernel.slice_of(boundary.table(years), known, spot, strike, own, int(solve), volatility, reason, found)
        out[:] = found
        return
    answer = _formula(terms, solve=solve) if boundary.early is Early.NEVER else _tree(terms, solve=solve)
    volatility[:], reason[:] = answer.volatility, answer.reason
    out[:] = answer.price, answer.delta, answer.gamma, answer.vega, answer.theta


def _formula(terms: Floats, *, solve: bool) -> Analysis:
    """Answer rows that are never exercised early."""
    found = european.answer(np.ascontiguousarray(terms), (terms.shape[1],), solve=solve)
    return Analysis(found.volatility, found.reason, found.price, found.delta, found.gamma, found.vega, found.theta)


def _tree(terms: Floats, *, solve: bool) -> Analysis:
    """Answer rows that have no single boundary."""
    known, spot, strike, years, rate, dividend_yield, sign = terms
    v = american.implied_volatility(known, spot, strike, years, rate, dividend_yield, sign > 0) if solve else known
    price, delta, gamma, theta, vega = american.greeks(spot, strike, years, rate, dividend_yield, v, sign > 0)
    unknown = np.isnan(price)
    reason = np.where(unknown, Reason.NO_VOLATILITY if solve else Reason.BAD_VOLATILITY, Reason.OK).astype(np.uint8)
    return Analysis(np.where(unknown, np.nan, v), reason, price, delta, gamma, vega, theta)


def _mirrored(rate: float, dividend_yield: float, *, is_call: bool) -> tuple[float, float]:
    """Rate and yield of the put that a right is seen as."""
    return (dividend_yield, rate) if is_call else (rate, dividend_yield)


def _rule() -> Floats:
    """Gauss rule for integrals over u = t sin²(angle): rows sine, cosine and weight of each angle between 0 and a right angle."""
    y, weight = np.polynomial.legendre.leggauss(kernel.POINTS)
    angle = math.pi / 4 * (1.0 + y)
    return np.stack((np.sin(angle), np.cos(angle), math.pi / 4 * weight * np.sin(2.0 * angle)))
