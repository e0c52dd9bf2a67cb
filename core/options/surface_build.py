"""From a chain to a surface: flags, forwards by parity, implied volatilities, a smile per expiry, and what does not fit."""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from core.model.market import Chain, Flags, Floats
from core.options.surface import Smile, Surface, calendar_gaps
from core.options.surface_fit import Svi, fit
from core.options.surface_quotes import Columns, Flaw, Flaws, QuoteRules, Terms, columns, flaws, invert, paid_before
from core.quant import parity
from core.quant.exercise import Shelf
from core.quant.parity import Pairs
from core.quant.reasons import Reason

#: Flaws that keep a quote out of the fit.
UNFIT = int(
    Flaw.ONE_SIDED | Flaw.CROSSED | Flaw.WIDE | Flaw.NO_VOLATILITY | Flaw.ADJUSTED | Flaw.EXPIRED | Flaw.OFF_SURFACE | Flaw.PARITY
)
#: Smallest half-spread in volatility that a weight is given for: no quote is worth more than this.
SHARPEST = 0.002
#: Largest carry that is believed to come from parity.
WILDEST = 0.5


def build(chain: Chain, terms: Terms, now: datetime, rules: QuoteRules, shelf: Shelf | None = None) -> Surface:
    """Build the surface of a chain.

    Parameters
    ----------
    terms : Terms
        Curve, known and estimated dividends, exercise style. Where parity gives no forward, the chain's dividend yield is the carry
        when no cash dividends are listed, else zero.

    Returns
    -------
    Surface
        Without smiles when no quote is usable; stale quotes are flagged and fitted all the same, so look at the flags.
    """
    rows, shelf = columns(chain, now), shelf or Shelf()
    found = flaws(chain, rows, now, rules)
    first = _carries(chain, rows, found.copy(), terms)
    gap = spot_gap(first.values())
    moved = replace(chain, spot=chain.spot * math.exp(gap)) if gap else chain
    return _assembled(moved, rows, found, (_carries(moved, rows, found, terms), terms, gap), rules, shelf)


def spot_gap(smiles: Iterable[Smile]) -> float:
    """Log of the spot that the options were quoted at over the spot that came with them.

    A spot from another minute lifts every forward by the same share, a yield by one that grows with time: the part that does not
    grow is the gap. With fewer than three forwards within half a year a negative yield is taken for a gap, because lending pays
    nobody. 0 where the gap is within the spreads.
    """
    seen = [smile for smile in smiles if smile.from_parity and smile.years < 0.5]
    if not seen:
        return 0.0
    years = np.array([smile.years for smile in seen])
    lift = -np.array([smile.carry for smile in seen]) * years
    weight = 1 / np.array([max(smile.forward_error / smile.forward, 1e-5) for smile in seen]) ** 2
    if len(seen) < 3:
        gap = float(np.average(lift, weights=weight))
        return gap if gap > 2 / math.sqrt(float(weight.sum())) else 0.0
    middle = float(np.average(years, weights=weight))
    spread = float((weight * (years - middle) ** 2).sum())
    slope = float((weight * (years - middle) * lift).sum()) / spread
    gap = float(np.average(lift, weights=weight)) - slope * middle
    error = math.sqrt(1 / float(weight.sum()) + middle**2 / spread)
    return gap if abs(gap) > 2 * error else 0.0


def _carries(chain: Chain, rows: Columns, found: Flaws, terms: Terms) -> dict[date, Smile]:
    """Forward and carry of each expiry that lives, soonest first."""
    lives = sorted({(contract.expiry, years) for contract, years in zip(chain.contracts, rows.years.tolist(), strict=True)})
    return {expiry: _carry(chain, rows, found, (expiry, years), terms) for expiry, years in lives if years > 0 and chain.spot > 0}


def _assembled(
    chain: Chain, rows: Columns, found: Flaws, known: tuple[dict[date, Smile], Terms, float], rules: QuoteRules, shelf: Shelf
) -> Surface:
    """Volatilities, smiles and flags at the spot that the options were quoted at."""
    carries, terms, gap = known
    expiries = np.array([contract.expiry.toordinal() for contract in chain.contracts])
    rate, share_rate = (np.full(len(found), np.nan) for _ in range(2))
    for expiry, smile in carries.items():
        mine = expiries == expiry.toordinal()
        rate[mine], share_rate[mine] = smile.rate, smile.carry
    volatility, reason, delta, vega = invert(rows, chain.spot, (rate, share_rate), terms, shelf)
    found[(reason != Reason.OK) & ((found & int(Flaw.ONE_SIDED | Flaw.CROSSED | Flaw.EXPIRED)) == 0)] |= int(Flaw.NO_VOLATILITY)
    fitted, smiles = np.full(len(found), np.nan), []
    for expiry, smile in carries.items():
        mine = expiries == expiry.toordinal()
        done = _fitted(rows, (volatility, vega), (mine, found), smile, rules)
        if done is not None:
            smiles.append(done)
            with np.errstate(divide="ignore", invalid="ignore"):
                fitted[mine] = np.sqrt(done.svi.variance(np.log(rows.strike[mine] / done.forward)) / done.years)
    gaps = calendar_gaps(smiles)
    chained = tuple(replace(smile, calendar=gap) for smile, gap in zip(smiles, gaps, strict=True))
    return Surface(
        chain.underlying,
        chain.as_of,
        chain.spot,
        terms,
        chained,
        volatility,
        delta,
        vega,
        fitted,
        reason,
        found,
        chain.modelled,
        gap,
    )


def _carry(chain: Chain, rows: Columns, found: Flaws, life: tuple[date, float], terms: Terms) -> Smile:
    """Forward and carry of one expiry, with an empty smile; flags pairs that contradict parity."""
    expiry, years = life
    rate = round(float(terms.curve.rate(years)), 4)  # so that a boundary serves longer than a second
    clean = chain.spot - paid_before(terms.dividends, years, rate)
    fallback = 0.0 if terms.dividends else chain.dividend_yield
    fallback = fallback if math.isfinite(fallback) else 0.0
    pairs, places = _pairs(rows, found, years)
    seen = parity.forward(pairs, chain.spot, years, rate, is_american=not terms.european)
    empty = Svi(math.nan, 0.0, 0.0, 0.0, 1.0)
    carry = rate - math.log(seen.price / clean) / years if seen.price > 0 and clean > 0 else math.nan
    if not terms.european and seen.price > 0:
        # What the forward says is paid out, whether listed or not: a pair must contradict the other pairs to be flagged.
        paid = max(chain.spot - seen.price * math.exp(-rate * years), chain.spot - clean, 0.0) + seen.error
        bad = parity.violations(pairs, chain.spot + seen.error, years, rate, paid, is_american=True)
        found[places[bad].ravel()] |= int(Flaw.PARITY)
    if not (abs(carry) <= max(WILDEST, 0.02 / years)):
        forward = clean * math.exp((rate - fallback) * years)
        return Smile(expiry, years, forward, rate, fallback, empty)
    return Smile(expiry, years, seen.price, rate, carry, empty, seen.low, seen.high, seen.error)


def _pairs(rows: Columns, found: Flaws, years: float) -> tuple[Pairs, NDArray[np.intp]]:
    """Calls and puts of one expiry at the same strikes, and their places in the chain, shape (pairs, 2): call, put."""
    bar = int(Flaw.ADJUSTED | Flaw.CROSSED | Flaw.ONE_SIDED | Flaw.WIDE)
    fit_for_use = (rows.years == years) & ((found & bar) == 0)
    calls, puts = np.flatnonzero(fit_for_use & rows.is_call), np.flatnonzero(fit_for_use & ~rows.is_call)
    strikes, first, second = np.intersect1d(rows.strike[calls], rows.strike[puts], return_indices=True)
    calls, puts = calls[first], puts[second]
    return Pairs(strikes, rows.bid[calls], rows.ask[calls], rows.bid[puts], rows.ask[puts]), np.stack((calls, puts), axis=1)


def _fitted(
    rows: Columns, seen: tuple[Floats, Floats], where: tuple[Flags, Flaws], smile: Smile, rules: QuoteRules
) -> Smile | None:
    """Fit one expiry to its out-of-the-money quotes, flag what lies off, fit again; None without a usable quote."""
    volatility, vega = seen
    mine, found = where
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.log(rows.strike / smile.forward)
        half = (rows.ask - rows.bid) / 2 / (vega * 100)
    outside = np.where(rows.is_call, k >= -0.02 * math.sqrt(smile.years), k <= 0.02 * math.sqrt(smile.years))
    svi, doubt = None, np.ones(len(k))
    for turn in range(3):
        use = mine & outside & ((found & UNFIT) == 0) & np.isfinite(volatility + half)
        if not use.any():
            break
        variance = volatility[use] ** 2 * smile.years
        weight = doubt[use] / (2 * volatility[use] * smile.years * np.maximum(half[use], SHARPEST)) ** 2
        svi = fit(k[use], variance, weight, smile.years)
        with np.errstate(invalid="ignore"):
            miss = np.abs(volatility - np.sqrt(svi.variance(k) / smile.years)) / np.maximum(rules.off_surface, 2 * half)
        off = mine & (miss > 1)
        if not (off & use).any():
            found[off] |= int(Flaw.OFF_SURFACE)
            break
        if turn == 0:  # a single wrong quote must not make the others look wrong
            doubt = 1 / (1 + np.nan_to_num(miss) ** 2) ** 2
        else:
            found[off] |= int(Flaw.OFF_SURFACE)
            doubt = np.ones(len(k))
    return replace(smile, svi=svi) if svi is not None else None
