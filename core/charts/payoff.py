"""Profit at expiry over prices of the underlying."""

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.charts import theme
from core.model.notes import PayoffChart

BOX = (0.085, 0.135, 0.885, 0.71)


def payoff(chart: PayoffChart) -> Figure:
    """Paint profit and loss, the line of zero, and the marked prices."""
    figure = theme.sheet(chart.title, chart.source)
    if not chart.spot:
        return theme.empty(figure, "nothing to price")
    spot, profit = np.asarray(chart.spot, dtype=np.float64), np.asarray(chart.profit, dtype=np.float64)
    axes = theme.plot(figure, BOX)
    axes.fill_between(spot, profit, 0, where=profit >= 0, interpolate=True, color=theme.UP, alpha=0.22, linewidth=0)
    axes.fill_between(spot, profit, 0, where=profit <= 0, interpolate=True, color=theme.DOWN, alpha=0.22, linewidth=0)
    axes.axhline(0, color=theme.DIM, linewidth=0.9)
    axes.plot(spot, profit, color=theme.INK, linewidth=1.8)
    axes.margins(x=0, y=0.12)
    theme.money_axis(axes)
    _marks(axes, chart)
    axes.set_xlabel("price of the underlying at expiry", color=theme.DIM, fontsize=8, labelpad=2)
    theme.subtitle(figure, f"best {theme.short(float(profit.max()))}   worst {theme.short(float(profit.min()))} in this range")
    return figure


def _marks(axes: Axes, chart: PayoffChart) -> None:
    """Vertical lines with their names on top; a name too near to the last one goes to a second line."""
    left, right = axes.get_xlim()
    marks = sorted((mark for mark in chart.marks if left <= mark[1] <= right), key=lambda mark: mark[1])
    near = [False] + [later[1] - earlier[1] < 0.13 * (right - left) for earlier, later in pairwise(marks)]
    lifted = False
    for (name, price), close in zip(marks, near, strict=True):
        lifted = close and not lifted
        axes.axvline(price, color=theme.GOLD, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.text(
            price, 1.055 if lifted else 1.01, f"{name} {price:,.2f}", transform=axes.get_xaxis_transform(), color=theme.GOLD,
            fontsize=8, ha="center", va="bottom", parse_math=False,
        )  # fmt: skip
