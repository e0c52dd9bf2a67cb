"""The volatility surface of one underlying at one instant: volatility of any strike and date, skew, expected move, odds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from core.model.errors import BadDataError
from core.model.market import Floats
from core.options.surface_fit import Svi
from core.options.surface_quotes import Flaws, Terms, settled
from core.quant import dividends as cash
from core.quant import european
from core.quant.dividends import Dividend, Question
from core.quant.exercise import Shelf
from core.quant.reasons import Reasons


@dataclass(frozen=True, slots=True)
class Smile:
    """One expiry.

    Attributes
    ----------
    rate, carry : float
        Annual fractions; carry is the yield besides the listed cash dividends: cost of borrowing, other dividends.
    forward, forward_low, forward_high : float
        Dollars; low and high as parity allows at bid and ask, NaN when the forward does not come from quotes.
    forward_error : float
        What the forward may be off by, dollars; NaN when it does not come from quotes of calls and puts.
    calendar : float
        Most total variance that the expiry before has above this one anywhere near the money; 0: none.
    """

    expiry: date
    years: float
    forward: float
    rate: float
    carry: float
    svi: Svi
    forward_low: float = math.nan
    forward_high: float = math.nan
    forward_error: float = math.nan
    calendar: float = 0.0

    @property
    def from_parity(self) -> bool:
        """Whether the forward comes from quotes of calls and puts."""
        return not math.isnan(self.forward_error)

    @property
    def at_the_money(self) -> float:
        """Volatility at the forward."""
        return math.sqrt(max(float(self.svi.variance(0.0)), 0.0) / self.years)

    def deviations(self, share: float) -> Floats:
        """Log-moneyness grid of that many deviations on both sides."""
        width = max(self.at_the_money * math.sqrt(self.years), 1e-4)
        return np.linspace(-share * width, share * width, 801)

    def at_delta(self, delta: float) -> float:
        """Volatility of the strike whose forward delta is `delta` (negative: a put); NaN when no strike has it."""
        k = self.deviations(6.0)
        w = self.svi.variance(k)
        root = np.sqrt(w)
        d1 = -k / root + root / 2
        calls = _normal(d1)
        found = calls if delta > 0 else calls - 1
        if not found.min() <= delta <= found.max():
            return math.nan
        place = float(np.interp(delta, found[::-1], k[::-1]))
        return math.sqrt(float(self.svi.variance(place)) / self.years)

    @property
    def skew(self) -> float:
        """Volatility of the 25-delta put less that of the 25-delta call."""
        return self.at_delta(-0.25) - self.at_delta(0.25)

    @property
    def straddle(self) -> float:
        """Price of call and put at the forward: the move, up or down, that the market pays for on average, dollars."""
        root = math.sqrt(max(float(self.svi.variance(0.0)), 0.0))
        return 2 * self.forward * math.exp(-self.rate * self.years) * math.erf(root / 2 / math.sqrt(2))


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Smiles of one underlying, soonest first, and the quotes that they come from.

    Attributes
    ----------
    spot : float
        The one that the options were quoted at: the chain's, moved by the share `spot_gap` where the forwards show that the chain's
        is of another minute.
    volatility, delta, vega, fitted : arrays of shape (contracts,)
        Implied by each mid, and the smile's volatility there; NaN where there is none.
    reason, flaws : arrays
        `core.quant.reasons.Reason` and `core.options.surface_quotes.Flaw` of each quote.
    """

    underlying: str
    as_of: datetime
    spot: float
    terms: Terms
    smiles: tuple[Smile, ...]
    volatility: Floats
    delta: Floats
    vega: Floats
    fitted: Floats
    reason: Reasons
    flaws: Flaws
    modelled: bool = False
    spot_gap: float = 0.0

    def variance(self, strike: ArrayLike, years: float) -> Floats:
        """Total variance for strikes after so many years.

        At a constant strike over forward it is straight in time between expiries, and of constant volatility before the first and
        after the last. Where the quotes have a calendar arbitrage, what is further away is not allowed below what is nearer.
        """
        self._checked(years)
        k = np.log(np.asarray(strike, dtype=np.float64) / self.forward(years))
        lives = [smile.years for smile in self.smiles]
        place = int(np.searchsorted(lives, years))
        if place == 0 or place == len(lives):
            smile = self.smiles[min(place, len(lives) - 1)]
            return np.asarray(smile.svi.variance(k) * (years / smile.years))
        near, far = self.smiles[place - 1], self.smiles[place]
        share = (years - near.years) / (far.years - near.years)
        first = near.svi.variance(k)
        return np.asarray(first + share * (np.maximum(far.svi.variance(k), first) - first))

    def volatility_of(self, strike: ArrayLike, years: float) -> Floats:
        """Volatility for strikes after so many years, annual fraction."""
        return np.asarray(np.sqrt(self.variance(strike, years) / years))

    def forward(self, years: float) -> float:
        """Forward after so many years; carry and rate are straight in time between expiries."""
        return (self.spot - self.paid(years)) * math.exp((self.rate(years) - self.carry(years)) * years)

    def rate(self, years: float) -> float:
        """Rate for that life, to a hundredth of a percent."""
        return round(float(self.terms.curve.rate(years)), 4)

    def carry(self, years: float) -> float:
        """Yield for that life besides the listed cash dividends."""
        return float(np.interp(years, [smile.years for smile in self.smiles], [smile.carry for smile in self.smiles]))

    def paid(self, years: float) -> float:
        """Present value of the listed cash dividends before then, dollars per share."""
        return float(cash.present_value(self.terms.dividends, years, self.rate(years)))

    def price(self, strike: ArrayLike, years: float, is_call: ArrayLike, shelf: Shelf | None = None) -> Floats:
        """Fair price of any strike and life; American unless the terms say European. NaN where the model has none."""
        sigma, rate, carry = self.volatility_of(strike, years), self.rate(years), self.carry(years)
        if self.terms.european:
            clean = self.spot - self.paid(years)
            return european.greeks(clean, strike, years, rate, carry, sigma, is_call).price
        spot, rounded = settled(self.spot, self.paid(years), carry, years)
        question = Question(sigma, spot, strike, years, rate, rounded, is_call)
        return cash.greeks(question, self.terms.dividends, shelf).price

    def below(self, levels: ArrayLike, years: float) -> Floats:
        """Risk-neutral probability that the underlying ends below each level, from the slope and height of the smile."""
        at, tiny = np.asarray(levels, dtype=np.float64), 1e-4
        w = self.variance(at, years)
        slope = (self.variance(at * math.exp(tiny), years) - self.variance(at * math.exp(-tiny), years)) / (2 * tiny)
        root = np.sqrt(w)
        d2 = np.log(self.forward(years) / at) / root - root / 2
        density = np.exp(-d2 * d2 / 2) / math.sqrt(2 * math.pi)
        return np.asarray(np.clip(_normal(-d2) + density * slope / (2 * root), 0.0, 1.0))

    def below_lognormal(self, levels: ArrayLike, years: float) -> Floats:
        """The same with one volatility, that at the money: what a calculator without a smile would say."""
        forward = self.forward(years)
        root = math.sqrt(float(self.variance(forward, years)))
        return _normal(np.log(np.asarray(levels, dtype=np.float64) / forward) / root + root / 2)

    def expected_move(self, years: float) -> float:
        """One deviation at the money, dollars."""
        return self.spot * math.sqrt(float(self.variance(self.forward(years), years)))

    def constant_maturity(self, days: float) -> float:
        """Volatility at the money for that many calendar days; NaN when no expiry lies within a factor of three of it."""
        years = days / 365
        if not any(years / 3 <= smile.years <= years * 3 for smile in self.smiles):
            return math.nan
        return float(self.volatility_of(self.forward(years), years))

    @property
    def term_structure(self) -> tuple[tuple[date, float], ...]:
        """Volatility at the money of each expiry."""
        return tuple((smile.expiry, smile.at_the_money) for smile in self.smiles)

    def _checked(self, years: float) -> None:
        if not self.smiles:
            raise BadDataError(f"{self.underlying} has no volatility surface: no expiry has a usable quote")
        if not years > 0:
            raise BadDataError(f"{self.underlying}: a volatility {years} years from now does not exist; ask for a time ahead")


def calendar_gaps(smiles: Sequence[Smile]) -> tuple[float, ...]:
    """For each smile, the most by which the total variance of the one before lies above it within two deviations."""
    found = [0.0] if smiles else []
    for near, far in pairwise(smiles):
        k = near.deviations(2.0)
        found.append(max(float((near.svi.variance(k) - far.svi.variance(k)).max()), 0.0))
    return tuple(found)


def flat_dividends(dividends: Sequence[Dividend], passed: float) -> tuple[Dividend, ...]:
    """The dividends as they look after so many years: the earlier ones are gone."""
    return tuple(Dividend(one.years - passed, one.cash, one.known) for one in dividends if one.years > passed)


def _normal(z: ArrayLike) -> Floats:
    """Cumulative standard normal of each number."""
    x = np.asarray(z, dtype=np.float64)
    return np.asarray(np.vectorize(_phi, otypes=[np.float64])(x)) if x.size else x


def _phi(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
