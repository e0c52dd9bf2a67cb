"""Whether the company changes its shares while an option on them would live."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed, session_day

UNIT = "actions before expiry"


@dataclass(frozen=True, slots=True)
class CorporateActions:
    """No option is opened across a split, or across a dividend above this share of the price: either changes the contract."""

    name: ClassVar[str] = "corporate_action"

    special: Annotated[float, Gt(0), Le(1)] = 0.1

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look for announced splits and special dividends up to the last expiry of the order."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        expiries = [expiry for leg in proposal.legs if (expiry := getattr(leg.instrument, "expiry", None)) is not None]
        if not expiries:
            return passed(self.name, None, 0.0, UNIT, "No option in it.")
        today, last = session_day(view), max(expiries)
        events, spot = view.symbol(proposal.signal.symbol).events, float(proposal.spot)
        found = [f"a split on {day}" for day, _ in events.splits if today < day <= last]
        found += [
            f"a dividend of {paid:.2f} on {day}"
            for day, paid in events.dividends
            if today < day <= last and paid > self.special * spot
        ]
        if found:
            sentence = (
                f"{proposal.signal.symbol} has {found[0]}, before the option expires on {last}: the contract would be changed."
            )
            return blocked(self.name, float(len(found)), 0.0, UNIT, sentence)
        return passed(self.name, 0.0, 0.0, UNIT, f"Nothing is announced that changes the contract before {last}.")
