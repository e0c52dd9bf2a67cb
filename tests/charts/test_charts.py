"""Pictures: their size, that equal charts give equal bytes, that odd charts still draw, and what the builders put in."""

import io
import math
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from core.charts import draw, theme
from core.charts.build import candle_chart, equity_chart
from core.model.market import Bars
from core.model.notes import CandleChart, Chart, EquityChart, PayoffChart
from core.model.positions import EquityPoint
from tests.kit import nouns

CLOSES = np.linspace(60, 100, 260)
CANDLES = candle_chart(nouns.symbol_view(), nouns.signal(), "a table in memory")
EQUITY = EquityChart("Equity", ("2024-06-10", "2024-06-11", "2024-06-12"), (100_000.0, 99_000.0, 101_000.0), "paper")
PAYOFF = PayoffChart("Call", (90.0, 100.0, 110.0), (-500.0, -500.0, 500.0), (("spot", 100.0), ("stop", 94.0)), "modelled")
LEVEL = replace(CANDLES, open=(100.0,) * 120, high=(100.0,) * 120, low=(100.0,) * 120, close=(100.0,) * 120)
ODD = {
    "no bars": CandleChart("X", (), (), (), (), (), (), None, None, (), "s"),
    "one bar": CandleChart("X", ("2024-06-11",), (1.0,), (2.0,), (0.5,), (1.5,), (None,), None, None, (), "s"),
    "flat bars": replace(LEVEL, sma50=(None,) * 120, entry=None, stop=None, rungs=()),
    "dollar signs": replace(CANDLES, title="$A costs $5 and $B_1 ^ \\frac", source="$x$ $"),
    "no equity": EquityChart("E", (), (), "s"),
    "one session": EquityChart("E", ("2024-06-11",), (100_000.0,), "s"),
    "all lost": EquityChart("E", ("2024-06-11", "2024-06-12"), (100.0, -5.0), "s"),
    "no payoff": PayoffChart("P", (), (), (), "s"),
    "flat payoff": PayoffChart("P", (1.0, 2.0), (0.0, 0.0), (("a", 1.5), ("b", 1.5), ("outside", 9.0)), "s"),
}


def size(picture: bytes) -> tuple[int, ...]:
    return tuple(imread(io.BytesIO(picture), format="png").shape[:2])


@pytest.mark.parametrize("chart", [CANDLES, EQUITY, PAYOFF, *ODD.values()], ids=["candles", "equity", "payoff", *ODD])
def test_every_chart_draws_at_450_by_800(chart: Chart) -> None:
    assert size(draw(chart)) == (450, 800)


def test_the_same_chart_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys; from core.charts import draw; from core.model.notes import PayoffChart; from math import nan, inf; "
        f"sys.stdout.buffer.write(draw({PAYOFF!r}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == draw(PAYOFF)


def test_every_level_changes_the_picture() -> None:
    plain = draw(replace(CANDLES, entry=None, stop=None, rungs=()))
    pictures = {
        draw(replace(CANDLES, **only))
        for only in ({"entry": None}, {"stop": None}, {"rungs": CANDLES.rungs[:2]}, {"source": "else"})
    }
    assert len({plain, draw(CANDLES), *pictures}) == 6


def test_a_desk_without_pictures_never_loads_matplotlib() -> None:
    code = "import sys, core.charts.build; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_candle_chart_shows_the_last_120_sessions_and_the_levels_of_the_signal() -> None:
    view = nouns.symbol_view(bars=nouns.bars(CLOSES))
    chart = candle_chart(view, nouns.signal(), "source")
    assert (len(chart.days), chart.days[-1], chart.close[-1]) == (120, "2024-06-11", 100.0)
    assert (chart.entry, chart.stop) == (100.0, 94.0)
    assert chart.rungs == ((7.0, 120.0), (8.0, 124.0), (9.0, 128.0), (10.0, 132.0))
    assert chart.sma50[-2] == pytest.approx(CLOSES[-51:-1].mean())
    assert chart.sma50[-1] == view.features["sma50"], "the picture contradicts the gates"


def test_a_short_history_has_no_average_and_bars_with_gaps_are_left_out() -> None:
    closes = [100.0, 101.0, math.nan, 103.0]
    bars = nouns.bars([100.0, 101.0, 102.0, 103.0])
    gapped = Bars(bars.day, bars.open, bars.high, bars.low, np.array(closes), bars.volume)
    chart = candle_chart(nouns.symbol_view(bars=gapped, features={"sma50": math.nan}), nouns.closing_signal(), "source")
    assert (chart.close, chart.sma50, chart.entry, chart.rungs) == ((100.0, 101.0, 103.0), (None, None, None), None, ())


def test_the_equity_chart_is_the_points() -> None:
    first = date(2024, 6, 10)
    points = [
        EquityPoint("paper", first + timedelta(days=at), Decimal(100_000 + at), Decimal(0), Decimal(0), Decimal(0), Decimal(0))
        for at in range(2)
    ]
    assert equity_chart(points, source="paper") == EquityChart(
        "Equity", ("2024-06-10", "2024-06-11"), (100_000.0, 100_001.0), "paper"
    )


@given(st.lists(st.floats(0, 1), max_size=12).map(sorted))
def test_labels_never_overlap_keep_their_order_and_stay_on_the_sheet(places: list[float]) -> None:
    moved = theme.apart(places, 0.06)
    assert all(later - earlier >= 0.06 - 1e-9 for earlier, later in pairwise(moved))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in moved)


def test_labels_that_do_not_overlap_stay_where_they_are() -> None:
    assert theme.apart([0.1, 0.5, 0.9], 0.06) == pytest.approx([0.1, 0.5, 0.9])


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (950, "950"), (-640, "-640"), (12_500, "12.5k"), (1_250_000, "1.25M"), (0.5, "0.5")]
)
def test_dollars_in_few_characters(value: float, text: str) -> None:
    assert theme.short(value) == text
