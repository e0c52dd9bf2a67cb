"""Whether the order is one that we know."""

from dataclasses import dataclass
from datetime import date
from math import gcd
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.instruments import Instrument, Leg, Option, Right, Side
from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Decision, Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed

UNIT = "contracts or legs"
MOST_LEGS = 4


@dataclass(frozen=True, slots=True)
class OrderShape:
    """Whole units, one to four different legs on one underlying in reduced ratios, nothing sold uncovered; trims to `contracts`.

    `contracts`: most units of an order with options, 0 for no limit.
    """

    name: ClassVar[str] = "order_shape"

    contracts: Annotated[int, Ge(0)] = 0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look at quantity and legs."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        legs, quantity, most = proposal.legs, proposal.quantity, self.contracts
        defect = "its quantity is not positive" if quantity < 1 else shapeless(legs)
        if defect is None and (short := _uncovered(legs, quantity, book)):
            defect = f"nothing covers {short} shares of the calls that it sells"
        if defect:
            return blocked(self.name, float(len(legs)), float(MOST_LEGS), UNIT, f"This is no order that is known: {defect}.")
        options = any(isinstance(leg.instrument, Option) for leg in legs)
        if most and options and quantity > most:
            sentence = f"{quantity} contracts were sized, at most {most} are allowed; {most} of {quantity} units fit."
            return Verdict(self.name, Decision.TRIM, float(quantity), float(most), UNIT, sentence, most)
        sentence = f"{quantity} units of {len(legs)} leg{'s' if len(legs) > 1 else ''}, {proposal.structure}."
        if most and options:
            return passed(self.name, float(quantity), float(most), UNIT, sentence)
        return passed(self.name, float(len(legs)), float(MOST_LEGS), UNIT, sentence)


def shapeless(legs: tuple[Leg, ...]) -> str | None:
    """What is wrong with the legs of an opening order; None when nothing is."""
    checks = {
        f"it has {len(legs)} legs, one to {MOST_LEGS} are known": 1 <= len(legs) <= MOST_LEGS,
        "a ratio is not positive": all(leg.ratio >= 1 for leg in legs),
        "its ratios have a common factor": not legs or gcd(*(leg.ratio for leg in legs)) == 1,
        "two legs are the same contract": len({leg.instrument for leg in legs}) == len(legs),
        "its legs have different underlyings": len({leg.instrument.underlying for leg in legs}) <= 1,
        "it sells shares short": all(leg.side is Side.BUY or isinstance(leg.instrument, Option) for leg in legs),
    }
    return next((sentence for sentence, holds in checks.items() if not holds), None)


def _uncovered(legs: tuple[Leg, ...], quantity: int, book: Book) -> int:
    """Shares that calls sold by the order may have to deliver and that neither the order nor the account covers."""
    last = max(
        (leg.instrument.expiry for leg in legs if leg.side is Side.SELL and isinstance(leg.instrument, Option)), default=None
    )
    if last is None:
        return 0
    free = sum(_cover(leg.instrument, leg.side.sign * leg.ratio * quantity, last) for leg in legs)
    for position in book.held:
        if position.symbol == legs[0].instrument.underlying:
            free += sum(_cover(holding.instrument, holding.quantity, last) for holding in position.holdings)
    return max(-free, 0)


def _cover(thing: Instrument, quantity: int, last: date) -> int:
    """Shares that a holding delivers (negative: must deliver); a long call counts when it lives as long as the short ones."""
    if not isinstance(thing, Option):
        return quantity
    if thing.right is not Right.CALL or (quantity > 0 and thing.expiry < last):
        return 0
    return quantity * thing.multiplier
