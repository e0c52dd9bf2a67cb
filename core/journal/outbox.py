"""The outbox: every note that people are told, in order, until it stands on Discord."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, func, select

from core.journal.bodies import dump, load
from core.journal.columns import clean
from core.journal.statements import insert_new
from core.journal.tables import outbox
from core.model.notes import Note
from core.ports.journal import PendingNote

WAITING, DELIVERED, GIVEN_UP = "waiting", "delivered", "given up"

_TARGET = outbox.alias("target")
_ORDERED = (
    select(
        outbox.c.seq, outbox.c.body, outbox.c.nonce, outbox.c.tries, outbox.c.created_at, outbox.c.attempted_at,
        _TARGET.c.channel_id, _TARGET.c.message_id,
        func.row_number().over(partition_by=outbox.c.topic, order_by=outbox.c.seq).label("place"),
    )
    .outerjoin(_TARGET, (_TARGET.c.note_id == outbox.c.edits) & (_TARGET.c.message_id.is_not(None)))
    .where(outbox.c.state == WAITING)
    .where(~exists().where(_TARGET.c.note_id == outbox.c.edits, _TARGET.c.state == WAITING).correlate(outbox))
)  # fmt: skip
# Every topic gets its first notes, so that a channel that takes nothing does not hold up the others.
_PENDING = _ORDERED.order_by("place", outbox.c.seq).limit(bindparam("most"))
_ATTEMPTED = (
    outbox.update().where(outbox.c.seq == bindparam("row")).values(tries=outbox.c.tries + 1, attempted_at=bindparam("instant"))
)
_DELIVERED = (
    outbox.update()
    .where(outbox.c.seq == bindparam("row"))
    .values(state=DELIVERED, channel_id=bindparam("channel"), message_id=bindparam("message"), delivered_at=bindparam("instant"))
)
_FAILED = (
    outbox.update()
    .where(outbox.c.seq == bindparam("row"), outbox.c.state == WAITING)
    .values(state=bindparam("next_state"), reason=bindparam("why"))
)
_MESSAGE = select(outbox.c.channel_id, outbox.c.message_id).where(
    outbox.c.note_id == bindparam("note"), outbox.c.message_id.is_not(None)
)
_ALL = select(outbox.c.body).order_by(outbox.c.seq)
_SINCE = select(outbox.c.body).where(outbox.c.created_at >= bindparam("since")).order_by(outbox.c.created_at, outbox.c.seq)


def nonce(note_id: str) -> str:
    """Short hash of a note id that Discord takes as a nonce (at most 25 characters)."""
    return hashlib.sha256(note_id.encode("utf-8", "replace")).hexdigest()[:24]


def put_notes(connection: Connection, notes: Sequence[Note]) -> None:
    """Add notes in order; one whose id is known changes nothing."""
    for note in notes:
        row = {
            "note_id": note.id, "nonce": nonce(note.id), "topic": note.topic.value, "edits": note.edits, "state": WAITING,
            "tries": 0, "created_at": note.at, "reason": "", "body": dump(note),
        }  # fmt: skip
        insert_new(connection, outbox, row, unique=("note_id",))


def pending(connection: Connection, limit: int) -> Sequence[PendingNote]:
    """Give what is to be delivered, in order; a note that edits one which is still waiting waits behind it.

    A note that edits one which was given up (or never existed) has no `edits_message` and becomes a message of its own.
    """
    found = sorted(connection.execute(_PENDING, {"most": limit}), key=lambda row: row.seq)
    return [
        PendingNote(
            seq=row.seq,
            note=load(Note, row.body),
            nonce=row.nonce,
            tries=row.tries,
            created_at=row.created_at,
            attempted_at=row.attempted_at,
            edits_message=None if row.message_id is None else (row.channel_id, row.message_id),
        )
        for row in found
    ]


def attempted(connection: Connection, seq: int, at: datetime) -> None:
    """Count a try before it is made."""
    connection.execute(_ATTEMPTED, {"row": seq, "instant": at})


def delivered(connection: Connection, messages: Mapping[int, tuple[int, int]], at: datetime) -> None:
    """Keep the (channel id, message id) that each note now stands in, by its number."""
    rows = [{"row": seq, "channel": place[0], "message": place[1], "instant": at} for seq, place in messages.items()]
    connection.execute(_DELIVERED, rows)


def failed(connection: Connection, seq: int, reason: str, *, give_up: bool) -> None:
    """Note why a try failed; a note that is given up is never tried again."""
    connection.execute(_FAILED, {"row": seq, "next_state": GIVEN_UP if give_up else WAITING, "why": clean(reason)})


def message_of(connection: Connection, note_id: str) -> tuple[int, int] | None:
    """(channel id, message id) of a delivered note."""
    row = connection.execute(_MESSAGE, {"note": note_id}).first()
    return (row.channel_id, row.message_id) if row else None


def notes(connection: Connection, since: datetime | None) -> Sequence[Note]:
    """Give every note, oldest first."""
    found = connection.scalars(_SINCE, {"since": since}) if since else connection.scalars(_ALL)
    return [load(Note, body) for body in found]
