"""Candles with SMA50, entry, stop and the ladder."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.charts import theme
from core.model.notes import CandleChart

BOX = (0.065, 0.115, 0.79, 0.77)


def candles(chart: CandleChart) -> Figure:
    """Paint one symbol; levels are lines with their price at the right edge."""
    figure = theme.sheet(chart.title, chart.source)
    if not chart.days:
        return theme.empty(figure, "no bars")
    axes = theme.plot(figure, BOX)
    _bars(axes, chart)
    average = [math.nan if value is None else value for value in chart.sma50]
    axes.plot(range(len(average)), average, color=theme.BLUE, linewidth=1.4, zorder=3)
    labels = _levels(axes, chart)
    last = next((value for value in reversed(average) if math.isfinite(value)), None)
    if last is not None:
        labels.append(theme.Tag(last, f"SMA50  {last:,.2f}", theme.BLUE))
    _frame(axes, chart)
    theme.day_axis(axes, chart.days)
    theme.tags(axes, labels)
    change = chart.close[-1] / chart.close[-2] - 1 if len(chart.close) > 1 and chart.close[-2] else math.nan
    moved = f"  ({change:+.2%})" if math.isfinite(change) else ""
    theme.subtitle(figure, f"close {chart.close[-1]:,.2f}{moved}", theme.DOWN if change < 0 else theme.UP)
    return figure


def _bars(axes: Axes, chart: CandleChart) -> None:
    """Wick from low to high, body from open to close; a body without height stays visible."""
    thin = max(max(chart.high) - min(chart.low), 1e-9) * 0.002
    for rising, colour in ((True, theme.UP), (False, theme.DOWN)):
        some = [at for at in range(len(chart.days)) if (chart.close[at] >= chart.open[at]) is rising]
        axes.vlines(some, [chart.low[at] for at in some], [chart.high[at] for at in some], colors=colour, linewidth=0.9, zorder=2)
        bodies = [max(abs(chart.close[at] - chart.open[at]), thin) for at in some]
        feet = [min(chart.close[at], chart.open[at]) for at in some]
        axes.bar(some, bodies, width=0.66, bottom=feet, color=colour, linewidth=0, zorder=2.5)


def _levels(axes: Axes, chart: CandleChart) -> list[theme.Tag]:
    found = [theme.Tag(price, f"{multiple:g} ATR  {price:,.2f}", theme.GOLD) for multiple, price in chart.rungs]
    if chart.entry is not None:
        found.append(theme.Tag(chart.entry, f"Entry  {chart.entry:,.2f}", theme.INK))
    if chart.stop is not None:
        found.append(theme.Tag(chart.stop, f"Stop  {chart.stop:,.2f}", theme.DOWN))
    begin = 0.55 * len(chart.days)
    for tag in found:
        axes.hlines(tag.value, begin, len(chart.days), colors=tag.colour, linewidth=1.0, linestyles=(0, (5, 3)), zorder=4)
    return found


def _frame(axes: Axes, chart: CandleChart) -> None:
    """Make room for every level."""
    levels = [price for _, price in chart.rungs]
    levels += [level for level in (chart.entry, chart.stop, *chart.sma50) if level is not None]
    lowest, highest = min(*chart.low, *levels, *chart.high), max(*chart.high, *levels, *chart.low)
    room = (highest - lowest or highest or 1.0) * 0.04
    axes.set_ylim(lowest - room, highest + room)
