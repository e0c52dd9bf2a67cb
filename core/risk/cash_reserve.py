"""How much cash stays idle."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Decision, Proposal, Verdict
from core.risk._verdicts import NET, blocked, cash_room, closes, share, trimmed


@dataclass(frozen=True, slots=True)
class CashReserve:
    """A share of net liquidation that stays in cash: a trade may only use what is idle beyond it; trims.

    Cash reserved for granted envelopes and the maximum loss of sold spreads are not idle.
    """

    name: ClassVar[str] = "cash_reserve"

    limit: Annotated[float, Ge(0), Le(1)] = 0.2

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the cash that would be left with the reserve."""
        net = book.net_liquidation
        exempt = closes(self.name, proposal, NET)
        if exempt:
            return exempt
        if net <= 0:
            return blocked(self.name, None, 100 * self.limit, NET, f"The account's net liquidation is {net:.2f} dollars.")
        room = cash_room(proposal, book, book.cash - share(net, self.limit))
        left, limit = float(100 * (book.cash - room.total) / net), 100 * self.limit
        sentence = f"{left:.2f} % of net liquidation would be left in idle cash, at least {limit:.2f} % must be"
        return trimmed(proposal, room, Verdict(self.name, Decision.PASS, left, limit, NET, sentence))
