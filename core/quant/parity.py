"""What put-call parity says: the forward of each expiry, the yield (or cost of borrowing) in it, and quotes that contradict it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.model.market import Flags, Floats
from core.quant import european, exercise
from core.quant.exercise import Shelf

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
    """

    price: float
    low: float
    high: float
    carry: float
    pairs: int

    @property
    def is_consistent(self) -> bool:
        """Whether one forward fits between bid and ask of every pair used."""
        return self.low <= self.high


def forward(pairs: Pairs, spot: float, years: float, rate: float, *, american: bool, shelf: Shelf | None = None) -> Forward:
    """Read the forward from the pairs nearest to the money, weighted by the inverse square of their width.

    American quotes are first brought down to European ones with the value of early exercise at their own volatility and the yield
    found so far (to a thousandth, so that a boundary serves more than once).
    """
    discount, use = math.exp(-rate * years), _nearest(pairs, spot)
    if not len(use) or years <= 0 or not spot > 0:
        return Forward(math.nan, math.nan, math.nan, math.nan, 0)
    strike, gap, width = pairs.strike[use], pairs.gap[use], pairs.width[use]
    weight = 1 / np.maximum(width, 0.01) ** 2
    early = np.zeros((2, len(use)))
    price, shelf, assumed = spot / discount, shelf or Shelf(), math.nan
    for _ in range(ROUNDS if american else 1):
        price = float(np.average(strike + (gap - early[0] + early[1]) / discount, weights=weight))
        carry = round(rate - math.log(price / spot) / years, 3) if price > 0 else math.nan
        if not american or carry == assumed or math.isnan(carry):
            break
        early, assumed = _early(pairs, use, (spot, years, rate), carry, shelf), carry
    half = width / 2 / discount
    centre = strike + (gap - early[0] + early[1]) / discount
    carry = rate - math.log(price / spot) / years if price > 0 else math.nan
    return Forward(price, float((centre - half).max()), float((centre + half).min()), carry, len(use))


def violations(pairs: Pairs, spot: float, years: float, rate: float, dividends: float, *, american: bool) -> Flags:
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
    top = spot - discounted if american else spot - dividends - discounted
    bottom = spot - dividends - pairs.strike if american else top
    sold, bought = pairs.call_bid - pairs.put_ask, pairs.call_ask - pairs.put_bid
    return np.asarray(pairs.sound & ((sold > top + 1e-9) | (bought < np.minimum(bottom, top) - 1e-9)), np.bool_)


def _nearest(pairs: Pairs, spot: float) -> NDArray[np.intp]:
    """Places of the sound pairs nearest to the money."""
    sound = np.flatnonzero(pairs.sound)
    order = np.argsort(np.abs(pairs.strike[sound] - spot), kind="stable")
    return np.sort(sound[order[:NEAREST]])


def _early(pairs: Pairs, use: NDArray[np.intp], terms: tuple[float, float, float], carry: float, shelf: Shelf) -> Floats:
    """Value of early exercise in the calls (row 0) and puts (row 1) at their mids; 0 where none can be read."""
    spot, years, rate = terms
    found = np.zeros((2, len(use)))
    mids = ((pairs.call_bid + pairs.call_ask) / 2, (pairs.put_bid + pairs.put_ask) / 2)
    for row, (mid, is_call) in enumerate(zip(mids, (True, False), strict=True)):
        seen = exercise.implied(mid[use], spot, pairs.strike[use], years, rate, carry, is_call, shelf)
        plain = european.greeks(spot, pairs.strike[use], years, rate, carry, seen.volatility, is_call)
        found[row] = np.nan_to_num(np.maximum(seen.price - plain.price, 0.0))
    return found
