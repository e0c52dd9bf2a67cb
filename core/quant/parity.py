"""What put-call parity says: the forward of each expiry, the yield (or cost of borrowing) in it, and quotes that contradict it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.model.market import Flags, Floats
from core.quant import american, european

#: Rounds in which the value of early exercise is taken out of American quotes.
ROUNDS = 4
#: Pairs nearest to the money that are looked at.
NEAREST = 8


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Calls and puts of one expiry at the same strikes, shape (n,), strikes rising; dollars per share, NaN where nobody quotes."""

    strike: Floats
    call_bid: Floats
    call_ask: Floats
    put_bid: Floats
    put_ask: Floats

    @property
    def sound(self) -> Flags:
        """Both sides of both quoted and not crossed."""
        call = (self.call_bid > 0) & (self.call_ask >= self.call_bid)
        return np.asarray(call & (self.put_bid > 0) & (self.put_ask >= self.put_bid), np.bool_)

    @property
    def gap(self) -> Floats:
        """Call less put at the mids."""
        return (self.call_bid + self.call_ask - self.put_bid - self.put_ask) / 2

    @property
    def width(self) -> Floats:
        """Both spreads together."""
        return self.call_ask - self.call_bid + self.put_ask - self.put_bid


@dataclass(frozen=True, slots=True)
class Forward:
    """The forward of one expiry.

    Attributes
    ----------
    price : float
        Dollars; NaN when no pair is quoted on both sides.
    low, high : float
        What the pairs used allow at bid and ask; low above high: they contradict each other.
    carry : float
        Annual yield in it over the rate: dividends and cost of borrowing together.
    pairs : int
        Pairs used.
    error : float
        What the price may be off by, dollars: spreads and scatter of the pairs over the root of their number.
    """

    price: float
    low: float
    high: float
    carry: float
    pairs: int
    error: float = math.nan

    @property
    def is_consistent(self) -> bool:
        """Whether one forward fits between bid and ask of every pair used."""
        return self.low <= self.high


#: What quotes that say nothing, or contradict each other altogether, give.
NOTHING = Forward(math.nan, math.nan, math.nan, math.nan, 0)


def forward(pairs: Pairs, spot: float, years: float, rate: float, *, is_american: bool) -> Forward:
    """Read the forward from the pairs nearest to the money, weighted by the inverse square of their width.

    A pair that lies further from the middle one than one and a half of its width is left out.

    American quotes are first brought down to European ones with the value of early exercise at their own volatility and the yield
    found so far.
    """
    discount, use = math.exp(-rate * years), _nearest(pairs, spot)
    if not len(use) or years <= 0 or not spot > 0:
        return NOTHING
    strike, gap, width = pairs.strike[use], pairs.gap[use], pairs.width[use]
    weight = 1 / np.maximum(width, 0.01) ** 2
    early = np.zeros((2, len(use)))
    price = spot / discount
    for _ in range(ROUNDS if is_american else 1):
        centre = strike + (gap - early[0] + early[1]) / discount
        weight = weight * (np.abs(centre - np.median(centre)) <= 1.5 * np.maximum(width / discount, 0.02))
        if not weight.any():
            return NOTHING
        price = float(np.average(centre, weights=weight))
        if is_american and price > 0:
            early = _early(pairs, use, (spot, years, rate), rate - math.log(price / spot) / years)
            known = np.isfinite(early).all(axis=0)
            early, weight = np.where(known, early, 0.0), np.where(known | ~known.any(), weight, 0.0)
    used = weight > 0
    half = (width / 2 / discount)[used]
    centre = (strike + (gap - early[0] + early[1]) / discount)[used]
    carry = rate - math.log(price / spot) / years if price > 0 else math.nan
    error = float(max(half.mean(), centre.std())) / math.sqrt(int(used.sum()))
    return Forward(price, float((centre - half).max()), float((centre + half).min()), carry, int(used.sum()), error)


def violations(pairs: Pairs, spot: float, years: float, rate: float, dividends: float, *, is_american: bool) -> Flags:
    """Pairs that could be locked in for a sure profit at their bids and asks.

    Parameters
    ----------
    dividends : float
        Present value of the dividends before expiry, dollars per share.

    Returns
    -------
    bool array of shape (n,)
        European: call - put = spot - dividends - discounted strike. American: between spot - dividends - strike and
        spot - discounted strike. Pairs without both quotes are False.
    """
    discounted = pairs.strike * math.exp(-rate * years)
    top = spot - discounted if is_american else spot - dividends - discounted
    bottom = spot - dividends - pairs.strike if is_american else top
    sold, bought = pairs.call_bid - pairs.put_ask, pairs.call_ask - pairs.put_bid
    return np.asarray(pairs.sound & ((sold > top + 1e-9) | (bought < np.minimum(bottom, top) - 1e-9)), np.bool_)


def _nearest(pairs: Pairs, spot: float) -> NDArray[np.intp]:
    """Places of the sound pairs nearest to the money."""
    sound = np.flatnonzero(pairs.sound)
    order = np.argsort(np.abs(pairs.strike[sound] - spot), kind="stable")
    return np.sort(sound[order[:NEAREST]])


def _early(pairs: Pairs, use: NDArray[np.intp], terms: tuple[float, float, float], carry: float) -> Floats:
    """Value of early exercise in the calls (row 0) and puts (row 1) at their mids; NaN where none can be read."""
    spot, years, rate = terms
    found = np.zeros((2, len(use)))
    mids = ((pairs.call_bid + pairs.call_ask) / 2, (pairs.put_bid + pairs.put_ask) / 2)
    for row, (mid, is_call) in enumerate(zip(mids, (True, False), strict=True)):
        strike = pairs.strike[use]
        seen = american.implied_volatility(mid[use], spot, strike, years, rate, carry, is_call)
        plain = european.greeks(spot, strike, years, rate, carry, seen, is_call)
        found[row] = np.maximum(mid[use] - plain.price, 0.0)
    return found
