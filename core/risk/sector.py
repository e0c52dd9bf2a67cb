"""How much stands in one sector."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from core.model.market import MarketView
from core.model.money import ZERO
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import NET, absent, closes, share, sized, value_room, worth


@dataclass(frozen=True, slots=True)
class Sector:
    """Market value of stock plus maximum loss of options in one sector, over net liquidation; trims.

    Held positions whose sector is unknown could belong to any, so they count in every sector.
    """

    name: ClassVar[str] = "sector"

    limit: Annotated[float, Gt(0), Le(1)] = 0.3

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare what would stand in the sector with the limit."""
        exempt = closes(self.name, proposal, NET)
        if exempt:
            return exempt
        if proposal.sector is None:
            return absent(self.name, 100 * self.limit, NET, f"The sector of {proposal.signal.symbol} is unknown.")
        net = book.net_liquidation
        held = sum((worth(marked) for marked in book.positions if marked.position.sector in {proposal.sector, None}), ZERO)
        room = value_room(proposal, held, share(net, self.limit))
        return sized(self.name, proposal, room, net, f"The exposure to the sector {proposal.sector}")
