"""Pictures: nouns to PNG bytes, with matplotlib's object interface.

`draw` turns a chart of `core.model.notes` into bytes; `build` makes such charts from views, signals and equity points. Imported by
the engine (`build`), posts, the notifier and the composition roots; imports `core.model` alone. To add a picture: a noun in
`core.model.notes`, a file here that paints it, one line in `draw`.
"""

from core.charts.draw import draw

__all__ = ["draw"]
