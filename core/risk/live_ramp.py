"""How long the account has traded real money."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import closes, passed

UNIT = "live sessions"


@dataclass(frozen=True, slots=True)
class LiveRamp:
    """In an account's first live sessions, so many, the tighter numbers of `core.risk._profile` hold beside the limits set.

    Paper accounts and replays are never in it. `per_minute`, `per_day` and `per_underlying` are those of the gate before the wire.
    """

    name: ClassVar[str] = "live_ramp"

    days: Annotated[int, Ge(1)] = 30
    per_minute: Annotated[int, Ge(1)] = 6
    per_day: Annotated[int, Ge(1)] = 40
    per_underlying: Annotated[int, Ge(1)] = 3

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Say whether the tighter numbers hold."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        if book.standing is None:
            return passed(self.name, 0.0, float(self.days), UNIT, "No real money is traded here, so the usual limits hold.")
        day = book.standing.live_day
        hold = "the tighter limits of the first days hold" if self.holds(book) else "the usual limits hold"
        return passed(self.name, float(day), float(self.days), UNIT, f"Live session {day}, ramp of {self.days}: {hold}.")

    def holds(self, book: Book) -> bool:
        """Whether the account is still in its first live sessions."""
        return book.standing is not None and book.standing.live_day <= self.days
