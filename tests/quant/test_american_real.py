"""Our Greeks and implied volatilities against those that vendors published with real chains."""

from pathlib import Path

import numpy as np
import pandas as pd

from core.quant.american import greeks, implied_volatility


def nvda(shared: Path) -> pd.DataFrame:
    table = pd.read_parquet(shared / "data/options/barchart_chains_2025.parquet")
    return table[(table["symbol"] == "NVDA") & (table["iv"] > 0.05)]


def test_deltas_agree_with_the_vendors_at_the_vendors_volatility(shared: Path) -> None:
    table = nvda(shared)
    years = (table["expiry"] - table["date"]).dt.days.to_numpy(np.float64) / 365
    spot, strike, is_call = table["underlying"].to_numpy(np.float64), table["strike"].to_numpy(np.float64), table["right"] == "C"
    _, delta, *_ = greeks(spot, strike, years, 0.038, 0.0, table["iv"].to_numpy(np.float64), is_call)
    miss = np.abs(delta - table["delta"].to_numpy(np.float64))
    assert len(miss) > 200
    assert np.median(miss) < 0.005
    assert np.quantile(miss, 0.9) < 0.02


def test_implied_volatilities_of_liquid_quotes_agree_with_the_vendors(shared: Path) -> None:
    table = nvda(shared)
    mid = (table["bid"] + table["ask"]).to_numpy(np.float64) / 2
    table = table[(mid > 0.5) & (table["delta"].abs().between(0.2, 0.8)).to_numpy() & (table["bid"] > 0).to_numpy()]
    mid = (table["bid"] + table["ask"]).to_numpy(np.float64) / 2
    years = (table["expiry"] - table["date"]).dt.days.to_numpy(np.float64) / 365
    spot, strike, is_call = table["underlying"].to_numpy(np.float64), table["strike"].to_numpy(np.float64), table["right"] == "C"
    found = implied_volatility(mid, spot, strike, years, 0.038, 0.0, is_call)
    assert len(found) > 20
    assert np.isfinite(found).all()
    miss = np.abs(found - table["iv"].to_numpy(np.float64))  # a few of the vendor's come from the last trade, not the quote
    assert np.median(miss) < 0.005
    assert miss.max() < 0.04
