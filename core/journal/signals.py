"""Scans and signals."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, bindparam, select

from core.journal.bodies import dump, load
from core.journal.outbox import put_notes
from core.journal.statements import insert_new
from core.journal.tables import scan, signal
from core.model.notes import Note
from core.model.signals import Signal
from core.ports.journal import Scan

_SCANS = select(scan.c.body).order_by(scan.c.seq.desc()).limit(bindparam("most"))
_ONE = select(signal.c.body).where(signal.c.id == bindparam("key"))
_SINCE = select(signal.c.body).where(signal.c.session >= bindparam("since")).order_by(signal.c.session, signal.c.as_of, signal.c.id)
_SINCE_OF = _SINCE.where(signal.c.symbol == bindparam("name"))


def record_scan(connection: Connection, fact: Scan) -> None:
    """One run of the gates."""
    row = {"strategy": fact.strategy, "session": fact.session, "at": fact.at, "body": dump(fact)}
    insert_new(connection, scan, row, unique=("strategy", "session", "at"))


def scans(connection: Connection, limit: int) -> Sequence[Scan]:
    """Give the latest runs, newest first."""
    return [load(Scan, body) for body in connection.scalars(_SCANS, {"most": limit})]


def record_signal(connection: Connection, fact: Signal, notes: Sequence[Note]) -> bool:
    """An idea, once."""
    row = {"id": fact.id, "symbol": fact.symbol, "session": fact.session, "as_of": fact.as_of, "body": dump(fact)}
    new = insert_new(connection, signal, row)
    if new:
        put_notes(connection, notes)
    return new


def one(connection: Connection, signal_id: str) -> Signal | None:
    """Give a signal by its id."""
    body = connection.scalar(_ONE, {"key": signal_id})
    return None if body is None else load(Signal, body)


def since(connection: Connection, day: date, symbol: str | None) -> Sequence[Signal]:
    """Give signals of sessions from a day on, oldest first."""
    if symbol is None:
        return [load(Signal, body) for body in connection.scalars(_SINCE, {"since": day})]
    return [load(Signal, body) for body in connection.scalars(_SINCE_OF, {"since": day, "name": symbol})]
