"""How rules speak: verdicts with their sentence, and the largest size that fits under a limit."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from core.market.sessions import NEW_YORK
from core.model.market import MarketView
from core.model.money import ZERO
from core.model.positions import Book, Marked, Position
from core.model.proposals import Decision, Proposal, Verdict
from core.model.signals import Intent

NET = "% of net liquidation"


def passed(rule: str, measured: float | None, limit: float | None, unit: str, reason: str) -> Verdict:
    """The proposal may stay as it is."""
    return Verdict(rule, Decision.PASS, measured, limit, unit, reason)


def blocked(rule: str, measured: float | None, limit: float | None, unit: str, reason: str) -> Verdict:
    """The proposal must not go on."""
    return Verdict(rule, Decision.BLOCK, measured, limit, unit, reason)


def absent(rule: str, limit: float | None, unit: str, reason: str) -> Verdict:
    """What the rule measures does not exist here."""
    return Verdict(rule, Decision.ABSENT, None, limit, unit, reason)


def closes(rule: str, proposal: Proposal, unit: str) -> Verdict | None:
    """The verdict on a closing proposal of a rule that guards entries alone; None when the proposal opens."""
    if proposal.intent is Intent.OPEN:
        return None
    return passed(rule, None, None, unit, "The order reduces risk, so this limit on entries does not hold it up.")


def share(of: Decimal, limit: float) -> Decimal:
    """Part of an amount, exact for the decimal digits that the setting shows."""
    return of * Decimal(str(limit))


@dataclass(frozen=True, slots=True)
class Room:
    """What a limit on the size has to weigh, in positive dollars.

    Attributes
    ----------
    used : Decimal
        What stands against the limit before this proposal.
    growing : Decimal
        What the whole proposal adds and grows with its quantity.
    fixed : Decimal
        What it adds whatever its quantity (fees: never more for less).
    allowed : Decimal
        The limit.
    """

    used: Decimal
    growing: Decimal
    fixed: Decimal
    allowed: Decimal

    @property
    def total(self) -> Decimal:
        """What would stand against the limit after the whole proposal."""
        return self.used + self.growing + self.fixed

    def fitting(self, quantity: int) -> int:
        """Largest part of the quantity that stays within the limit; 0 when not even one unit does."""
        if self.total <= self.allowed:
            return quantity
        spare = self.allowed - self.used - self.fixed
        if spare <= 0 or self.growing <= 0:
            return 0
        return min(quantity, int((spare * quantity / self.growing).to_integral_value(ROUND_FLOOR)))


def sized(rule: str, proposal: Proposal, room: Room, net: Decimal, what: str) -> Verdict:
    """PASS when the whole proposal fits, TRIM to what fits, BLOCK when not even one unit does; percent of net liquidation."""
    if net <= 0:
        return blocked(rule, None, None, NET, f"The account's net liquidation is {net:.2f} dollars, so no limit leaves room.")
    measured, limit = float(100 * room.total / net), float(100 * room.allowed / net)
    sentence = f"{what} would be {measured:.2f} % of net liquidation, at most {limit:.2f} % is allowed"
    return trimmed(proposal, room, Verdict(rule, Decision.PASS, measured, limit, NET, sentence))


def trimmed(proposal: Proposal, room: Room, whole: Verdict) -> Verdict:
    """The verdict on the whole size, turned into TRIM or BLOCK where the room is too small; completes its sentence."""
    fits = room.fitting(proposal.quantity)
    if fits >= proposal.quantity:
        return Verdict(whole.rule, Decision.PASS, whole.measured, whole.limit, whole.unit, f"{whole.reason}.")
    if fits < 1:
        reason = f"{whole.reason}; not even one unit fits."
        return Verdict(whole.rule, Decision.BLOCK, whole.measured, whole.limit, whole.unit, reason)
    reason = f"{whole.reason}; {fits} of {proposal.quantity} units fit."
    return Verdict(whole.rule, Decision.TRIM, whole.measured, whole.limit, whole.unit, reason, fits)


def worth(marked: Marked) -> Decimal:
    """What a position counts in its symbol and sector: market value of stock (cost when unmarked), maximum loss of options."""
    if not marked.position.is_stock:
        return marked.position.max_loss
    return abs(paid(marked.position) if marked.value is None else marked.value)


def paid(position: Position) -> Decimal:
    """Signed dollars paid for what a position holds; negative when it was sold for a credit."""
    return sum((holding.cost for holding in position.holdings), ZERO)


def value_room(proposal: Proposal, used: Decimal, allowed: Decimal) -> Room:
    """Room for a proposal's market value (stock) or maximum loss (options, whose fees do not shrink below their minimum)."""
    fixed = ZERO if proposal.structure == "stock" else min(proposal.fees, proposal.value)
    return Room(used, proposal.value - fixed, fixed, allowed)


def loss_room(proposal: Proposal, used: Decimal, allowed: Decimal) -> Room:
    """Room for a proposal's maximum loss, fees included."""
    fixed = min(proposal.fees, proposal.max_loss)
    return Room(used, proposal.max_loss - fixed, fixed, allowed)


def cash_room(proposal: Proposal, book: Book, available: Decimal) -> Room:
    """Room for the cash that a proposal needs: its price at the floor of the band, or its maximum loss when it brings a credit.

    Cash reserved for granted envelopes, and the maximum loss of spreads that were sold for a credit, are not available.
    """
    tied = sum((position.max_loss for position in book.held if paid(position) < 0), book.reserved_cash)
    need = proposal.cash_need or max(proposal.max_loss - proposal.fees, ZERO)
    return Room(tied, need, proposal.fees, available)


def session_day(view: MarketView) -> date:
    """New York date of the view."""
    return view.session.day if view.session else view.as_of.astimezone(NEW_YORK).date()
