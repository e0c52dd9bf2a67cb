"""How alike a new name moves to what is held."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le

from core.model.errors import UnknownSymbolError
from core.model.market import Bars, MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import absent, blocked, closes, passed

UNIT = "correlation"


@dataclass(frozen=True, slots=True)
class Correlation:
    """Highest correlation of daily returns with any other name held, over the last `days` sessions that both have; blocks."""

    name: ClassVar[str] = "correlation"

    limit: Annotated[float, Gt(0), Le(1)] = 0.7
    days: Annotated[int, Ge(20), Le(1000)] = 60

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:
        """Compare the highest correlation with the limit."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        symbol = proposal.signal.symbol
        others = sorted({position.symbol for position in book.held} - {symbol})
        if not others:
            return passed(self.name, None, self.limit, UNIT, "Nothing else is held, so there is nothing to move with.")
        found = {other: self._between(view, symbol, other) for other in others}
        known = {other: value for other, value in found.items() if value is not None}
        worst = max(known, key=lambda other: (known[other], other), default=None)
        if worst is not None and known[worst] > self.limit:
            sentence = f"{symbol} moves with {worst} at {known[worst]:.2f}, at most {self.limit:.2f} is allowed."
            return blocked(self.name, known[worst], self.limit, UNIT, sentence)
        if worst is None or len(known) < len(found):
            missing = ", ".join(sorted(set(found) - set(known)))
            sentence = f"There are no {self.days} common daily returns of {symbol} with {missing}."
            return absent(self.name, self.limit, UNIT, sentence)
        sentence = f"{symbol} moves most with {worst}, at {known[worst]:.2f}; at most {self.limit:.2f} is allowed."
        return passed(self.name, known[worst], self.limit, UNIT, sentence)

    def _between(self, view: MarketView, one: str, other: str) -> float | None:
        try:
            return correlation(view.symbol(one).bars, view.symbol(other).bars, self.days)
        except UnknownSymbolError:
            return None


def correlation(one: Bars, other: Bars, days: int) -> float | None:
    """Pearson correlation of the last so many log returns over the sessions that both have.

    None when there are fewer, when a close is not a positive number, or when either did not move at all.
    """
    first, second = one.day[-2 * days :], other.day[-2 * days :]
    common, left, right = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    if len(common) < days + 1:
        return None
    closes_one = one.close[-2 * days :][left][-days - 1 :]
    closes_other = other.close[-2 * days :][right][-days - 1 :]
    both = np.stack((closes_one, closes_other))
    if not (np.isfinite(both).all() and (both > 0).all()):
        return None
    returns = np.diff(np.log(both), axis=1)
    moves = returns - returns.mean(axis=1, keepdims=True)
    spread = math.sqrt(float((moves[0] ** 2).sum() * (moves[1] ** 2).sum()))
    return float((moves[0] * moves[1]).sum()) / spread if spread > 1e-18 else None
