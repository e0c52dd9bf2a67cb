"""How much one strategy can lose at once."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import NET, closes, loss_room, share, sized


@dataclass(frozen=True, slots=True)
class StrategyHeat:
    """Summed maximum loss of a strategy's positions over net liquidation; trims.

    Granted envelopes that are no positions yet count in full, whichever strategy they belong to, and so does what somebody else
    holds on the account.
    """

    name: ClassVar[str] = "strategy_heat"

    limit: Annotated[float, Gt(0), Le(1)] = 0.2

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the heat after the trade with the limit."""
        strategy, net = proposal.signal.strategy, book.net_liquidation
        counted = [position for position in book.held if position.strategy == strategy or position.is_external]
        heat = sum((position.max_loss for position in counted), book.reserved)
        room = loss_room(proposal, heat, share(net, self.limit))
        return closes(self.name, proposal, NET) or sized(self.name, proposal, room, net, f"The heat of {strategy}")
