"""The audit: append-only rows, each bound to the one before it by a hash."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from core.journal.columns import EPOCH, clean
from core.journal.statements import put
from core.journal.tables import audit, audit_head
from core.model.errors import IllegalEventError
from core.ports.journal import JSON, AuditRow

_HEAD = select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.name == "audit")
_INSERT = audit.insert()
_ALL = select(audit).where(audit.c.seq > bindparam("after")).order_by(audit.c.seq)
_ONE = select(audit.c.hash).where(audit.c.seq == bindparam("row"))
_LATEST = select(audit).order_by(audit.c.seq.desc()).limit(bindparam("most"))
_IN_BATCHES = {"yield_per": 1000}
_CANONICAL = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))
GENESIS = "0" * 64


def _hash(previous: str, seq: int, at: datetime, words: tuple[str, str, str]) -> str:
    canonical = _CANONICAL.encode([seq, str(at - EPOCH), *words])
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
    found = connection.execute(_LATEST, {"most": limit})
    return [AuditRow(row.seq, row.at, row.actor, row.action, row.body, row.hash) for row in found]


def verify(connection: Connection, anchors: Sequence[tuple[int, str]] = (), after: tuple[int, str] = (0, GENESIS)) -> int:
    """Walk the chain and answer the number of its last row.

    Parameters
    ----------
    anchors : sequence of (row, hash)
        Where the chain stood in the past; each must still be in it.
    after : (row, hash)
        Begin behind this row, which was verified before.

    Raises
    ------
    IllegalEventError
        A row was changed, taken out, put in or moved, or the chain is not the one of the anchors; names the first such row.
    """
    seq, previous = after
    if seq and connection.scalar(_ONE, {"row": seq}) != previous:
        raise _not_anchored(seq)
    fixed = dict(anchors)
    for number, at, actor, action, body, before, digest in connection.execute(_ALL, {"after": seq}, execution_options=_IN_BATCHES):
        seq += 1
        if number != seq:
            raise IllegalEventError(f"audit row {seq} is missing (row {number} stands in its place); somebody changed the journal")
        if before != previous or digest != _hash(previous, seq, at, (actor, action, body)):
            raise IllegalEventError(f"audit row {seq} does not fit its hash; somebody changed the journal")
        previous = digest
        if seq in fixed and not previous.startswith(fixed[seq]):
            raise _not_anchored(seq)
    head = connection.execute(_HEAD).first()
    if (head.seq, head.hash) != (seq, previous) if head else seq != 0:
        told = head.seq if head else 0
        raise IllegalEventError(f"audit row {min(seq, told) + 1} is missing at the end of the audit; somebody changed the journal")
    if fixed and max(fixed) > seq:
        raise _not_anchored(seq + 1)
    return seq


def _not_anchored(seq: int) -> IllegalEventError:
    return IllegalEventError(
        f"audit row {seq} is not the one that was anchored; the journal was cut, written anew or replaced by an older copy "
        "(if that was you, move its file of anchors away)"
    )
