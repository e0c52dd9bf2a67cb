"""What the paper ledger is told, what it writes down, and the orders it keeps. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.model.instruments import Instrument, Leg
from core.model.market import Quote, Session
from core.model.orders import Fill, OrderState, Transaction


@dataclass(frozen=True, slots=True)
class Moment:
    """The market as the ledger is shown it: the instant, the session of that day, and quotes by instrument key."""

    now: datetime
    session: Session | None
    quotes: Mapping[str, Quote]


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as it is handed in. `key` None: handed in by somebody else than the bot."""

    key: str | None
    legs: tuple[Leg, ...]
    quantity: int
    limit: Decimal


@dataclass(frozen=True, slots=True)
class PaperOrder:
    """An order as the ledger keeps it; `quoted_at` is the newest quote it has traded on."""

    id: str
    ticket: Ticket
    state: OrderState
    accepted_at: datetime
    live_at: datetime
    expires_at: datetime
    updated_at: datetime
    filled: int = 0
    executions: int = 0
    quoted_at: datetime | None = None
    reason: str = ""

    @property
    def rest(self) -> int:
        """Units that are not filled."""
        return self.ticket.quantity - self.filled


@dataclass(frozen=True, slots=True)
class Split:
    """`ratio` new shares for each old one, in force before the open of `day`; `price` is per new share, for fractions."""

    symbol: str
    day: date
    ratio: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Dividend:
    """Cash per share for everyone who held before the open of the ex-date `day`."""

    symbol: str
    day: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Delisting:
    """The symbol stopped trading on `day`; what is held is paid out at `price` per share."""

    symbol: str
    day: date
    price: Decimal


CorporateAction = Split | Dividend | Delisting


@dataclass(frozen=True, slots=True)
class Accepted:
    """Record: an order was taken."""

    order: PaperOrder


@dataclass(frozen=True, slots=True)
class Turned:
    """Record: an order changed its state without a fill."""

    order_id: str
    state: OrderState
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Executed:
    """Record: whole units of an order were filled on all legs at once, on quotes of the given instants (one a leg)."""

    order_id: str
    units: int
    fills: tuple[Fill, ...]
    quoted: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """Record: a movement that is no fill."""

    transaction: Transaction


Record = Accepted | Turned | Executed | Moved


def instruments(ticket: Ticket) -> tuple[Instrument, ...]:
    """Instruments of the legs, in their order."""
    return tuple(leg.instrument for leg in ticket.legs)
