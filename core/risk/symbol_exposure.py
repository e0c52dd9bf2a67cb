"""How much stands in one name."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from core.model.market import MarketView
from core.model.money import ZERO
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import NET, closes, share, sized, value_room, worth


@dataclass(frozen=True, slots=True)
class SymbolExposure:
    """Market value of stock plus maximum loss of options on one underlying, what is held included; trims."""

    name: ClassVar[str] = "symbol_exposure"

    limit: Annotated[float, Gt(0), Le(1)] = 0.05

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare what would stand in the symbol with the limit."""
        symbol, net = proposal.signal.symbol, book.net_liquidation
        held = sum((worth(marked) for marked in book.of_symbol(symbol)), ZERO)
        room = value_room(proposal, held, share(net, self.limit))
        return closes(self.name, proposal, NET) or sized(self.name, proposal, room, net, f"The exposure to {symbol}")
