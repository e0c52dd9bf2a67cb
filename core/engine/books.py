"""The engine's picture of its account in memory: what the journal holds, kept in step with every fact that is written.

It is rebuilt from the journal at every start, so losing it loses nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from core.engine.departures import Departures
from core.engine.skew import Skew
from core.engine.watch import Watch
from core.model.money import ZERO
from core.model.orders import DOUBTFUL, Fill, Order, Transaction
from core.model.positions import EquityPoint, Position
from core.model.proposals import Envelope, Proposal
from core.ports.journal import Kill, StoredProposal


@dataclass(slots=True)
class Books:
    """Mutable, owned by the engine alone.

    Attributes
    ----------
    cash : Decimal
        Dollars on hand: opening cash plus every fill and movement, fees deducted.
    positions, envelopes, orders, pending : dicts by id
        What is not finished: open positions, granted envelopes, their child orders, proposals that wait for a decision.
    granted : dict of envelope id to Proposal
        What each open envelope was granted for.
    fills : dict of execution id to Fill
        Executions that are booked, each in the version that holds.
    movements : set
        Ids of movements that are booked.
    frozen : set
        Orders, executions and movements that made no sense: told once, and left alone for the rest of this run.
    silent : bool
        The broker did not answer the last question.
    seen : dict of proposal id to (wall time, monotonic time)
        When this process first saw each waiting card, on both clocks.
    counts : dict of proposal id to list of str
        What each waiting card was told about its approvals, latest last.
    looked_up : dict of order key to float
        Seconds after its send at which a doubtful order was last looked up.
    mode : str
        "live" or "paper", as the journal was begun; empty until it was read.
    live_since : date or None
        First session in which the account traded real money; None until it was read.
    departures : Departures or None
        Envelopes that sent something in this session; None until the journal was read.
    checked : dict of order key to str
        What the gate measured of an order that may leave, until its marker is written.
    skew : Skew
        Whether the clock can be trusted.
    best_seen : dict of envelope id to Decimal
        Best net price that the market showed while its orders waited.
    marks : dict of position id to Decimal
        Last sound value of each position in dollars.
    absent : Counter
        How often each gate or rule was "not evaluated".
    """

    kill: Kill
    cash: Decimal = ZERO
    positions: dict[str, Position] = field(default_factory=dict)
    envelopes: dict[str, Envelope] = field(default_factory=dict)
    granted: dict[str, Proposal] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    pending: dict[str, StoredProposal] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    movements: set[str] = field(default_factory=set)
    movements_since: datetime | None = None
    frozen: set[str] = field(default_factory=set)
    silent: bool = False
    seen: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    counts: dict[str, list[str]] = field(default_factory=dict)
    looked_up: dict[str, float] = field(default_factory=dict)
    mode: str = ""
    live_since: date | None = None
    departures: Departures | None = None
    checked: dict[str, str] = field(default_factory=dict)
    skew: Skew = field(default_factory=Skew)
    best_seen: dict[str, Decimal] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)
    equity: list[EquityPoint] = field(default_factory=list)
    results: list[bool] = field(default_factory=list)
    absent: Counter[str] = field(default_factory=Counter)
    session: date | None = None
    trades_today: int = 0
    paused_session: date | None = None
    watch: Watch = field(default_factory=Watch)

    def book_fills(self, fills: Iterable[Fill]) -> None:
        """Cash moves with every execution; an unknown fee is booked when it becomes known."""
        for fill in fills:
            self.fills[fill.exec_id] = fill
            self.cash += fill.cash - (fill.fee or ZERO)

    def book_movement(self, movement: Transaction) -> None:
        """Cash moves with every movement."""
        self.movements.add(movement.id)
        self.movements_since = max(self.movements_since or movement.at, movement.at)
        self.cash += movement.cash

    def keep(self, position: Position) -> None:
        """Remember a position as it stands now; a closed one becomes a result (True: it did not lose)."""
        if position.is_open:
            self.positions[position.id] = position
            return
        self.positions.pop(position.id, None)
        self.marks.pop(position.id, None)
        if not position.is_external:
            self.results.append(position.realised >= position.fees)

    def count_trade(self, session: date | None) -> None:
        """One more envelope was claimed in this session."""
        self.trades_today = self.trades_today + 1 if self.session == session else 1
        self.session = session

    def children(self, envelope_id: str) -> list[Order]:
        """Unfinished child orders of an envelope."""
        return [order for order in self.orders.values() if order.envelope_id == envelope_id]

    def busy(self) -> frozenset[str]:
        """Symbols with a pending proposal, an open envelope or a doubtful order, and those that are held back."""
        granted = {proposal.signal.symbol for proposal in self.granted.values()}
        waiting = {stored.proposal.signal.symbol for stored in self.pending.values()}
        return frozenset(granted | waiting | {symbol for symbol, _ in self.watch.locks})

    def doubtful(self) -> list[Order]:
        """Orders whose outcome is not proved."""
        return [order for order in self.orders.values() if order.state in DOUBTFUL]

    @property
    def losing_streak(self) -> int:
        """Losing results in a row, latest first."""
        streak = 0
        for won in reversed(self.results):
            if won:
                break
            streak += 1
        return streak
