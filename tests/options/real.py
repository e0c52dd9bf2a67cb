"""Real chains of vendors as our chains, with the market that they were quoted in."""

import csv
import gzip
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from core.market.sessions import NEW_YORK
from core.model.instruments import Option, Right
from core.model.market import Chain, Floats
from core.quant import curve
from core.quant.curve import Curve

COLUMNS = ("bid", "ask", "bid_size", "ask_size", "volume", "open_interest", "iv", "delta", "gamma", "theta", "vega")


def rates(shared: Path, day: date) -> Curve:
    """Treasury curve of one day."""
    with gzip.open(shared / "data/macro/us_rates_daily.csv.gz", "rt") as file:
        row = next(line for line in csv.DictReader(file) if line["date"] == str(day))
    return curve.from_par_yields({name: float(value or "nan") for name, value in row.items() if name != "date"})


def chain_of(table: pd.DataFrame, symbol: str, spot: float, at: datetime) -> Chain:
    """Rows of a vendor's table as a chain, sorted by expiry, right and strike."""
    table = table.sort_values(["expiry", "right", "strike"], kind="stable")
    contracts = tuple(
        Option(symbol, expiry.date(), Right(right), Decimal(str(round(float(strike), 3))))
        for expiry, right, strike in zip(table["expiry"], table["right"], table["strike"], strict=True)
    )

    def column(name: str) -> Floats:
        if name not in table:
            return np.full(len(table), np.nan)
        return np.asarray(table[name], dtype=np.float64).round(5)

    return Chain(symbol, at, spot, 0.0, 0.0, contracts, **{name: column(name) for name in COLUMNS})  # type: ignore[arg-type]  # columns only


def close_of(day: date, hour: int = 16, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)


def table(shared: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(shared / f"data/options/{name}.parquet")


def near(found: pd.Timestamp) -> datetime:
    """New York instant of a stamp without a zone."""
    return datetime(found.year, found.month, found.day, found.hour, found.minute, found.second, tzinfo=NEW_YORK)


def is_call(chain: Chain) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([contract.right is Right.CALL for contract in chain.contracts], np.bool_)


def liquid(chain: Chain) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Quotes near the money (the vendor's delta 0.2 to 0.8), spread at most a tenth of mid, with a vendor's volatility."""
    with np.errstate(invalid="ignore", divide="ignore"):
        tight = (chain.ask - chain.bid) / ((chain.ask + chain.bid) / 2) < 0.1
    size = np.abs(chain.delta)
    return np.asarray((chain.bid > 0) & tight & (size > 0.2) & (size < 0.8) & (chain.iv > 0.01) & (chain.iv < 3), np.bool_)
