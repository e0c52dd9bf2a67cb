"""One door for all pictures."""

from core.charts.candles import candles
from core.charts.equity import equity
from core.charts.payoff import payoff
from core.charts.theme import png
from core.model.notes import CandleChart, Chart, EquityChart


def paint(chart: Chart) -> bytes:
    """Paint a chart of any kind; see `core.charts.draw`."""
    if isinstance(chart, CandleChart):
        return png(candles(chart))
    if isinstance(chart, EquityChart):
        return png(equity(chart))
    return png(payoff(chart))
