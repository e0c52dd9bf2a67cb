"""What the broker still allows the account today."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import absent, blocked, closes, passed

UNIT = "day trades left"


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Day trades, intraday margin and settled cash as the broker reports them; `keep` day trades stay for exits. Live only."""

    name: ClassVar[str] = "account_limits"

    keep: Annotated[int, Ge(0)] = 1

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the order with what the broker allows."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        standing, limit = book.standing, float(self.keep)
        if standing is None:
            return passed(self.name, None, limit, UNIT, "No broker limits this account.")
        if not standing.stated:
            return absent(self.name, limit, UNIT, "The broker has not said what the account may do.")
        left = None if standing.day_trades_left is None else float(standing.day_trades_left)
        if standing.closing_only:
            return blocked(self.name, left, limit, UNIT, f"The account may only close positions: {standing.closing_only}.")
        if left is not None and left < self.keep:
            return blocked(
                self.name, left, limit, UNIT, f"The broker allows {left:.0f} more day trades, {self.keep} stay for exits."
            )
        if standing.intraday_excess is not None and standing.intraday_excess < 0:
            sentence = f"The account lacks {-standing.intraday_excess:.2f} dollars of intraday margin."
            return blocked(self.name, left, limit, UNIT, sentence)
        need = proposal.cash_need + proposal.fees
        if standing.settled_cash is not None and need > standing.settled_cash:
            sentence = f"The order needs {need:.2f} dollars, {standing.settled_cash:.2f} are settled."
            return blocked(self.name, left, limit, UNIT, sentence)
        return passed(self.name, left, limit, UNIT, "The broker sets no limit that the order meets.")
