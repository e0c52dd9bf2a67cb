"""European options with a continuous dividend yield (Black, Scholes and Merton): implied volatility, price and Greeks of batches.

Every argument is a number or an array; they are broadcast against each other and the answer has the broadcast shape. Years are
years of 365 days; volatility, rate and dividend yield are annual fractions, continuously compounded. A row that has no answer is
NaN in every array and says why in `reason` (codes of `core.quant.reasons`); it never raises and never disturbs another row.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from core.model.market import Floats
from core.quant import kernel_european as kernel
from core.quant.reasons import Reasons


class Analysis(NamedTuple):
    """Answer to a batch, arrays of the broadcast shape; dollars per share, NaN beside a reason.

    Attributes
    ----------
    volatility : array
        Annual fraction: the implied one, or the one that was given.
    reason : array of uint8
        `Reason` of each row, 0 where all is well.
    price : array
    delta, gamma : arrays
        Per dollar of the underlying.
    vega, theta, rho : arrays
        Per volatility point (0.01), per calendar day, per point of the rate (0.01).
    vanna, charm, vomma : arrays
        Change of delta per volatility point and per calendar day; change of vega (per point) per volatility point.
    """

    volatility: Floats
    reason: Reasons
    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats
    vanna: Floats
    charm: Floats
    vomma: Floats


def greeks(  # noqa: PLR0913, PLR0917 - the model has these seven terms
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
) -> Analysis:
    """Price and Greeks at a known volatility; a volatility of 0 is a certain future."""
    return answer(*columns(is_call, volatility, spot, strike, years, rate, dividend_yield), solve=False)


def implied(  # noqa: PLR0913, PLR0917 - the model has these seven terms
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
) -> Analysis:
    """Volatility at which the model gives the price, and the Greeks there.

    The volatility is exact to about 1e-12 where the time value is half a cent or more; where it drowns in the rounding of the price
    itself the reason is NO_TIME_VALUE.
    """
    return answer(*columns(is_call, price, spot, strike, years, rate, dividend_yield), solve=True)


def answer(terms: Floats, shape: tuple[int, ...], *, solve: bool) -> Analysis:
    """Answer rows of `columns`: the first term is the price where there is to solve, else the volatility."""
    n = terms.shape[1]
    found, reason, volatility = np.empty((9, n)), np.empty(n, np.uint8), np.empty(n)
    if solve:
        kernel.analyse(terms, volatility, reason, found)
    else:
        kernel.evaluate(terms, reason, found)
        volatility = np.where(reason == 0, terms[0], np.nan)
    return Analysis(volatility.reshape(shape), reason.reshape(shape), *found.reshape((9, *shape)))


def columns(is_call: ArrayLike, *terms: ArrayLike) -> tuple[Floats, tuple[int, ...]]:
    """Broadcast to a matrix with one row per term, and the shape; the last row is 1 for calls and -1 for puts."""
    given = [np.asarray(term, dtype=np.float64) for term in terms]
    given.append(np.where(np.asarray(is_call, dtype=np.bool_), 1.0, -1.0))
    shape = np.broadcast_shapes(*(term.shape for term in given))
    out = np.empty((len(given), *shape))
    for place, term in enumerate(given):
        out[place, ...] = term
    return out.reshape(len(given), -1), shape
