"""Whether the session is neither too young nor too old."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed

UNIT = "minutes"


@dataclass(frozen=True, slots=True)
class SessionWindow:
    """Minutes after the open and before the close in which nothing is opened; a half day ends when its session does."""

    name: ClassVar[str] = "session_window"

    after_open: Annotated[float, Ge(0), Le(390)] = 0.0
    before_close: Annotated[float, Ge(0), Le(390)] = 0.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the instant with both ends of the session."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        session = view.session
        if session is None or not view.is_open:
            return passed(self.name, None, self.after_open, UNIT, "The market is closed, which another rule is about.")
        gone = (view.as_of - session.open).total_seconds() / 60
        left = (session.close - view.as_of).total_seconds() / 60
        if gone < self.after_open:
            sentence = f"The session is {gone:.0f} minutes old; nothing is opened in its first {self.after_open:g}."
            return blocked(self.name, gone, self.after_open, UNIT, sentence)
        sentence = f"{left:.0f} minutes of the session are left; nothing is opened in its last {self.before_close:g}."
        return (blocked if left < self.before_close else passed)(self.name, left, self.before_close, UNIT, sentence)
