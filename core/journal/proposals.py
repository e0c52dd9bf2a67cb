"""Proposals and the votes on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, Row, bindparam, func, select

from core.journal import audit
from core.journal.bodies import dump, load
from core.journal.columns import clean
from core.journal.outbox import put_notes
from core.journal.statements import insert_new
from core.journal.tables import envelope, proposal, vote
from core.model.errors import IllegalEventError
from core.model.notes import Note
from core.model.proposals import PENDING, Envelope, Proposal, ProposalState, Vote
from core.ports.journal import StoredProposal


@dataclass(frozen=True, slots=True)
class Ending:
    """How a proposal ends without a grant."""

    proposal_id: str
    state: ProposalState
    reason: str
    at: datetime


GRANTED = frozenset({ProposalState.CLAIMED, ProposalState.CLOSED})

_STORED = select(
    proposal.c.body, proposal.c.state, proposal.c.channel_id, proposal.c.message_id, proposal.c.expires_at, proposal.c.reason
)  # fmt: skip
ONE = _STORED.where(proposal.c.id == bindparam("key"))
_BY_STATE = _STORED.where(proposal.c.state.in_(bindparam("states", expanding=True))).order_by(proposal.c.created_at, proposal.c.id)
_OF_SIGNAL = _STORED.where(proposal.c.signal_id == bindparam("signal")).order_by(proposal.c.attempt, proposal.c.created_at)
_BY_MESSAGE = _STORED.where(proposal.c.message_id == bindparam("message"))
_POSTED = (
    proposal.update()
    .where(proposal.c.id == bindparam("key"), proposal.c.state.in_([ProposalState.DRAFT.value, ProposalState.POSTING.value]))
    .values(
        state=ProposalState.OPEN.value,
        channel_id=bindparam("channel"),
        message_id=bindparam("message"),
        expires_at=bindparam("deadline"),
    )
)
_END = (
    proposal.update()
    .where(proposal.c.id == bindparam("key"), proposal.c.state.in_(sorted(state.value for state in PENDING)))
    .values(state=bindparam("next_state"), reason=bindparam("why"), ended_at=bindparam("instant"))
)
_CLOSE_GRANTED = (
    proposal.update()
    .where(
        proposal.c.id == select(envelope.c.proposal_id).where(envelope.c.id == bindparam("envelope_key")).scalar_subquery(),
        proposal.c.state == ProposalState.CLAIMED.value,
    )
    .values(state=ProposalState.CLOSED.value)
)
_GRANTED = select(envelope.c.body).where(envelope.c.approved_at >= bindparam("since")).order_by(envelope.c.approved_at)
_RANKED = (
    select(
        vote,
        func.row_number()
        .over(partition_by=(vote.c.voter, vote.c.approve), order_by=(vote.c.at.desc(), vote.c.seq.desc()))
        .label("rank"),
    )
    .where(vote.c.proposal_id == bindparam("key"))
    .subquery()
)
_STANDING = select(_RANKED).where(_RANKED.c.rank == 1).order_by(_RANKED.c.at, _RANKED.c.seq)
_VOTE_KEYS = ("proposal_id", "voter", "approve", "present", "allowed", "source", "at")


def record(connection: Connection, fact: Proposal, state: ProposalState, notes: Sequence[Note]) -> bool:
    """W1."""
    row = {
        "id": fact.id, "signal_id": fact.signal.id, "account": fact.account, "symbol": fact.signal.symbol,
        "intent": fact.intent.value, "digest": fact.digest, "attempt": fact.attempt, "created_at": fact.created_at,
        "state": state.value, "reason": "", "body": dump(fact),
    }  # fmt: skip
    new = insert_new(connection, proposal, row)
    if new:
        put_notes(connection, notes)
    return new


def stored(row: Row[str, str, int | None, int | None, datetime | None, str]) -> StoredProposal:
    """Turn a row of `_STORED` into the noun."""
    body, state, channel_id, message_id, expires_at, reason = row
    return StoredProposal(load(Proposal, body), ProposalState(state), channel_id, message_id, expires_at, reason)


def one(connection: Connection, proposal_id: str) -> StoredProposal | None:
    """Give a proposal by its id."""
    row = connection.execute(ONE, {"key": proposal_id}).first()
    return None if row is None else stored(row)


def in_states(connection: Connection, states: Sequence[ProposalState]) -> Sequence[StoredProposal]:
    """Give proposals that are in one of the states, oldest first."""
    return [stored(row) for row in connection.execute(_BY_STATE, {"states": [state.value for state in states]})]


def of_signal(connection: Connection, signal_id: str) -> Sequence[StoredProposal]:
    """Give the proposals that answer a signal, first attempt first."""
    return [stored(row) for row in connection.execute(_OF_SIGNAL, {"signal": signal_id})]


def by_message(connection: Connection, message_id: int) -> StoredProposal | None:
    """Give the proposal whose card is this message."""
    row = connection.execute(_BY_MESSAGE, {"message": message_id}).first()
    return None if row is None else stored(row)


def posted(connection: Connection, proposal_id: str, message: tuple[int, int], expires_at: datetime) -> bool:
    """W3: the card stands in (channel id, message id)."""
    values = {"key": proposal_id, "channel": message[0], "message": message[1], "deadline": expires_at}
    return connection.execute(_POSTED, values).rowcount == 1


def end(connection: Connection, proposal_id: str, state: ProposalState, reason: str, at: datetime) -> bool:
    """Take a pending proposal to a terminal state that grants nothing; False when it was no longer pending."""
    if state in PENDING or state in GRANTED:
        raise IllegalEventError(
            f"proposal {proposal_id} cannot be closed as '{state}'; only the claim grants, and closing is final"
        )
    return _leave(connection, proposal_id, state, reason, at)


def grant(connection: Connection, proposal_id: str, at: datetime) -> bool:
    """Take a pending proposal to CLAIMED; only `core.journal.claim` may."""
    return _leave(connection, proposal_id, ProposalState.CLAIMED, "", at)


def close_granted(connection: Connection, envelope_id: str) -> None:
    """Take the proposal of a closed envelope from CLAIMED to CLOSED."""
    connection.execute(_CLOSE_GRANTED, {"envelope_key": envelope_id})


def close(connection: Connection, ending: Ending, notes: Sequence[Note]) -> bool:
    """End a pending proposal and tell it; False (and nothing is told) when it was no longer pending."""
    ended = end(connection, ending.proposal_id, ending.state, ending.reason, ending.at)
    if ended:
        put_notes(connection, notes)
    return ended


def _leave(connection: Connection, proposal_id: str, state: ProposalState, reason: str, at: datetime) -> bool:
    values = {"key": proposal_id, "next_state": state.value, "why": clean(reason), "instant": at}
    return connection.execute(_END, values).rowcount == 1


def record_vote(connection: Connection, fact: Vote) -> bool:
    """W4."""
    row = {
        "proposal_id": fact.proposal_id, "voter": clean(fact.voter), "approve": fact.approve, "present": fact.present,
        "allowed": fact.allowed, "source": fact.source, "at": fact.at, "reason": clean(fact.reason),
    }  # fmt: skip
    new = insert_new(connection, vote, row, unique=_VOTE_KEYS)
    if new and not fact.allowed:
        body = {
            "proposal": fact.proposal_id, "approve": fact.approve, "present": fact.present, "source": fact.source,
            "reason": row["reason"],
        }  # fmt: skip
        audit.append(connection, fact.voter, "vote not allowed", body, fact.at)
    return new


def granted(connection: Connection, since: datetime) -> Sequence[tuple[tuple[str, ...], datetime, Decimal]]:
    """Give who approved what from an instant on, oldest first."""
    found = [load(Envelope, body) for body in connection.scalars(_GRANTED, {"since": since})]
    return [(entry.approved_by, entry.approved_at, entry.reserved) for entry in found]


def votes(connection: Connection, proposal_id: str) -> Sequence[Vote]:
    """Give the latest change per (voter, approve), oldest first."""
    return [
        Vote(row.proposal_id, row.voter, row.approve, row.present, row.allowed, row.source, row.at, row.reason)
        for row in connection.execute(_STANDING, {"key": proposal_id})
    ]
