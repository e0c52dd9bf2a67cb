"""Rows of real chains: our volatilities against the vendors', once their conventions are taken over (docs/options.md)."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from core.model.market import Floats
from core.options.surface_build import build
from core.options.surface_quotes import QuoteRules, Terms, columns
from core.quant import curve, european, exercise
from core.quant.curve import Curve
from core.quant.reasons import Reason
from tests.bench.report import Row, progress
from tests.options.real import chain_of, close_of, liquid, rates, table

LIMIT = "<= 0.005"
RULES = QuoteRules(min_size=0)


def chain_rows(quick: bool) -> Iterator[Row]:
    """Median absolute difference of volatility for liquid quotes near the money."""
    shared = os.environ.get("QUANTMATRIX_SHARED", "")
    if not shared or not Path(shared).is_dir():
        yield Row.skipped("real chains against their vendors", "", LIMIT, "QUANTMATRIX_SHARED is not set; point it at the data")
        return
    progress("real chains")
    del quick
    root = Path(shared)
    yield _row("SPX 2011", _index(root), "the vendor's forward taken over: options are quoted 15 minutes after the index closes")
    part = table(root, "spy_chain_20150105")
    slip = american(part, 201.72, date(2015, 1, 5), curve.flat(0.0))
    yield _row("SPY 2015", slip, "the vendor's spot of 16:00 and its missing dividends taken over")
    part = table(root, "spy_eod_2021h1")
    slips = [american(rows, float(rows["underlying"].iloc[0]), day.date(), curve.flat(0.0)) for day, rows in part.groupby("date")]
    yield _row("SPY 2021", np.concatenate(slips), "the vendor's rate of zero and missing dividends taken over")
    part = table(root, "barchart_chains_2025")
    for symbol, day in (("NVDA", date(2025, 10, 29)), ("MU", date(2025, 11, 7))):
        rows = part[part["symbol"] == symbol]
        spot = float(rows["underlying"].iloc[0])
        told = american(rows, spot, day, rates(root, day))
        shares = np.arange(-0.01, 0.0101, 0.0005)
        moved = [american(rows, spot * (1 + share), day, rates(root, day)) for share in shares]
        best = int(np.argmin([np.median(np.abs(one)) for one in moved]))
        beside = f"at the spot that its volatilities speak of, {shares[best]:+.2%}; at its printed spot {_median(told):.4f}"
        yield _row(f"{symbol} 2025", moved[best], beside)
    yield _row("F 2020", _ford(root), "at the spot and forwards that parity gives")


def _row(name: str, slip: Floats, beside: str) -> Row:
    what = f"{name}: median difference of volatility to the vendor"
    return Row.promised(what, _median(slip), "", LIMIT, f"{len(slip)} quotes; {beside}")


def _median(slip: Floats) -> float:
    return float(np.median(np.abs(slip)))


def american(rows: pd.DataFrame, spot: float, day: date, rate: Curve) -> Floats:
    """Differences of liquid quotes with more than five days to go, at a spot and curve, without dividends."""
    chain = chain_of(rows, "X", spot, close_of(day))
    seen = columns(chain, chain.as_of)
    found = exercise.implied(seen.mid, spot, seen.strike, seen.years, rate.rate(seen.years), 0.0, seen.is_call)
    good = liquid(chain) & (seen.years > 5 / 365) & (found.reason == Reason.OK)
    return np.asarray((found.volatility - chain.iv)[good])


def _index(root: Path) -> Floats:
    """Differences of the European index options at the forward that the vendor prints."""
    rows = table(root, "spx_ivolatility_2011")
    years = (rows["expiry"] - rows["date"]).dt.days.to_numpy(np.float64) / 365
    rows, years = rows[years > 5 / 365], years[years > 5 / 365]
    spot, bid, ask = (rows[name].to_numpy(np.float64) for name in ("underlying", "bid", "ask"))
    rate = rates(root, date(2011, 1, 3)).rate(years)
    carry = rate - np.log(rows["forward"].to_numpy(np.float64) / spot) / years
    mid = (bid + ask) / 2
    found = european.implied(mid, spot, rows["strike"].to_numpy(np.float64), years, rate, carry, rows["right"] == "C")
    size = rows["delta"].abs().to_numpy(np.float64)
    good = (size > 0.2) & (size < 0.8) & (ask - bid < 0.1 * mid) & (bid > 0)
    return np.asarray((found.volatility - rows["iv"].to_numpy(np.float64))[good])


def _ford(root: Path) -> Floats:
    """Differences of a chain read by its own surface."""
    rows, day = table(root, "f_chain_td_20201209"), date(2020, 12, 9)
    chain = chain_of(rows, "F", float(rows["underlying"].iloc[0]), close_of(day))
    found = build(chain, Terms(rates(root, day)), chain.as_of, RULES)
    with np.errstate(invalid="ignore", divide="ignore"):
        sharp = (chain.ask - chain.bid) / 2 / (found.vega * 100) < 0.02
    good = liquid(chain) & (found.flaws == 0) & (columns(chain, chain.as_of).years > 5 / 365) & sharp
    return np.asarray((found.volatility - chain.iv)[good])
