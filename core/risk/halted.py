"""Whether trading in the name was stopped."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.model.signals import Intent
from core.risk._verdicts import blocked, passed

UNIT = "minutes since trading went on"
MARKET = ""


@dataclass(frozen=True, slots=True)
class Halted:
    """Minutes after a halt or a limit state in which nothing is opened; while it lasts nothing is sent. Binds exits as well."""

    name: ClassVar[str] = "halted"

    limit: Annotated[float, Ge(0)] = 5.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look for a halt of the name or of the whole market."""
        symbol = proposal.signal.symbol
        for name, what in ((symbol, symbol), (MARKET, "The whole market")):
            halt = view.conditions.halts.get(name)
            if halt is None:
                continue
            if halt.until is None or view.as_of < halt.until:
                return blocked(self.name, 0.0, self.limit, UNIT, f"{what} does not trade: {halt.reason}.")
            calm = view.as_of - halt.until
            if proposal.intent is Intent.OPEN and calm < timedelta(minutes=self.limit):
                minutes = calm.total_seconds() / 60
                sentence = f"{what} trades again for {minutes:.0f} minutes only ({halt.reason}); {self.limit:g} must have passed."
                return blocked(self.name, minutes, self.limit, UNIT, sentence)
        return passed(self.name, None, self.limit, UNIT, f"No halt of {symbol} is known.")
