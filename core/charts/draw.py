"""One door for all pictures."""

from core.charts.candles import candles
from core.charts.equity import equity
from core.charts.payoff import payoff
from core.charts.theme import png
from core.model.notes import CandleChart, Chart, EquityChart


def draw(chart: Chart) -> bytes:
    """Paint a chart as a PNG of 800 by 450 pixels.

    Pure: it reads and changes nothing but its argument, so it may run in a thread; equal charts give equal bytes.
    """
    if isinstance(chart, CandleChart):
        return png(candles(chart))
    if isinstance(chart, EquityChart):
        return png(equity(chart))
    return png(payoff(chart))
