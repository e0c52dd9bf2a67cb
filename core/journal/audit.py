"""The audit: append-only rows, each bound to the one before it by a hash."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from core.journal.columns import EPOCH, clean
from core.journal.statements import put
from core.journal.tables import audit, audit_head
from core.model.errors import IllegalEventError
from core.ports.journal import JSON, AuditRow

_HEAD = select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.name == "audit")
_INSERT = audit.insert()
_ALL = select(audit).order_by(audit.c.seq)
_LATEST = select(audit).order_by(audit.c.seq.desc())
_BATCH = 1000
GENESIS = "0" * 64


def _hash(previous: str, seq: int, at: datetime, words: tuple[str, str, str]) -> str:
    canonical = json.dumps([seq, str(at - EPOCH), *words], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}{canonical}".encode()).hexdigest()


def append(connection: Connection, actor: str, action: str, body: JSON, at: datetime) -> None:
    """Add one row to the chain.

    Parameters
    ----------
    body : mapping
        Anything that JSON can say; other values (Decimal, dates) as their text.
    """
    head = connection.execute(_HEAD).first()
    seq, previous = (head.seq + 1, head.hash) if head else (1, GENESIS)
    text = json.dumps(body, sort_keys=True, default=str, ensure_ascii=True)
    words = (clean(actor), clean(action), text)
    digest = _hash(previous, seq, at, words)
    row = {"seq": seq, "at": at, "actor": words[0], "action": words[1], "body": text, "prev_hash": previous, "hash": digest}
    connection.execute(_INSERT, row)
    put(connection, audit_head, {"name": "audit", "seq": seq, "hash": digest})


def rows(connection: Connection, limit: int) -> Sequence[AuditRow]:
    """Give the latest rows, newest first."""
    found = connection.execute(_LATEST.limit(limit))
    return [AuditRow(row.seq, row.at, row.actor, row.action, row.body, row.hash) for row in found]


def verify(connection: Connection) -> int:
    """Walk the whole chain and answer how many rows it has.

    Raises
    ------
    IllegalEventError
        A row was changed, taken out, put in or moved; the sentence names the first one.
    """
    seq, previous = 0, GENESIS
    for row in connection.execute(_ALL, execution_options={"yield_per": _BATCH}):
        seq += 1
        if row.seq != seq:
            raise IllegalEventError(f"audit row {seq} is missing (row {row.seq} stands in its place); somebody changed the journal")
        if row.prev_hash != previous or row.hash != _hash(previous, seq, row.at, (row.actor, row.action, row.body)):
            raise IllegalEventError(f"audit row {seq} does not fit its hash; somebody changed the journal")
        previous = row.hash
    head = connection.execute(_HEAD).first()
    if (head.seq, head.hash) != (seq, previous) if head else seq != 0:
        told = head.seq if head else 0
        raise IllegalEventError(f"audit row {min(seq, told) + 1} is missing at the end of the audit; somebody changed the journal")
    return seq
