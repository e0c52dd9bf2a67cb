"""Equity above, drawdown from its running high below."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from core.charts import theme
from core.model.notes import EquityChart

ABOVE = (0.075, 0.385, 0.885, 0.50)
BELOW = (0.075, 0.115, 0.885, 0.21)


def equity(chart: EquityChart) -> Figure:
    """Paint net liquidation per session and what it lost from its high."""
    figure = theme.sheet(chart.title, chart.source)
    if not chart.days:
        return theme.empty(figure, "no closed session yet")
    value = np.asarray(chart.equity, dtype=np.float64)
    high = np.maximum.accumulate(value)
    lost = np.divide(value, high, out=np.ones_like(value), where=high > 0) - 1
    place = np.arange(len(value))
    top, below = theme.plot(figure, ABOVE), theme.plot(figure, BELOW)
    marker = "o" if len(value) < 3 else None
    top.plot(place, value, color=theme.BLUE, linewidth=1.6, marker=marker)
    top.margins(y=0.08)
    floor = top.get_ylim()[0]
    top.fill_between(place, value, floor, color=theme.BLUE, alpha=0.12, linewidth=0)
    top.axhline(float(value[0]), color=theme.DIM, linewidth=0.8, linestyle=(0, (4, 4)))
    top.set_ylim(floor, None)
    below.fill_between(place, 100 * lost, 0, color=theme.DOWN, alpha=0.35, linewidth=0)
    below.plot(place, 100 * lost, color=theme.DOWN, linewidth=1.0)
    below.set_ylim(min(100 * float(lost.min()) * 1.15, -1.0), 0)
    below.yaxis.set_major_formatter(FuncFormatter(lambda level, _: f"{level:g}%"))
    below.locator_params(axis="y", nbins=3)
    theme.money_axis(top)
    theme.day_axis(below, chart.days)
    top.set_xticks(below.get_xticks(), [])
    top.set_xlim(below.get_xlim())
    below.text(0.008, 0.10, "drawdown", transform=below.transAxes, color=theme.DIM, fontsize=8)
    gain = value[-1] / value[0] - 1 if value[0] > 0 else np.nan
    total = f"  {gain:+.2%} since {chart.days[0]}" if np.isfinite(gain) else ""
    words = f"{value[-1]:,.0f}{total}   deepest drawdown {lost.min():.2%}"
    theme.subtitle(figure, words, theme.DOWN if gain < 0 else theme.UP)
    return figure
