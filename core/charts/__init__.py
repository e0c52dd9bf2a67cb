"""Pictures: nouns to PNG bytes, with matplotlib's object interface.

`draw.draw` turns a chart of `core.model.notes` into bytes; `build` makes such charts from views, signals and equity points, and
needs no matplotlib. Imported by the engine (`build`), posts, the notifier and the composition roots; imports `core.model` alone.
To add a picture: a noun in `core.model.notes`, a file here that paints it, one line in `draw`.
"""
