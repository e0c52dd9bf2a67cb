"""What the legs of one unit are worth: by quotes, or by the American model at other prices and times."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np

from core.market.chains import years_to
from core.model.instruments import Leg, Option, Right
from core.model.market import Floats, Quote
from core.model.money import ZERO, cents
from core.quant import american


def mark(legs: Sequence[Leg], quotes: Mapping[str, Quote]) -> Decimal | None:
    """Worth of one unit at the mids of the quotes, by instrument key: signed dollars, negative when it is a debt.

    None when a leg has no quote, nobody offers it, or its quote is crossed. Age is the caller's to judge.
    """
    total = ZERO
    for leg in legs:
        quote = quotes.get(leg.instrument.key)
        if quote is None or quote.ask <= 0 or quote.bid > quote.ask:
            return None
        total += leg.side.sign * leg.ratio * leg.instrument.multiplier * quote.mid
    return cents(total)


def value(
    legs: Sequence[Leg], volatility: Mapping[str, float], spots: Floats, at: datetime, rate: float, dividend_yield: float
) -> Floats:
    """Worth of one unit by the American model.

    Parameters
    ----------
    volatility : mapping
        Annual fraction by option key; each leg keeps its own at every spot.
    spots : array of shape (n,)
        Prices of the underlying, dollars.
    at : datetime
        The instant of valuation; legs that have expired by then are worth their intrinsic value.

    Returns
    -------
    array of shape (n,)
        Signed dollars; NaN where a volatility or a spot is unknown.
    """
    total = np.zeros(np.shape(spots))
    for leg in legs:
        thing, weight = leg.instrument, float(leg.side.sign * leg.ratio * leg.instrument.multiplier)
        if isinstance(thing, Option):
            years, sigma = years_to(thing.expiry, at), volatility.get(thing.key, np.nan)
            is_call = thing.right is Right.CALL
            total += weight * american.price(spots, float(thing.strike), years, rate, dividend_yield, sigma, is_call)
        else:
            total += weight * spots
    return total
