"""How far the account is below its best."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from core.model.errors import SettingsError
from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Decision, Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed, share

UNIT = "% below the highest of 252 sessions"


@dataclass(frozen=True, slots=True)
class Drawdown:
    """Drawdown from the highest net liquidation of 252 sessions: above `halve` half the size, above `stop` no entries.

    The size is halved once: a proposal that carries this rule's earlier trim is not halved again.
    """

    name: ClassVar[str] = "drawdown"

    halve: Annotated[float, Gt(0), Le(1)] = 0.10
    stop: Annotated[float, Gt(0), Le(1)] = 0.15

    def __post_init__(self) -> None:
        if self.halve > self.stop:
            raise SettingsError((f"halve: {self.halve:g} must not be above stop ({self.stop:g})",))

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the drawdown with both limits."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        highest = max(book.peak, book.net_liquidation)
        if highest <= 0:
            return blocked(self.name, None, 100 * self.halve, UNIT, f"The account never held more than {highest:.2f} dollars.")
        below, lost = highest - book.net_liquidation, float(100 * (1 - book.net_liquidation / highest))
        if below > share(highest, self.stop):
            sentence = f"The account is {lost:.2f} % below its high; above {100 * self.stop:g} % nothing new is opened."
            return blocked(self.name, lost, 100 * self.stop, UNIT, sentence)
        if below <= share(highest, self.halve):
            sentence = f"The account is {lost:.2f} % below its high; the size is halved above {100 * self.halve:g} %."
            return passed(self.name, lost, 100 * self.halve, UNIT, sentence)
        if any(verdict.rule == self.name and verdict.decision is Decision.TRIM for verdict in proposal.verdicts):
            return passed(
                self.name, lost, 100 * self.halve, UNIT, f"The account is {lost:.2f} % below its high; the size is halved."
            )
        half = proposal.quantity // 2
        sentence = f"The account is {lost:.2f} % below its high; above {100 * self.halve:g} % the size is halved"
        if half < 1:
            return blocked(self.name, lost, 100 * self.halve, UNIT, f"{sentence}, and one unit cannot be.")
        reason = f"{sentence}, to {half} of {proposal.quantity} units."
        return Verdict(self.name, Decision.TRIM, lost, 100 * self.halve, UNIT, reason, half)
