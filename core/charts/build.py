"""Charts as data, made from what the desk knows. Pure."""

import math
from collections.abc import Sequence

import numpy as np

from core.model.market import Floats, SymbolView
from core.model.notes import CandleChart, EquityChart, PayoffChart
from core.model.positions import EquityPoint
from core.model.proposals import Proposal
from core.model.signals import Signal
from core.quant.indicators import simple_mean_series
from core.quant.payoff import break_evens, payoff

SESSIONS = 120


def candle_chart(view: SymbolView, signal: Signal, source: str) -> CandleChart:
    """Give the last sessions of one symbol with the levels of a signal; a signal without levels shows the average alone."""
    bars, levels = view.bars, signal.levels
    close = np.asarray(bars.close, dtype=np.float64)
    average = simple_mean_series(close, 50)
    if len(average) and math.isfinite(view.features.get("sma50", math.nan)):
        average[-1] = view.features["sma50"]  # the figure that the gates were decided on
    whole = np.isfinite(bars.open) & np.isfinite(bars.high) & np.isfinite(bars.low) & np.isfinite(close)
    kept = np.flatnonzero(whole)[-SESSIONS:]

    def column(values: Floats) -> tuple[float, ...]:
        return tuple(float(value) for value in values[kept])

    return CandleChart(
        title=f"{view.symbol} · daily bars",
        days=tuple(str(day) for day in bars.day[kept].astype("datetime64[D]")),
        open=column(bars.open),
        high=column(bars.high),
        low=column(bars.low),
        close=column(close),
        sma50=tuple(None if math.isnan(value) else value for value in column(average)),
        entry=float(levels.entry) if levels else None,
        stop=float(levels.stop) if levels else None,
        rungs=tuple((rung.multiple, float(rung.price)) for rung in levels.rungs) if levels else (),
        source=source,
    )


def equity_chart(points: Sequence[EquityPoint], title: str = "Equity", source: str = "") -> EquityChart:
    """Net liquidation at the end of each session."""
    return EquityChart(
        title, tuple(str(point.day) for point in points), tuple(float(point.net_liquidation) for point in points), source
    )


def payoff_chart(proposal: Proposal, source: str) -> PayoffChart:
    """Give the profit at expiry of an order over prices of the underlying, 25 % to each side of now."""
    now = float(proposal.spot)
    spots = np.linspace(0.75 * now, 1.25 * now, 201)
    profit = payoff(proposal.legs, proposal.limit, spots) * proposal.quantity
    evens = [("break-even", float(price)) for price in break_evens(proposal.legs, proposal.limit)]
    stop = [("stop", float(proposal.plan.stop))] if proposal.plan else []
    title = f"{proposal.signal.symbol} {proposal.structure}: profit at expiry"
    return PayoffChart(title, tuple(spots.tolist()), tuple(profit.tolist()), (("now", now), *evens, *stop), source)
