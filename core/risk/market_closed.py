"""Whether anybody trades."""

from dataclasses import dataclass
from typing import ClassVar

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, passed

UNIT = "open"


@dataclass(frozen=True, slots=True)
class MarketClosed:
    """Nothing is sent while the exchange is closed. Binds exits as well."""

    name: ClassVar[str] = "market_closed"

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look at the session of the view."""
        if view.is_open:
            return passed(self.name, 1.0, 1.0, UNIT, "The market is open.")
        session = view.session
        hours = f"trades from {session.open:%H:%M} to {session.close:%H:%M} UTC" if session else "has no session today"
        return blocked(self.name, 0.0, 1.0, UNIT, f"The market is closed: the exchange {hours}.")
