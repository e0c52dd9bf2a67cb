"""Whether a report is near."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import absent, blocked, closes, passed, session_day

UNIT = "days to earnings"


@dataclass(frozen=True, slots=True)
class Earnings:
    """Calendar days before a report in which nothing is opened, whatever the strategy thinks of it; 0 leaves it to the strategy."""

    name: ClassVar[str] = "earnings"

    days: Annotated[int, Ge(0)] = 0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the days to the next report with the limit."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        limit, symbol = float(self.days), proposal.signal.symbol
        if not self.days:
            return passed(self.name, None, limit, UNIT, "Reports are left to the strategy.")
        events = view.symbol(symbol).events
        if not events.earnings_known:
            return absent(self.name, limit, UNIT, f"No calendar of reports covers {symbol}.")
        if events.next_earnings is None:
            return passed(self.name, None, limit, UNIT, f"No report of {symbol} is near.")
        left = (events.next_earnings - session_day(view)).days
        sentence = f"{symbol} reports in {left} days; nothing is opened in the last {self.days}."
        return (blocked if 0 <= left < self.days else passed)(self.name, float(left), limit, UNIT, sentence)
