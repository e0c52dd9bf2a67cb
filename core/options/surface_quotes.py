"""What each quote of a chain is worth: flaws as flags with their sentences, and the volatility that its mid implies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import ArrayLike, NDArray

from core.market.chains import years_to
from core.model.instruments import Option, Right
from core.model.market import Chain, Flags, Floats
from core.quant import dividends as cash
from core.quant import european
from core.quant.curve import Curve
from core.quant.dividends import Dividend, Question
from core.quant.exercise import Shelf
from core.quant.reasons import Reason, Reasons


class Flaw(IntEnum):
    """What is wrong with a quote, as bits: several at once are possible."""

    NONE = 0
    ONE_SIDED = 1
    CROSSED = 2
    WIDE = 4
    STALE = 8
    NO_VOLATILITY = 16
    OFF_SURFACE = 32
    ADJUSTED = 64
    EXPIRED = 128
    THIN = 256
    PARITY = 512


SENTENCES = {
    Flaw.ONE_SIDED: "nobody bids or nobody offers",
    Flaw.CROSSED: "the bid is above the ask",
    Flaw.WIDE: "the spread is too wide",
    Flaw.STALE: "the quote is too old",
    Flaw.NO_VOLATILITY: "no volatility gives its mid",
    Flaw.OFF_SURFACE: "it lies off the smile of its expiry",
    Flaw.ADJUSTED: "the contract delivers something else than 100 shares",
    Flaw.EXPIRED: "the contract has no time left",
    Flaw.THIN: "too few contracts are quoted",
    Flaw.PARITY: "with its twin of the other side it could be locked in for a sure profit",
}

Flaws = NDArray[np.uint16]
#: Carry is taken in such steps where early exercise is valued; the spot gives way by at most half of it a year.
CARRY_STEP = 0.00025


@dataclass(frozen=True, slots=True)
class QuoteRules:
    """When a quote is flawed.

    Attributes
    ----------
    max_age : timedelta
    max_spread : float
        Ask less bid as a share of mid, for quotes wider than `min_width` dollars.
    min_size : int
        Contracts on the smaller side; sizes that are unknown (NaN) pass.
    off_surface : float
        Volatility beyond the fitted smile, and also beyond two half-spreads.
    """

    max_age: timedelta = timedelta(seconds=60)
    max_spread: Annotated[float, Gt(0)] = 0.25
    min_width: Annotated[float, Ge(0)] = 0.05
    min_size: Annotated[int, Ge(0)] = 1
    off_surface: Annotated[float, Gt(0)] = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What the prices of one underlying's options depend on besides the quotes; `european` for index options."""

    curve: Curve
    dividends: tuple[Dividend, ...] = ()
    european: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The contracts of a chain as columns, shape (n,)."""

    strike: Floats
    years: Floats
    is_call: Flags
    bid: Floats
    ask: Floats

    @property
    def mid(self) -> Floats:
        """Half way between bid and ask; NaN without both."""
        return (self.bid + self.ask) / 2


def columns(chain: Chain, now: datetime) -> Columns:
    """Take a chain apart."""
    years = {day: years_to(day, now) for day in {contract.expiry for contract in chain.contracts}}
    return Columns(
        np.array([float(contract.strike) for contract in chain.contracts]),
        np.array([years[contract.expiry] for contract in chain.contracts]),
        np.array([contract.right is Right.CALL for contract in chain.contracts], np.bool_),
        chain.bid,
        chain.ask,
    )


def is_adjusted(contract: Option) -> bool:
    """Whether a corporate action has changed what the contract delivers."""
    return contract.multiplier != 100 or contract.underlying[-1:].isdigit()


def flaws(chain: Chain, rows: Columns, now: datetime, rules: QuoteRules) -> Flaws:
    """Flaws that a quote shows by itself."""
    found = np.zeros(len(chain.contracts), np.uint16)
    size = np.fmin(chain.bid_size, chain.ask_size)
    with np.errstate(invalid="ignore", divide="ignore"):
        width = rows.ask - rows.bid
        wide = (width > rules.min_width) & (width / rows.mid > rules.max_spread)
        two_sided = (rows.bid > 0) & (rows.ask > 0) & np.isfinite(rows.bid + rows.ask)
        crossed = rows.bid > rows.ask
        thin = size < rules.min_size
    stale = now - chain.as_of > rules.max_age
    adjusted = np.array([is_adjusted(contract) for contract in chain.contracts], np.bool_)
    for flaw, holds in (
        (Flaw.ONE_SIDED, ~two_sided),
        (Flaw.CROSSED, two_sided & crossed),
        (Flaw.WIDE, two_sided & wide & ~crossed),
        (Flaw.STALE, np.full(len(found), stale)),
        (Flaw.ADJUSTED, adjusted),
        (Flaw.EXPIRED, rows.years <= 0),
        (Flaw.THIN, two_sided & thin),
    ):
        found[holds] |= int(flaw)
    return found


def sentences(flaw: int) -> tuple[str, ...]:
    """Plain words for the flaws of one quote."""
    return tuple(sentence for one, sentence in SENTENCES.items() if flaw & one)


def invert(
    rows: Columns, spot: float, carry: tuple[Floats, Floats], terms: Terms, shelf: Shelf
) -> tuple[Floats, Reasons, Floats, Floats]:
    """Volatility, reason, delta and vega (per point) that the mids imply; carry is rate and yield of each row."""
    rate, share_rate = carry
    mid = np.where((rows.bid > 0) & (rows.ask >= rows.bid), rows.mid, np.nan)
    if terms.european:
        clean = spot - cash.present_value(terms.dividends, rows.years, rate)
        found = european.implied(mid, clean, rows.strike, rows.years, rate, share_rate, rows.is_call)
        volatility, reason, delta, vega = found.volatility, found.reason, found.delta, found.vega
    else:
        spots, rounded = settled(spot, cash.present_value(terms.dividends, rows.years, rate), share_rate, rows.years)
        question = Question(mid, spots, rows.strike, rows.years, rate, rounded, rows.is_call)
        seen = cash.implied(question, terms.dividends, shelf)
        volatility, reason, delta, vega = seen.volatility, seen.reason, seen.delta, seen.vega
    one_sided = ~((rows.bid > 0) & (rows.ask > 0))
    reason = np.where(one_sided, Reason.ONE_SIDED, np.where(rows.bid > rows.ask, Reason.CROSSED, reason)).astype(np.uint8)
    return volatility, reason, delta, vega


def settled(spot: ArrayLike, paid: ArrayLike, carry: ArrayLike, years: ArrayLike) -> tuple[Floats, Floats]:
    """Spot and carry with the same forward, the carry in steps, so that exercise boundaries are found again."""
    exact, owed = np.asarray(carry, dtype=np.float64), np.asarray(paid, dtype=np.float64)
    rounded: Floats = np.asarray(np.round(exact / CARRY_STEP) * CARRY_STEP, dtype=np.float64)
    clean = (np.asarray(spot, dtype=np.float64) - owed) * np.exp((rounded - exact) * np.asarray(years, dtype=np.float64))
    return np.asarray(clean + owed, dtype=np.float64), rounded


def paid_before(dividends: Sequence[Dividend], years: float, rate: float) -> float:
    """Present value of the dividends before an expiry, dollars per share."""
    return float(cash.present_value(dividends, years, rate))
