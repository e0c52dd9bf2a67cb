"""What we own: holdings, positions with their plan, the book of one account, and points of its equity."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.model.instruments import Instrument
from core.model.money import ZERO
from core.model.proposals import Plan
from core.model.standing import Standing

#: Stands where a strategy's name stands in what somebody else bought on this account: shown, counted, never touched.
EXTERNAL = "external"
#: Why a position ended that somebody else closed.
CLOSED_OUTSIDE = "closed externally"


@dataclass(frozen=True, slots=True)
class Holding:
    """A signed quantity of one instrument inside a position, with its average entry price per share."""

    instrument: Instrument
    quantity: int
    price: Decimal

    @property
    def cost(self) -> Decimal:
        """Signed dollars paid (positive) or received (negative) for what is still held."""
        return self.quantity * self.price * self.instrument.multiplier


@dataclass(frozen=True, slots=True)
class Position:
    """One idea that was bought: its legs, its plan, what it has earned so far.

    Attributes
    ----------
    units, opened_units : int
        Order units still held and opened in all (shares, contracts or spreads).
    fired : tuple of float
        Ladder multiples that have already fired; each fires once.
    max_loss : Decimal
        Positive dollars at risk of what is still held, as vetted at entry, scaled with the units.
    realised, fees : Decimal
        Dollars so far; realised is before fees.
    entry_spot : Decimal
        Price of the underlying at entry.
    closed_at : datetime or None
    """

    id: str
    account: str
    strategy: str
    symbol: str
    structure: str
    holdings: tuple[Holding, ...]
    units: int
    opened_units: int
    opened_at: datetime
    opened_session: date
    entry_spot: Decimal
    plan: Plan
    max_loss: Decimal
    fired: tuple[float, ...] = ()
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    fees_unknown: bool = False
    sector: str | None = None
    modelled: bool = False
    closed_at: datetime | None = None
    closed_session: date | None = None
    close_cause: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything is still held, half-opened legs included."""
        return self.units > 0 or any(holding.quantity for holding in self.holdings)

    @property
    def is_stock(self) -> bool:
        """Whether the position is stock alone."""
        return self.structure == "stock"

    @property
    def is_external(self) -> bool:
        """Whether somebody else bought it on this account."""
        return self.strategy == EXTERNAL


@dataclass(frozen=True, slots=True)
class Marked:
    """A position at current prices. `value` None: no sound quote, so nothing is claimed. `modelled`: marked by a model."""

    position: Position
    value: Decimal | None
    unrealised: Decimal | None
    modelled: bool


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Net liquidation of an account at the end of a session; `flows` are deposits less withdrawals of that session."""

    account: str
    day: date
    net_liquidation: Decimal
    cash: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    flows: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Book:
    """One account at one instant: what risk rules, strategies and posts look at.

    Attributes
    ----------
    cash : Decimal
        Dollars on hand (reservations not deducted).
    reserved : Decimal
        Maximum loss of granted envelopes that are not yet positions, UNKNOWN ones at full quantity.
    reserved_cash : Decimal
        Cash that those envelopes will need.
    net_liquidation : Decimal
        Cash plus the value of all positions; positions without a sound quote at their last known value (`stale_marks`).
    day_start, peak : Decimal
        Net liquidation at the end of the previous session, and its highest over the last 252 sessions.
    trades_today : int
        Envelopes claimed in the current session.
    consecutive_losses : int
        Closed positions in a row that lost, latest first, of this and the previous sessions since the last pause.
    paused_session : date or None
        Session in which entries are paused after a losing streak.
    busy : frozenset of str
        Symbols with a pending proposal, an unfinished envelope or a doubtful order.
    standing : Standing or None
        None unless the account trades real money.
    """

    account: str
    as_of: datetime
    cash: Decimal
    positions: tuple[Marked, ...]
    net_liquidation: Decimal
    day_start: Decimal
    peak: Decimal
    reserved: Decimal = ZERO
    reserved_cash: Decimal = ZERO
    buying_power: Decimal | None = None
    trades_today: int = 0
    consecutive_losses: int = 0
    paused_session: date | None = None
    busy: frozenset[str] = frozenset()
    stale_marks: int = 0
    standing: Standing | None = None

    @property
    def held(self) -> tuple[Position, ...]:
        """Open positions."""
        return tuple(marked.position for marked in self.positions)

    def of_symbol(self, symbol: str) -> tuple[Marked, ...]:
        """Open positions on one underlying."""
        return tuple(marked for marked in self.positions if marked.position.symbol == symbol)
