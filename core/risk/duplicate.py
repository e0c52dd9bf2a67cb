"""Whether the same idea is already under way."""

from dataclasses import dataclass
from typing import ClassVar

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed

UNIT = "positions or orders"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """No second position of a strategy in a symbol, and none while a proposal or an order on the symbol is unfinished."""

    name: ClassVar[str] = "duplicate"

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Count what the strategy holds in the symbol, and what is under way there."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        symbol, strategy = proposal.signal.symbol, proposal.signal.strategy
        held = sum(marked.position.strategy == strategy for marked in book.of_symbol(symbol))
        if held:
            return blocked(self.name, float(held), 0.0, UNIT, f"{strategy} already holds {symbol}.")
        if symbol in book.busy:
            return blocked(self.name, 1.0, 0.0, UNIT, f"{symbol} is held back, or a proposal or an order on it is not finished.")
        return passed(self.name, 0.0, 0.0, UNIT, f"{strategy} holds no {symbol}, and nothing on it is under way.")
