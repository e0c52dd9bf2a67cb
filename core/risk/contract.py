"""Whether the contracts are ordinary ones with time left."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.instruments import Option
from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed, session_day

UNIT = "days to expiry"
STANDARD = 100


@dataclass(frozen=True, slots=True)
class Contract:
    """Days to expiry that an option to be opened may have, and minutes before its last close from which on it is left alone.

    Adjusted contracts (another deliverable than 100 shares, a numbered root) and expired ones are never opened.
    """

    name: ClassVar[str] = "contract"

    days_low: Annotated[int, Ge(0)] = 0
    days_high: Annotated[int, Ge(0)] = 1200
    last_minutes: Annotated[float, Ge(0)] = 60.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look at every option of the order."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        options = [leg.instrument for leg in proposal.legs if isinstance(leg.instrument, Option)]
        if not options:
            return passed(self.name, None, None, UNIT, "No option in it.")
        today = session_day(view)
        first = min((option.expiry - today).days for option in options)
        for option in options:
            defect = self._defect(option, view)
            if defect:
                return blocked(self.name, float(first), float(self.days_low), UNIT, f"{option} {defect}.")
        return passed(
            self.name, float(first), float(self.days_low), UNIT, f"Ordinary contracts, the first expires in {first} days."
        )

    def _defect(self, option: Option, view: MarketView) -> str | None:
        if option.multiplier != STANDARD:
            return f"delivers {option.multiplier} shares and not {STANDARD}: an adjusted contract is never opened"
        if option.underlying[-1:].isdigit():
            return "has a numbered root: an adjusted contract is never opened"
        left = (option.expiry - session_day(view)).days
        if left < 0:
            return f"expired on {option.expiry}"
        if not self.days_low <= left <= self.days_high:
            return f"expires in {left} days, {self.days_low} to {self.days_high} are allowed"
        session = view.session
        if left == 0 and session and session.close - view.as_of < timedelta(minutes=self.last_minutes):
            return f"expires today in less than {self.last_minutes:g} minutes"
        return None
