"""How often we trade."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed

UNIT = "trades today"


@dataclass(frozen=True, slots=True)
class TradesPerDay:
    """Envelopes granted in one session, this one included."""

    name: ClassVar[str] = "trades_per_day"

    limit: Annotated[int, Ge(1)] = 25

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the trades of the session with the limit."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        trades, limit = book.trades_today + 1, self.limit
        sentence = f"This would be trade {trades} of the session, at most {limit} are allowed."
        return (blocked if trades > limit else passed)(self.name, float(trades), float(limit), UNIT, sentence)
