"""Whether the paper broker takes an order: pure rules over the order, the moment and the account."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from brokers.paper import margin
from brokers.paper.matching import grid
from brokers.paper.records import Moment, PaperOrder, Ticket, instruments
from brokers.paper.state import State
from core.model.instruments import Option
from core.model.money import ZERO
from core.quant.fees import FeeSchedule


@dataclass(frozen=True, slots=True)
class Desk:
    """The account that an order would trade in, and what trading costs there."""

    state: State
    fees: FeeSchedule

    def refusal(self, ticket: Ticket, moment: Moment) -> str | None:
        """Why the order is not taken; None: it is."""
        if ticket.quantity < 1 or not ticket.legs or any(leg.ratio < 1 for leg in ticket.legs):
            return f"a quantity of {ticket.quantity} is no order"
        if moment.session is None or not moment.session.holds(moment.now):
            return "the market is closed"
        if not ticket.limit.is_finite():
            return f"a limit of {ticket.limit} is no price"
        if ticket.limit % grid(ticket.legs, ticket.limit):
            return f"a limit of {ticket.limit} is off the price step of {grid(ticket.legs, ticket.limit)}"
        for thing in instruments(ticket):
            if isinstance(thing, Option) and thing.expiry < moment.session.day:
                return f"{thing} has expired"
            if thing.key not in moment.quotes:
                return f"it knows no market for {thing.key}"
        return self.shortage(ticket, list(self.state.open.values()))

    def shortage(self, ticket: Ticket, others: Collection[PaperOrder]) -> str | None:
        """Why the account cannot carry the order beside the other open ones; None: it can."""
        needed = margin.needed(ticket, self.state.positions, others)
        if needed is None:
            return "it sells what is neither held nor covered"
        power = margin.buying_power(self.state.cash, self.state.positions, others)
        total = needed + self.charges(ticket)
        if needed > 0 and total > power:
            return f"insufficient buying power: it needs {total:.2f}, there are {power:.2f}"
        return None

    def charges(self, ticket: Ticket) -> Decimal:
        """Estimate of the fees, as if each leg traded at the net limit."""
        paid = abs(ticket.limit)
        return sum((self.fees.of(leg.instrument, leg.ratio * ticket.quantity, leg.side, paid) for leg in ticket.legs), ZERO)
