"""Pictures: nouns to PNG bytes, with matplotlib's object interface.

`draw` turns a chart of `core.model.notes` into bytes; `build` makes such charts from views, signals, proposals and equity points.
Imported by the engine (`build`), posts, the notifier and the composition roots; imports `core.model` and `core.quant`. To add a
picture: a noun in `core.model.notes`, a file here that paints it, one line in `paint`.
"""

from core.model.notes import Chart


def draw(chart: Chart) -> bytes:
    """Paint a chart as a PNG of 800 by 450 pixels.

    Pure, so it may run in a thread, one call at a time; equal charts give equal bytes. The first call loads matplotlib.
    """
    from core.charts.paint import paint  # noqa: PLC0415 - half a second and 40 MB that a desk without pictures never needs

    return paint(chart)
