"""How much the account lost today."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed, share

UNIT = "% since the previous close"


@dataclass(frozen=True, slots=True)
class DailyLoss:
    """Loss of net liquidation since the end of the previous session at which entries stop."""

    name: ClassVar[str] = "daily_loss"

    limit: Annotated[float, Gt(0), Le(1)] = 0.05

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the loss of the day with the limit."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        limit, start, net = -100 * self.limit, book.day_start, book.net_liquidation
        if start <= 0:
            return blocked(self.name, None, limit, UNIT, f"The day began with {start:.2f} dollars.")
        change = float(100 * (net / start - 1))
        sentence = f"The account changed by {change:+.2f} % today; entries stop at {limit:+.2f} %."
        return (blocked if start - net >= share(start, self.limit) else passed)(self.name, change, limit, UNIT, sentence)
