"""How every picture looks: a dark sheet of 800 by 450 pixels, a title, a source line, and labels that do not overlap."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

SHEET = "#1e2127"
INK = "#e6e8eb"
DIM = "#9aa1ac"
GRID = "#33373f"
UP = "#3fb68b"
DOWN = "#e5575f"
GOLD = "#e3b341"
BLUE = "#5aa9f5"
SIZE = (8.0, 4.5)
DPI = 100


@dataclass(frozen=True, slots=True)
class Tag:
    """A label at the right edge of a plot, beside the value that it names."""

    value: float
    text: str
    colour: str


def sheet(title: str, source: str) -> Figure:
    """Give an empty sheet with its title and source line."""
    figure = Figure(figsize=SIZE, dpi=DPI, facecolor=SHEET)
    FigureCanvasAgg(figure)
    figure.text(0.02, 0.945, title, color=INK, fontsize=13, fontweight="bold", va="center", parse_math=False)
    figure.text(0.02, 0.022, source, color=DIM, fontsize=7.5, va="center", parse_math=False)
    return figure


def subtitle(figure: Figure, text: str, colour: str = DIM) -> None:
    """Put the figures that matter at the right end of the title line."""
    figure.text(0.98, 0.945, text, color=colour, fontsize=10, va="center", ha="right", parse_math=False)


def plot(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Add axes in the house look; `box` is left, bottom, width, height as shares of the sheet."""
    axes = figure.add_axes(box, facecolor=SHEET)
    axes.grid(visible=True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=DIM, labelsize=8, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def tags(axes: Axes, labels: Sequence[Tag], line: float = 0.058) -> None:
    """Write labels right of the plot at their values, pushed apart where they would overlap."""
    bottom, top = axes.get_ylim()
    height = top - bottom or 1.0
    ordered = sorted(labels, key=lambda tag: tag.value)
    for place, tag in zip(apart([(tag.value - bottom) / height for tag in ordered], line), ordered, strict=True):
        axes.text(
            1.012,
            place,
            tag.text,
            transform=axes.transAxes,
            color=tag.colour,
            fontsize=8.5,
            va="center",
            clip_on=False,
            parse_math=False,
        )


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Ascending places in 0 to 1, moved as little as needed until each is a gap away from the next.

    Least squares under "each at least a gap above the one before": isotonic regression by pooling adjacent violators.
    """
    pools: list[tuple[float, int]] = []
    for at, place in enumerate(places):
        mean, size = place - at * gap, 1
        while pools and pools[-1][0] > mean:
            other, more = pools.pop()
            mean, size = (mean * size + other * more) / (size + more), size + more
        pools.append((mean, size))
    level = [mean for mean, size in pools for _ in range(size)]
    room = 1.0 - gap * (len(level) - 1)
    return [min(max(mean, 0.0), max(room, 0.0)) + at * gap for at, mean in enumerate(level)]


def day_axis(axes: Axes, days: Sequence[str]) -> None:
    """Label about seven days along the bottom; positions are 0 to n - 1."""
    step = max(1, -(-len(days) // 7))
    places = list(range(len(days) - 1, -1, -step))[::-1]
    axes.set_xticks(places, [days[place] for place in places])
    axes.set_xlim(-0.8, max(len(days) - 0.2, 1))


def money_axis(axes: Axes) -> None:
    """Short dollars on the left: 950, 12.5k, 1.25M."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def short(value: float) -> str:
    """Dollars in few characters."""
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:,.2f}".rstrip("0").rstrip(".") + name
    return f"{value:,.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"


def png(figure: Figure) -> bytes:
    """The sheet as PNG; the same sheet gives the same bytes."""
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def empty(figure: Figure, sentence: str) -> Figure:
    """Say why there is nothing to see."""
    figure.text(0.5, 0.5, sentence, color=DIM, fontsize=11, ha="center", va="center", parse_math=False)
    return figure
