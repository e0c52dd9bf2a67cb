"""Signals and real chains for the tests of the option choice."""

import math
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from core.model.instruments import Option, Right
from core.model.market import Chain
from core.model.signals import Intent, Levels, Rung, Signal

FRESH = timedelta(seconds=15)


def signal(symbol: str, price: float, stop: float, rung: float, at: datetime) -> Signal:
    entry, target = Decimal(str(price)), Decimal(str(rung))
    levels = Levels(entry, Decimal(str(stop)), (Rung(7.0, target), Rung(8.0, target + 1)), Decimal(1), entry - 2)
    return Signal(f"atr-{symbol}", "atr_matrix", symbol, Intent.OPEN, "entry", at.date(), at, entry, "test", levels=levels)


def real_chain(path: Path, symbol: str, spot: float, as_of: datetime, dividend_yield: float, iv_rank: float = math.nan) -> Chain:
    table = pd.read_parquet(path)
    contracts = tuple(
        Option(symbol, expiry.date(), Right(right), Decimal(str(round(float(strike), 3))))
        for expiry, right, strike in zip(table["expiry"], table["right"], table["strike"], strict=True)
    )

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.asarray(table[name], dtype=np.float64).round(4)

    return Chain(
        underlying=symbol,
        as_of=as_of,
        spot=spot,
        rate=0.001,
        dividend_yield=dividend_yield,
        contracts=contracts,
        bid=column("bid"),
        ask=column("ask"),
        bid_size=np.full(len(table), np.nan),
        ask_size=np.full(len(table), np.nan),
        volume=column("volume"),
        open_interest=column("open_interest"),
        iv=column("iv"),
        delta=column("delta"),
        gamma=column("gamma"),
        theta=column("theta"),
        vega=column("vega"),
        iv_rank=iv_rank,
    )
