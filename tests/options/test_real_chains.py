"""Real chains: our volatilities against the vendors', each systematic difference taken out one by one (see docs/options.md).

Every violation of bounds and parity in chains without a vendor's volatility carries its flag.
"""

import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.market.chains import years_to
from core.model.market import Chain
from core.options.surface import Surface
from core.options.surface_build import build
from core.options.surface_quotes import Flaw, QuoteRules, Terms, columns
from core.quant import curve, european, exercise
from core.quant.curve import Curve
from core.quant.dividends import Dividend
from core.quant.exercise import Shelf
from core.quant.reasons import Reason
from tests.options.real import chain_of, close_of, is_call, liquid, near, rates, table

#: These vendors write a size of 0 where they have none.
RULES = QuoteRules(max_age=timedelta(days=1), min_size=0)


def test_index_2011_with_the_vendors_forward(shared: Path) -> None:
    rows = table(shared, "spx_ivolatility_2011")
    years = (rows["expiry"] - rows["date"]).dt.days.to_numpy(np.float64) / 365
    rows, years = rows[years > 5 / 365], years[years > 5 / 365]
    rate = rates(shared, date(2011, 1, 3)).rate(years)
    carry = rate - np.log(rows["forward"].to_numpy(np.float64) / rows["underlying"].to_numpy(np.float64)) / years
    mid = (rows["bid"] + rows["ask"]).to_numpy(np.float64) / 2
    spot, strike, call = rows["underlying"].to_numpy(np.float64), rows["strike"].to_numpy(np.float64), rows["right"] == "C"
    found = european.implied(mid, spot, strike, years, rate, carry, call)
    size, bid = rows["delta"].abs().to_numpy(), rows["bid"].to_numpy(np.float64)
    good = (size > 0.2) & (size < 0.8) & (rows["ask"].to_numpy() - bid < 0.1 * mid) & (bid > 0)
    assert good.sum() > 1500
    assert np.median(np.abs(found.volatility - rows["iv"].to_numpy(np.float64))[good]) <= 0.002
    same = european.greeks(spot, strike, years, rate, carry, rows["iv"].to_numpy(np.float64), call)
    assert np.nanmedian(np.abs(same.delta - rows["delta"].to_numpy(np.float64))) <= 0.001


def american(rows: pd.DataFrame, spot: float, day: date, rate: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Difference to the vendor's volatility of liquid quotes, and to its delta, at a spot and curve, without dividends."""
    chain = chain_of(rows, "X", spot, close_of(day))
    seen = columns(chain, chain.as_of)
    found = exercise.implied(seen.mid, spot, seen.strike, seen.years, rate.rate(seen.years), 0.0, seen.is_call)
    good = liquid(chain) & (seen.years > 5 / 365) & (found.reason == Reason.OK)
    return (found.volatility - chain.iv)[good], (found.delta - chain.delta)[good]


def test_spy_2015_at_the_vendors_rate_of_zero_without_dividends(shared: Path) -> None:
    rows = table(shared, "spy_chain_20150105")
    slip, turn = american(rows, 201.72, date(2015, 1, 5), curve.flat(0.0))
    assert len(slip) > 900
    assert np.median(np.abs(slip)) <= 0.002
    assert np.median(np.abs(turn)) <= 0.005
    chain = chain_of(rows, "X", 201.72, close_of(date(2015, 1, 5)))
    seen = columns(chain, chain.as_of)
    paying = exercise.implied(seen.mid, 201.72, seen.strike, seen.years, 0.002, 0.019, seen.is_call)
    good = liquid(chain) & (seen.years > 5 / 365) & (paying.reason == Reason.OK)
    assert np.median(np.abs(paying.volatility - chain.iv)[good]) > 0.005  # the vendor left SPY's dividends out


def test_spy_2021_at_the_vendors_rate_of_zero_without_dividends(shared: Path) -> None:
    rows = table(shared, "spy_eod_2021h1")
    slips = []
    for day, part in rows.groupby("date"):
        slip, _ = american(part, float(part["underlying"].iloc[0]), day.date(), curve.flat(0.0))
        slips.append(slip)
    slip = np.concatenate(slips)
    assert len(slip) > 1500
    assert np.median(np.abs(slip)) <= 0.005


def test_nvda_2025_at_the_vendors_spot(shared: Path) -> None:
    rows = table(shared, "barchart_chains_2025")
    rows = rows[rows["symbol"] == "NVDA"]
    slip, turn = american(rows, float(rows["underlying"].iloc[0]), date(2025, 10, 29), rates(shared, date(2025, 10, 29)))
    assert len(slip) > 80
    assert np.median(np.abs(slip)) <= 0.005
    assert np.median(np.abs(turn)) <= 0.005


@pytest.mark.parametrize(
    ("name", "symbol", "day", "dividends", "bound"),
    [
        ("barchart_chains_2025", "NVDA", date(2025, 10, 29), (Dividend(36 / 365, 0.01),), 0.0065),
        ("barchart_chains_2025", "MU", date(2025, 11, 7), (), 0.0085),
        ("f_chain_td_20201209", "F", date(2020, 12, 9), (), 0.005),
    ],
)
def test_american_chains_with_forwards_from_parity(
    shared: Path, name: str, symbol: str, day: date, dividends: tuple[Dividend, ...], bound: float
) -> None:
    rows = table(shared, name)
    rows = rows[rows["symbol"] == symbol]
    spot = float(rows["underlying"].iloc[0])
    chain = chain_of(rows, symbol, spot, close_of(day))
    found = build(chain, Terms(rates(shared, day), dividends), chain.as_of, RULES)
    seen = columns(chain, chain.as_of)
    good = liquid(chain) & (found.flaws == 0) & (seen.years > 5 / 365)
    with np.errstate(invalid="ignore", divide="ignore"):
        sharp = (chain.ask - chain.bid) / 2 / (found.vega * 100) < 0.02  # a spread of four points says nothing about half a point
    slip = (found.volatility - chain.iv)[good & sharp]
    assert len(slip) >= 10
    calls = is_call(chain)[good & sharp]
    # NVDA misses more here than at the vendor's spot (tested above); MU has twelve such quotes, of half-spreads of a point or two.
    assert np.median(np.abs(slip)) <= bound
    # Calls and puts miss in opposite directions where the vendor's spot is of another minute: their middle does not.
    assert abs(np.median(slip[calls]) + np.median(slip[~calls])) / 2 <= bound


def aapl(shared: Path, day: str, hour: int) -> tuple[pd.DataFrame, float]:
    start = pd.Timestamp(f"{day} {hour:02d}:00:00")
    rows = table(shared, "lean_aapl_hour_quotes")
    bars = pd.read_parquet(shared / "data/intraday/lean_hour_2006_2021.parquet")
    bar = bars[(bars["symbol"] == "AAPL") & (bars["bar_start_et"] == start)]
    return rows[rows["bar_start_et"] == start], float(bar["close"].iloc[0])


@pytest.mark.parametrize(("day", "hour"), [("2014-06-06", 10), ("2014-06-06", 15), ("2014-06-09", 10), ("2014-06-09", 15)])
def test_every_violation_in_the_split_week_of_apple_is_flagged_with_its_reason(shared: Path, day: str, hour: int) -> None:
    rows, spot = aapl(shared, day, hour)
    at = near(pd.Timestamp(f"{day} {hour:02d}:59:59"))
    chain = chain_of(rows, "AAPL", spot, at)
    dividend = 3.29 if day == "2014-06-06" else 0.47
    found = build(chain, Terms(rates(shared, date(2014, 6, 6)), (Dividend(62 / 365, dividend),)), at, RULES)
    _judged(chain, found, spot)
    if hour == 15:
        middle = [smile.at_the_money for smile in found.smiles if smile.years > 0.05]
        assert 0.15 < min(middle) <= max(middle) < 0.35  # the split changes prices by seven and volatilities not at all


def test_every_violation_in_minutes_of_twx_and_spy_is_flagged_with_its_reason(shared: Path) -> None:
    rows = table(shared, "lean_minute_quotes")
    trades = pd.read_parquet(shared / "data/intraday/lean_minute_trade.parquet")
    minutes = (("TWX", "2014-06-06 10:30"), ("TWX", "2014-06-06 15:30"), ("SPY", "2023-08-03 11:00"), ("SPY", "2023-08-03 15:59"))
    for symbol, stamp in minutes:
        start = pd.Timestamp(stamp)
        part = rows[(rows["symbol"] == symbol) & (rows["bar_start_et"] <= start)]
        part = part.sort_values("bar_start_et").groupby(["right", "expiry", "strike"], as_index=False).last()
        spots = trades[(trades["symbol"] == symbol) & (trades["bar_start_et"] <= start)]
        chain = chain_of(part, symbol, float(spots["close"].iloc[-1]), near(start))
        found = build(chain, Terms(rates(shared, start.date())), chain.as_of, RULES)
        _judged(chain, found, chain.spot)


def _judged(chain: Chain, found: Surface, spot: float) -> None:
    """Check that no quote that is crossed, one-sided or out of bounds passes without its flag, and none is flagged in vain."""
    seen, flaws, volatility = columns(chain, chain.as_of), found.flaws, found.volatility
    two_sided = (seen.bid > 0) & (seen.ask > 0)
    assert ((flaws & Flaw.ONE_SIDED) != 0)[~two_sided].all()
    assert not ((flaws & Flaw.ONE_SIDED) != 0)[two_sided].any()
    assert (((flaws & Flaw.CROSSED) != 0) == (two_sided & (seen.bid > seen.ask))).all()
    inside = np.maximum(np.where(seen.is_call, 1.0, -1.0) * (found.spot - seen.strike), 0.0)
    clean = flaws == 0
    assert clean.sum() > 0.3 * two_sided.sum()
    assert np.isfinite(volatility[clean]).all()
    below = two_sided & (seen.mid < inside * (1 - 0.02) - 0.02 * math.sqrt(spot))
    assert (flaws[below] != 0).all()
    assert np.isnan(volatility[(flaws & Flaw.NO_VOLATILITY) != 0]).all()
    assert (found.reason[np.isnan(volatility)] != Reason.OK).all()


def test_the_shelf_serves_a_second_look_at_the_same_chain(shared: Path) -> None:
    rows, spot = aapl(shared, "2014-06-09", 15)
    at = near(pd.Timestamp("2014-06-09 15:59:59"))
    chain, shelf = chain_of(rows, "AAPL", spot, at), Shelf()
    first = build(chain, Terms(curve.flat(0.002)), at, RULES, shelf)
    known = len(shelf.kept)
    again = build(chain, Terms(curve.flat(0.002)), at + timedelta(seconds=30), RULES, shelf)
    assert len(shelf.kept) <= known + 2
    assert np.nanmedian(np.abs(again.volatility - first.volatility)) < 1e-4
    assert years_to(chain.contracts[-1].expiry, at) > 0
