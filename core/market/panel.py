"""The bar panel: recent daily bars of every symbol in one matrix, in the units of now.

On the morning of a split the whole past of that symbol is rescaled before the day's bar is appended, and never by a split
that is still to come. What the panel shows on a day is therefore the same whether or not the data go on after it.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from core.model.errors import BadDataError
from core.model.market import Floats

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)

KEEP = 260


class Panel:
    """Daily bars as one float64 matrix of shape (field, bar, symbol); NaN is a session without a bar.

    Parameters
    ----------
    symbols : names of the columns; they never change.
    keep : how many sessions stay; a few more are held so that the oldest are dropped in one move now and then.

    Attributes
    ----------
    days : list of date
        Session of each bar, oldest first.
    columns : mapping of symbol to its column
    """

    def __init__(self, symbols: Sequence[str], keep: int = KEEP) -> None:
        self.symbols = tuple(symbols)
        self.columns: Mapping[str, int] = {symbol: column for column, symbol in enumerate(self.symbols)}
        self.days: list[date] = []
        self._keep = keep
        self._bars = np.full((5, keep + max(keep // 8, 1), len(self.symbols)), np.nan)

    def __len__(self) -> int:
        return len(self.days)

    def append(self, day: date, bar: Floats) -> None:
        """Add one session: `bar` has shape (5, symbols), open high low close volume.

        Raises
        ------
        BadDataError
            The shape does not fit, or the day is not after the last one.
        """
        if bar.shape != (5, len(self.symbols)):
            raise BadDataError(f"the bars of {day} have shape {bar.shape}, the panel needs {(5, len(self.symbols))}")
        if self.days and day <= self.days[-1]:
            raise BadDataError(f"the bars of {day} do not come after those of {self.days[-1]}")
        if len(self.days) == self._bars.shape[1]:
            self._drop_oldest()
        self._bars[:, len(self.days)] = bar
        self.days.append(day)

    def _drop_oldest(self) -> None:
        for field in self._bars:  # one after the other: numpy copies what overlaps
            field[: self._keep] = field[-self._keep :]
        del self.days[: -self._keep]

    def rescale(self, ratio: Floats) -> None:
        """Put every bar into the units after a split of `ratio` new shares for each old one (row; 1 where there is none)."""
        for column in np.flatnonzero(ratio != 1.0).tolist():
            self._bars[:VOLUME, : len(self.days), column] /= ratio[column]
            self._bars[VOLUME, : len(self.days), column] *= ratio[column]

    def rows(self, field: int, sessions: int) -> Floats:
        """View of one field over the last sessions, shape (sessions or fewer, symbols). Do not write into it."""
        return self._bars[field, max(len(self.days) - sessions, 0) : len(self.days)]

    def matrix(self, column: int, sessions: int) -> Floats:
        """View of one symbol over the last sessions, shape (5, sessions or fewer), holes as NaN. Do not write into it."""
        return self._bars[:, max(len(self.days) - sessions, 0) : len(self.days), column]
