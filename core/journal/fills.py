"""Fills, and movements that are no fill."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from core.journal.bodies import dump, load
from core.journal.books import save_position
from core.journal.orders import add_event, stand
from core.journal.outbox import put_notes
from core.journal.statements import insert_new
from core.journal.tables import fee, fill, ruling, transaction
from core.model.notes import Note
from core.model.orders import Fill, Order, Transaction
from core.model.positions import Position

_KNOWN = select(fill.c.account, fill.c.exec_id, fill.c.version).where(
    fill.c.account.in_(bindparam("owners", expanding=True)), fill.c.exec_id.in_(bindparam("ids", expanding=True))
)
_OF_ACCOUNT = select(fill.c.body).where(fill.c.account == bindparam("owner")).order_by(fill.c.at, fill.c.exec_id, fill.c.version)
_SINCE = _OF_ACCOUNT.where(fill.c.at >= bindparam("since"))
_TRANSACTIONS = (
    select(transaction.c.body).where(transaction.c.account == bindparam("owner")).order_by(transaction.c.at, transaction.c.id)
)
_VERSIONS = (
    select(fill.c.body).where(fill.c.account == bindparam("owner"), fill.c.exec_id == bindparam("name")).order_by(fill.c.version)
)
_RULED = (
    select(ruling.c.exec_id, ruling.c.version).where(ruling.c.account == bindparam("owner")).order_by(ruling.c.at, ruling.c.version)
)
_FEES = select(fee.c.exec_id, fee.c.version, fee.c.fee).where(fee.c.account == bindparam("owner"))
_INSERT = fill.insert()


@dataclass(frozen=True, slots=True)
class Execution:
    """Fills with what they led to; `event_key` is the broker's own name of what it reported, kept for whoever looks back."""

    fills: Sequence[Fill]
    order: Order | None
    position: Position | None
    notes: Sequence[Note]
    event_key: str


def record_fills(connection: Connection, fact: Execution) -> bool:
    """W10. False, and nothing is changed, when any of the fills is known."""
    if known(connection, fact.fills):
        return False
    if fact.fills:
        connection.execute(_INSERT, [row_of(one) for one in fact.fills])
    if fact.order is not None:
        stand(connection, fact.order)
    if fact.event_key:
        at = fact.order.updated_at if fact.order else fact.fills[-1].at if fact.fills else None
        add_event(connection, fact.order.key if fact.order else None, "", at, fact.event_key)
    if fact.position is not None:
        save_position(connection, fact.position)
    put_notes(connection, fact.notes)
    return True


def known(connection: Connection, told: Sequence[Fill]) -> bool:
    """Whether any of the executions is stored, in that version."""
    if not told:
        return False
    asked = {"owners": sorted({one.account for one in told}), "ids": [one.exec_id for one in told]}
    stored = {tuple(row) for row in connection.execute(_KNOWN, asked)}
    return any((one.account, one.exec_id, one.version) in stored for one in told)


def row_of(fact: Fill) -> dict[str, object]:
    """Row of an execution."""
    return {
        "account": fact.account, "exec_id": fact.exec_id, "version": fact.version, "order_key": fact.order_key, "at": fact.at,
        "quantity": fact.quantity, "price": fact.price, "fee": fact.fee, "body": dump(fact),
    }  # fmt: skip


def fills(connection: Connection, account: str, since: datetime | None) -> Sequence[Fill]:
    """Give the fills of an account, oldest first: of each execution the version that holds, with the fee that is known by now."""
    asked = {"owner": account} if since is None else {"owner": account, "since": since}
    stored = [load(Fill, body) for body in connection.scalars(_OF_ACCOUNT if since is None else _SINCE, asked)]
    ruled = {row.exec_id: row.version for row in connection.execute(_RULED, {"owner": account})}
    paid = {(row.exec_id, row.version): row.fee for row in connection.execute(_FEES, {"owner": account})}
    if not ruled and not paid and all(one.version == 1 for one in stored):
        return stored
    first: dict[str, int] = {}
    for one in stored:
        first[one.exec_id] = min(one.version, first.get(one.exec_id, one.version))
    return [
        replace(one, fee=paid.get((one.exec_id, one.version), one.fee))
        for one in stored
        if one.version == ruled.get(one.exec_id, first[one.exec_id])
    ]


def versions(connection: Connection, account: str, exec_id: str) -> Sequence[Fill]:
    """Give every version of an execution that is kept, first one first."""
    return [load(Fill, body) for body in connection.scalars(_VERSIONS, {"owner": account, "name": exec_id})]


def record_transaction(connection: Connection, fact: Transaction, positions: Sequence[Position], notes: Sequence[Note]) -> bool:
    """A movement with the positions after it; False, and nothing is changed, when it is known."""
    row = {"account": fact.account, "id": fact.id, "at": fact.at, "cash": fact.cash, "body": dump(fact)}
    if not insert_new(connection, transaction, row):
        return False
    for position in positions:
        save_position(connection, position)
    put_notes(connection, notes)
    return True


def transactions(connection: Connection, account: str) -> Sequence[Transaction]:
    """Give the movements of an account that are no fill, oldest first."""
    return [load(Transaction, body) for body in connection.scalars(_TRANSACTIONS, {"owner": account})]
