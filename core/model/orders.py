"""Orders: states, legal transitions, what a broker reports, and fills.

The table is B.1 of the reliability notes: T terminal, S soft terminal (a late fill is still booked), F in flight, O open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.model.errors import IllegalEventError
from core.model.instruments import Leg, Side


class OrderState(StrEnum):
    """Where one child order is."""

    NEW = "new"
    DENIED = "denied"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ESCALATED = "escalated"
    ACCEPTED = "accepted"
    WORKING = "working"
    PARTIAL = "partial"
    PENDING_CANCEL = "pending cancel"
    PENDING_REPLACE = "pending replace"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REMOVED = "removed"
    REJECTED = "rejected"
    ABSENT = "absent"


class OrderEvent(StrEnum):
    """What can happen to an order."""

    DENY = "deny"
    MARK = "mark sending"
    ACK = "acknowledged"
    LIVE = "live"
    PART_FILL = "part fill"
    FULL_FILL = "full fill"
    REFUSE = "refused"
    LOSE = "answer lost"
    BUDGET = "time budget elapsed"
    ABSENCE = "absence proved"
    CANCEL_SENT = "cancel sent"
    REPLACE_SENT = "replace sent"
    CANCEL_REFUSED = "cancel refused"
    CANCEL = "cancelled"
    EXPIRE = "expired"
    REMOVE = "removed"


S, E = OrderState, OrderEvent
_FOUND = {
    E.ACK: S.ACCEPTED, E.LIVE: S.WORKING, E.PART_FILL: S.PARTIAL, E.FULL_FILL: S.FILLED, E.REFUSE: S.REJECTED,
    E.CANCEL: S.CANCELLED, E.EXPIRE: S.EXPIRED, E.REMOVE: S.REMOVED,
}  # fmt: skip
_OPEN = {**_FOUND, E.CANCEL_SENT: S.PENDING_CANCEL, E.REPLACE_SENT: S.PENDING_REPLACE}
_LATE = {E.PART_FILL: None, E.FULL_FILL: S.FILLED}

#: (state, event) -> next state; None keeps the state (the filled quantity still changes). A pair that is missing is illegal.
TRANSITIONS: Mapping[OrderState, Mapping[OrderEvent, OrderState | None]] = {
    S.NEW: {E.DENY: S.DENIED, E.MARK: S.SENDING},
    S.DENIED: {},
    S.SENDING: {**_FOUND, E.LOSE: S.UNKNOWN, E.DENY: S.DENIED},
    S.UNKNOWN: {**_FOUND, E.BUDGET: S.ESCALATED},
    S.ESCALATED: {**_FOUND, E.ABSENCE: S.ABSENT},
    S.ACCEPTED: {**_OPEN, E.ACK: None},
    S.WORKING: {**_OPEN, E.ACK: None, E.LIVE: None},
    S.PARTIAL: {**_OPEN, E.ACK: None, E.LIVE: None, E.PART_FILL: None},
    S.PENDING_CANCEL: {
        E.CANCEL: S.CANCELLED, E.EXPIRE: S.EXPIRED, E.REMOVE: S.REMOVED, E.REFUSE: S.REJECTED, E.FULL_FILL: S.FILLED,
        E.PART_FILL: None, E.ACK: None, E.LIVE: None, E.LOSE: None, E.CANCEL_SENT: None, E.CANCEL_REFUSED: S.WORKING,
    },
    S.PENDING_REPLACE: {
        E.CANCEL: S.CANCELLED, E.EXPIRE: S.EXPIRED, E.REMOVE: S.REMOVED, E.REFUSE: S.REJECTED, E.FULL_FILL: S.FILLED,
        E.PART_FILL: None, E.ACK: None, E.LIVE: S.WORKING, E.LOSE: None, E.CANCEL_REFUSED: S.WORKING,
    },
    S.FILLED: {**_LATE, E.ACK: None, E.LIVE: None},
    S.CANCELLED: {**_LATE, E.CANCEL: None},
    S.EXPIRED: {**_LATE, E.EXPIRE: None},
    S.REMOVED: {**_LATE, E.REMOVE: None},
    S.REJECTED: {**_LATE, E.REFUSE: None},
    S.ABSENT: {**_LATE},
}  # fmt: skip

TERMINAL = frozenset({S.DENIED, S.FILLED, S.CANCELLED, S.EXPIRED, S.REMOVED, S.REJECTED, S.ABSENT})
DOUBTFUL = frozenset({S.SENDING, S.UNKNOWN, S.ESCALATED})


def advance(state: OrderState, event: OrderEvent) -> OrderState:
    """Next state of an order.

    Raises
    ------
    IllegalEventError
        The table has no such pair.
    """
    table = TRANSITIONS[state]
    if event not in table:
        raise IllegalEventError(f"an order that is {state} cannot meet the event '{event}'")
    return table[event] or state


@dataclass(frozen=True, slots=True)
class Order:
    """One child order as we know it. `filled` counts whole units; `leg_filled` counts per leg, in contracts or shares."""

    key: str
    envelope_id: str
    number: int
    account: str
    legs: tuple[Leg, ...]
    quantity: int
    limit: Decimal
    state: OrderState
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    broker_order_id: str | None = None
    leg_filled: tuple[int, ...] = ()
    reason: str = ""

    @property
    def filled(self) -> int:
        """Whole units filled on every leg."""
        if not self.leg_filled:
            return 0
        return min(done // leg.ratio for done, leg in zip(self.leg_filled, self.legs, strict=True))

    @property
    def taken(self) -> int:
        """Units that any leg has used up, begun ones counted whole."""
        return max((-(-done // leg.ratio) for done, leg in zip(self.leg_filled, self.legs, strict=False)), default=0)

    @property
    def terminal(self) -> bool:
        """Whether nothing more is expected of it (a late fill is still booked)."""
        return self.state in TERMINAL


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of one leg: a fact. `fee` is None until the broker has said it; never 0 for unknown."""

    exec_id: str
    order_key: str
    account: str
    leg: int
    instrument_key: str
    side: Side
    quantity: int
    price: Decimal
    fee: Decimal | None
    at: datetime
    multiplier: int = 1
    version: int = 1
    modelled: bool = False

    @property
    def cash(self) -> Decimal:
        """Dollars that the fill moves before fees: positive when we receive."""
        return -self.side.sign * self.quantity * self.price * self.multiplier


@dataclass(frozen=True, slots=True)
class Report:
    """What a broker says about one order, already in our words; `event` None says only that the order exists as it was."""

    key: str | None
    broker_order_id: str
    event: OrderEvent | None
    at: datetime
    fills: tuple[Fill, ...] = ()
    leg_filled: tuple[int, ...] = ()
    reason: str = ""
    raw: str = ""


class Movement(StrEnum):
    """Kinds of movement that are no fill."""

    DEPOSIT = "deposit"
    DIVIDEND = "dividend"
    SPLIT = "split"
    CASH_IN_LIEU = "cash in lieu"
    EXPIRY = "expiry"
    ASSIGNMENT = "assignment"
    EXERCISE = "exercise"
    DELISTING = "delisting"


@dataclass(frozen=True, slots=True)
class Transaction:
    """A movement of an account that is no fill.

    Attributes
    ----------
    instrument_key : str or None
        What it concerns; None for cash alone.
    quantity : int
        Signed change of the held quantity of that instrument (a 2:1 split of 100 shares: +100).
    price : Decimal
        Per share: dividend per share, settlement price, split ratio (new per old) for SPLIT.
    cash : Decimal
        Signed dollars that move.
    """

    id: str
    account: str
    at: datetime
    kind: Movement
    instrument_key: str | None
    quantity: int
    price: Decimal
    cash: Decimal
