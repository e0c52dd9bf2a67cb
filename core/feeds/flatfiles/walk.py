"""One session of bars as a path of instants: the adverse event first.

A daily bar does not say in which order its prices came. The path assumes the worst for a holder: from the open down to the
low, touching every level on the way, then up to the high, then to the close.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from core.market.panel import CLOSE, HIGH, LOW, OPEN
from core.model.market import Floats, Session
from core.model.money import price

FIRST_LOOK = timedelta(minutes=5)
LAST_LOOK = timedelta(minutes=1)
STEP = timedelta(seconds=10)

Step = tuple[datetime, Floats, dict[int, Decimal]]


@dataclass(slots=True, eq=False)
class Walk:
    """The path through one session.

    Parameters
    ----------
    bars : shape (5, symbols), the bars of the day.
    columns : symbol to its column.
    triggers : asked before each step: price levels of the symbols that somebody watches.
    """

    bars: Floats
    columns: Mapping[str, int]
    session: Session
    triggers: Callable[[], Mapping[str, Sequence[Decimal]]]
    _row: Floats = field(init=False)
    _exact: dict[int, Decimal] = field(init=False, default_factory=dict)
    _reached: dict[str, Decimal] = field(init=False, default_factory=dict)
    _edges: dict[tuple[str, int], Decimal | None] = field(init=False, default_factory=dict)

    def steps(self) -> Iterator[Step]:
        """Give (instant, price of every symbol, exact price where a level was touched) in order."""
        opening, end = self.session.open + FIRST_LOOK, self.session.close - LAST_LOOK
        middle = self.session.open + (self.session.close - self.session.open) / 2
        self._row = self.bars[OPEN].copy()
        yield self._at(opening)
        yield from self._touch(self._below, opening, middle)
        if self._fall():
            yield self._at(middle)
        self._reached.clear()
        yield from self._touch(self._above, middle, end)
        self._row, self._exact = self.bars[CLOSE].copy(), {}
        yield self._at(end)

    def _at(self, instant: datetime) -> Step:
        return instant, self._row.copy(), dict(self._exact)

    def _touch(
        self, following: Callable[[str, Sequence[Decimal]], Decimal | None], start: datetime, end: datetime
    ) -> Iterator[Step]:
        """Touch one level after the other, the symbols in order, as long as somebody watches one that is still ahead."""
        instant = start
        while True:
            found = ((symbol, following(symbol, levels)) for symbol, levels in sorted(self.triggers().items()))
            symbol, level = next(((symbol, level) for symbol, level in found if level is not None), ("", None))
            if level is None:
                return
            self._reached[symbol] = self._exact[self.columns[symbol]] = level
            instant += min(STEP, (end - instant) / 200)  # never reaches the end
            yield self._at(instant)

    def _below(self, symbol: str, levels: Sequence[Decimal]) -> Decimal | None:
        start, low = self._edge(symbol, OPEN), self._edge(symbol, LOW)
        if start is None or low is None:
            return None
        start = self._reached.get(symbol, start)
        return max((level for level in levels if low <= level < start), default=None)

    def _above(self, symbol: str, levels: Sequence[Decimal]) -> Decimal | None:
        start, high = self._edge(symbol, OPEN), self._edge(symbol, HIGH)
        if start is None or high is None:
            return None
        start = self._reached.get(symbol, start)
        return min((level for level in levels if start < level <= high), default=None)

    def _fall(self) -> bool:
        """Put every watched symbol at its low; say whether anything moved."""
        moved = False
        for symbol in self.triggers():
            low = self._edge(symbol, LOW)
            if low is None:
                continue
            column = self.columns[symbol]
            moved |= low < self._exact.get(column, price(float(self._row[column])))
            self._exact[column] = low
        return moved

    def _edge(self, symbol: str, edge: int) -> Decimal | None:
        if (symbol, edge) not in self._edges:
            value = float(self.bars[edge, self.columns[symbol]]) if symbol in self.columns else math.nan
            self._edges[symbol, edge] = None if math.isnan(value) else price(value)
        return self._edges[symbol, edge]
