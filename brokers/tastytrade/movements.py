"""Rows of tastytrade's history that are no trade, as movements: deliveries, expiries, splits, dividends and cash.

What is told by two rows there (a split: the old holding out, the new one in) is put together here. A kind that nobody knows
moves its cash, and takes away what it takes away; what it brings shows as a difference when positions are compared.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.tastytrade.symbols import from_wire, named
from brokers.tastytrade.values import instant, number, signed, text
from brokers.tastytrade.wire import JSON
from core.model.instruments import Option, Right
from core.model.money import ZERO
from core.model.orders import Movement, Transaction

LOG = logging.getLogger(__name__)
_ENDS: Mapping[str, Movement] = {
    "Expiration": Movement.EXPIRY,
    "Exercise": Movement.EXERCISE,
    "Assignment": Movement.ASSIGNMENT,
    "Cash Settled Exercise": Movement.EXERCISE,
    "Cash Settled Assignment": Movement.ASSIGNMENT,
}
_SPLITS = frozenset({"Forward Split", "Reverse Split", "Stock Split", "Split"})
_CASH: Mapping[str, Movement] = {"Dividend": Movement.DIVIDEND, "Cash In Lieu": Movement.CASH_IN_LIEU}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: signed change of the holding, signed cash after fees."""

    id: str
    at: datetime
    kind: str
    sub: str
    key: str | None
    change: int
    price: Decimal
    cash: Decimal


def movements(raw: Iterable[JSON], account: str) -> tuple[Transaction, ...]:
    """Every row that is no trade, in order of time.

    Raises
    ------
    UnreadableError
        A row cannot be read.
    """
    read = sorted((_row(body) for body in raw if body.get("transaction-type") != "Trade"), key=lambda row: (row.at, row.id))
    splits = [row for row in read if row.sub in _SPLITS and row.key]
    told = [_move(row, read, account) for row in read if row not in splits]
    moved = [row for row in told if row is not None] + _split(splits, account)
    return tuple(sorted(moved, key=lambda row: (row.at, row.id)))


def _row(body: JSON) -> Row:
    key = from_wire(body) if body.get("symbol") else None
    action = str(body.get("action") or "")
    moves = body.get("transaction-type") == "Receive Deliver" and key is not None and body.get("quantity") is not None
    quantity = _units(body) if moves else 0
    return Row(
        id=f"tastytrade-{body.get('id')}",
        at=instant(body, "executed-at"),
        kind=text(body, "transaction-type"),
        sub=text(body, "transaction-sub-type"),
        key=key,
        change=quantity if action.startswith("Buy") else -quantity,
        price=number(body, "price") if body.get("price") is not None else ZERO,
        cash=signed(body, "net-value"),
    )


def _units(body: JSON) -> int:
    """Whole units that a row moves; a fraction of a share (a reinvested dividend) moves none; positions are read strictly."""
    quantity = number(body, "quantity")
    if quantity == int(quantity):
        return int(quantity)
    LOG.warning("Transaction %s moves %s %s; fractions are not booked", body.get("id"), quantity, body.get("symbol"))
    return 0


def _move(row: Row, all_rows: Sequence[Row], account: str) -> Transaction | None:
    def booked(kind: Movement, key: str | None, change: int) -> Transaction:
        return Transaction(row.id, account, row.at, kind, key, change, row.price, row.cash)

    if row.sub in _ENDS and row.key:
        return booked(_ENDS[row.sub], row.key, row.change)
    if row.kind == "Receive Deliver" and row.key and " to " in row.sub:
        return booked(_delivered(row, all_rows), row.key, row.change)
    if not row.change and not row.cash:
        return None
    if row.sub in _CASH and row.key and not row.change:
        return booked(_CASH[row.sub], row.key, 0)
    if row.kind == "Money Movement" or not row.change:
        return booked(Movement.DEPOSIT, None, 0)
    LOG.warning("Transaction %s is a %r of %s, which this version does not know", row.id, row.sub, row.key)
    removes = row.change < 0
    if not removes and not row.cash:
        return None
    return booked(Movement.DELISTING if removes else Movement.DEPOSIT, row.key if removes else None, row.change if removes else 0)


def _delivered(shares: Row, all_rows: Sequence[Row]) -> Movement:
    """Whether shares came from an exercise or an assignment: from the contract that left on the same day, in the same direction."""
    for row in all_rows:
        thing = named(row.key) if row.sub in _ENDS and row.key else None
        if not isinstance(thing, Option) or thing.underlying != shares.key or row.at.date() != shares.at.date():
            continue
        brought = -row.change * (1 if thing.right is Right.CALL else -1)
        if brought * shares.change > 0 and shares.price in (thing.strike, ZERO):
            return _ENDS[row.sub]
    return Movement.ASSIGNMENT


def _split(rows: Sequence[Row], account: str) -> list[Transaction]:
    """Splits of what left and what came on one day for one underlying; `price` is new units per old unit."""
    found: list[Transaction] = []
    groups: dict[tuple[object, str, int], list[Row]] = {}
    for row in rows:
        assert row.key is not None
        thing = named(row.key)
        groups.setdefault((row.at.date(), thing.underlying, thing.multiplier), []).append(row)
    for group in groups.values():
        out, into = sum(row.change for row in group if row.change < 0), sum(row.change for row in group if row.change > 0)
        ratio = Decimal(into) / -out if out and into else ZERO
        keys = {row.key for row in group}
        if len(keys) == 1:
            first = group[0]
            cash = sum((row.cash for row in group), ZERO)
            found.append(Transaction(first.id, account, first.at, Movement.SPLIT, first.key, out + into, ratio, cash))
        else:
            found += [Transaction(row.id, account, row.at, Movement.SPLIT, row.key, row.change, ratio, row.cash) for row in group]
    return found
