"""What one trade can lose."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from core.model.market import MarketView
from core.model.money import ZERO
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import NET, closes, loss_room, share, sized


@dataclass(frozen=True, slots=True)
class TradeRisk:
    """The maximum loss of one trade, fees included, as a share of net liquidation, and in dollars (0: any); trims."""

    name: ClassVar[str] = "trade_risk"

    limit: Annotated[float, Gt(0), Le(1)] = 0.02
    dollars: Annotated[float, Ge(0)] = 0.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the proposal's maximum loss with the limit."""
        net = book.net_liquidation
        allowed = share(net, self.limit)
        room = loss_room(proposal, ZERO, min(allowed, Decimal(str(self.dollars))) if self.dollars else allowed)
        return closes(self.name, proposal, NET) or sized(self.name, proposal, room, net, "The maximum loss of this trade")
