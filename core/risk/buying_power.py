"""What the broker lets us buy."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Decision, Proposal, Verdict
from core.risk._verdicts import absent, cash_room, closes, share, trimmed

UNIT = "$"


@dataclass(frozen=True, slots=True)
class BuyingPower:
    """The share of the broker's buying power that a trade may need beyond what granted envelopes need; trims."""

    name: ClassVar[str] = "buying_power"

    limit: Annotated[float, Gt(0), Le(1)] = 1.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the cash needed with the broker's figure."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        if book.buying_power is None:
            return absent(self.name, None, UNIT, "The broker has not said what its buying power is.")
        power = share(book.buying_power, self.limit)
        room = cash_room(proposal, book, power)
        sentence = f"{room.total:.2f} dollars of buying power would be in use, {power:.2f} are there"
        return trimmed(proposal, room, Verdict(self.name, Decision.PASS, float(room.total), float(power), UNIT, sentence))
