"""The ledger's state as a fold of its records: the same records give the same state, whoever replays them."""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from brokers.paper.records import Accepted, Executed, Moved, PaperOrder, Record, Turned
from core.model.instruments import Side
from core.model.money import ZERO
from core.model.orders import Fill, OrderState, Transaction

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
OPEN = frozenset({OrderState.ACCEPTED, OrderState.WORKING, OrderState.PARTIAL})


@dataclass(slots=True)
class State:
    """Cash, positions, orders, fills and movements of one account.

    Attributes
    ----------
    taken : mapping of (instrument key, side) to (quote instant, quantity)
        How much of the displayed size of the newest traded quote is used up.
    latest : datetime
        Of the last record; instants of records never run backwards.
    touched : list of (instant, order id)
        In the order of the records, so that "since" is a binary search.
    """

    account: str
    cash: Decimal = ZERO
    latest: datetime = EARLIEST
    positions: dict[str, int] = field(default_factory=dict)
    orders: dict[str, PaperOrder] = field(default_factory=dict)
    open: dict[str, PaperOrder] = field(default_factory=dict)
    by_key: dict[str, list[str]] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    fills_of: dict[str, list[Fill]] = field(default_factory=dict)
    transactions: list[Transaction] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    taken: dict[tuple[str, Side], tuple[datetime, int]] = field(default_factory=dict)
    touched: list[tuple[datetime, str]] = field(default_factory=list)

    def apply(self, record: Record) -> None:
        """Fold one record in."""
        if isinstance(record, Accepted):
            self._accept(record.order)
        elif isinstance(record, Turned):
            order = self.orders[record.order_id]
            self._keep(replace(order, state=record.state, updated_at=record.at, reason=record.reason or order.reason))
        elif isinstance(record, Executed):
            self._execute(record)
        else:
            self._move(record)

    def order_since(self, since: datetime) -> tuple[PaperOrder, ...]:
        """Orders touched at or after the instant, in the order in which they were first touched."""
        first = bisect_left(self.touched, since, key=lambda row: row[0])
        return tuple(self.orders[order_id] for order_id in dict.fromkeys(row[1] for row in self.touched[first:]))

    def fills_since(self, since: datetime) -> tuple[Fill, ...]:
        """Fills at or after the instant."""
        return tuple(self.fills[bisect_left(self.fills, since, key=lambda fill: fill.at) :])

    def transactions_since(self, since: datetime) -> tuple[Transaction, ...]:
        """Movements at or after the instant."""
        return tuple(row for row in self.transactions if row.at >= since)

    def held_before(self, day: date) -> dict[str, int]:
        """Positions as they were before the New York date: later fills and movements taken back."""
        start = midnight(day)
        held = dict(self.positions)
        for fill in self.fills_since(start):
            held[fill.instrument_key] = held.get(fill.instrument_key, 0) - fill.side.sign * fill.quantity
        for row in self.transactions_since(start):
            if row.instrument_key is not None:
                held[row.instrument_key] = held.get(row.instrument_key, 0) - row.quantity
        return {key: quantity for key, quantity in held.items() if quantity}

    def _accept(self, order: PaperOrder) -> None:
        if order.ticket.key is not None:
            self.by_key.setdefault(order.ticket.key, []).append(order.id)
        self._keep(order)

    def _keep(self, order: PaperOrder) -> None:
        self.orders[order.id] = order
        self.touched.append((order.updated_at, order.id))
        self.latest = max(self.latest, order.updated_at)
        if order.state in OPEN:
            self.open[order.id] = order
        else:
            self.open.pop(order.id, None)

    def _execute(self, record: Executed) -> None:
        order = self.orders[record.order_id]
        filled = order.filled + record.units
        state = OrderState.FILLED if filled == order.ticket.quantity else OrderState.PARTIAL
        for fill, quoted in zip(record.fills, record.quoted, strict=True):
            self.cash += fill.cash - (fill.fee or ZERO)
            self._hold(fill.instrument_key, fill.side.sign * fill.quantity)
            before = self.taken.get((fill.instrument_key, fill.side))
            used = before[1] if before and before[0] == quoted else 0
            self.taken[fill.instrument_key, fill.side] = (quoted, used + fill.quantity)
        self.fills.extend(record.fills)
        self.fills_of.setdefault(order.id, []).extend(record.fills)
        self._keep(
            replace(
                order,
                filled=filled,
                state=state,
                executions=order.executions + 1,
                quoted_at=max(record.quoted),
                updated_at=record.fills[0].at,
            )
        )

    def _move(self, record: Moved) -> None:
        row = record.transaction
        self.cash += row.cash
        self.latest = max(self.latest, row.at)
        if row.instrument_key is not None:
            self._hold(row.instrument_key, row.quantity)
        self.transactions.append(row)
        self.moved.add(row.id)

    def _hold(self, key: str, change: int) -> None:
        held = self.positions.get(key, 0) + change
        if held:
            self.positions[key] = held
        else:
            self.positions.pop(key, None)


def midnight(day: date) -> datetime:
    """First instant of a New York date."""
    return datetime.combine(day, time(), NEW_YORK)
