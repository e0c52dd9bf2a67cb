"""American options on an underlying with a continuous dividend yield: price, Greeks, implied volatility.

Every argument is a number or an array; they are broadcast against each other and the answer has the broadcast shape. Years
are years of 365 days; volatility, rate and dividend yield are annual fractions, continuously compounded. A row with a NaN, an
infinity, a negative volatility, a deviation (volatility times root of years) above 20 or a spot or strike that is not positive
answers NaN and disturbs nobody else. At or after expiry (years <= 0) the price is the intrinsic value, whatever the volatility.
The model is described in `kernel_american`. It prices single contracts at once and misses by up to 7e-4 of spot; whole chains, and
volatilities that must be exact, go to `core.quant.exercise`, which finds an exercise boundary first.
"""

import numpy as np
from numpy.typing import ArrayLike

from core.model.market import Floats
from core.quant import kernel_american as kernel

Greeks = tuple[Floats, Floats, Floats, Floats, Floats]


def price(  # noqa: PLR0913, PLR0917 - the model has these seven terms
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
) -> Floats:
    """Price in dollars per share.

    Returns
    -------
    array of the broadcast shape
        At least the intrinsic value and at least the European price.
    """
    terms, shape = _rows(is_call, spot, strike, years, rate, dividend_yield, volatility)
    out = np.empty(terms.shape[1])
    kernel.prices(terms, out)
    return out.reshape(shape)


def greeks(  # noqa: PLR0913, PLR0917 - the model has these seven terms
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
) -> Greeks:
    """Price and its sensitivities.

    Returns
    -------
    price, delta, gamma, theta, vega : arrays of the broadcast shape
        Dollars per share; delta and gamma per dollar of the underlying, theta per calendar day, vega per volatility point (0.01).
        Where exercise today is best: delta 1 or -1, the others 0.
    """
    terms, shape = _rows(is_call, spot, strike, years, rate, dividend_yield, volatility)
    found = greeks_of(terms).reshape((5, *shape))
    return found[0], found[1], found[2], found[3], found[4]


def greeks_of(terms: Floats) -> Floats:
    """Do the same for terms that stand in a matrix already, without a look at their shapes.

    Parameters
    ----------
    terms : array of shape (7, n)
        Spot, strike, years, rate, dividend yield, volatility, and 1 for calls or -1 for puts.

    Returns
    -------
    array of shape (5, n)
        Rows as in `greeks`.
    """
    out = np.empty((5, terms.shape[1]))
    kernel.all_greeks(terms, out)
    return out


def implied_volatility(  # noqa: PLR0913, PLR0917 - the model has these seven terms
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
) -> Floats:
    """Volatility at which the model gives the price.

    Returns
    -------
    array of the broadcast shape
        Annual fraction between 0.001 and 10; NaN where no volatility gives the price: at or below what a certain future is
        worth, at or above the spot (call) or strike (put), at or after expiry.
    """
    terms, shape = _rows(is_call, price, spot, strike, years, rate, dividend_yield)
    out = np.empty(terms.shape[1])
    kernel.implied_all(terms, out)
    return out.reshape(shape)


def warm() -> None:
    """Compile the kernels (or load them from the cache) so that the first real question is not the slow one."""
    premium, *_ = greeks(100.0, 100.0, 0.1, 0.02, 0.01, 0.3, is_call=False)
    price(100.0, 100.0, 0.1, 0.02, 0.01, 0.3, is_call=False)
    implied_volatility(premium, 100.0, 100.0, 0.1, 0.02, 0.01, is_call=False)


def _rows(is_call: ArrayLike, *terms: ArrayLike) -> tuple[Floats, tuple[int, ...]]:
    """Broadcast to a matrix with one row per term; the last row is 1 for calls and -1 for puts."""
    shape = np.broadcast_shapes(np.shape(is_call), *(np.shape(term) for term in terms))
    rows = np.empty((len(terms) + 1, *shape))
    for place, term in enumerate(terms):
        rows[place] = term
    rows[-1] = np.where(is_call, 1.0, -1.0)
    return rows.reshape(len(rows), -1), shape
