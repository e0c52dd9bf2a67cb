"""How often in a row we were wrong."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed, session_day

UNIT = "losses in a row"


@dataclass(frozen=True, slots=True)
class LosingStreak:
    """Consecutive losses after which entries rest: for what is left of the session, and through the session of the pause."""

    name: ClassVar[str] = "losing_streak"

    limit: Annotated[int, Ge(1)] = 5

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:
        """Compare the streak with the limit, and today with the pause."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        losses, limit = float(book.consecutive_losses), float(self.limit)
        if book.consecutive_losses >= self.limit:
            sentence = f"The last {book.consecutive_losses} closed positions lost; entries rest after {self.limit} in a row."
            return blocked(self.name, losses, limit, UNIT, sentence)
        if book.paused_session is not None and session_day(view) <= book.paused_session:
            sentence = f"Entries rest until the session of {book.paused_session} is over, after a losing streak."
            return blocked(self.name, losses, limit, UNIT, sentence)
        sentence = f"{book.consecutive_losses} losses in a row; entries rest after {self.limit}."
        return passed(self.name, losses, limit, UNIT, sentence)
