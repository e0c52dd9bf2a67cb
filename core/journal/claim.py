"""The claim: the only door to an order. Everything it requires is read again inside its one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from core.journal import audit, proposals
from core.journal.doubts import forbids
from core.journal.lease import Held, is_ours
from core.journal.orders import insert_envelope, insert_order, inside
from core.journal.outbox import put_notes
from core.journal.switches import current_kill, forbidden
from core.model.errors import IllegalEventError, NotClaimedError
from core.model.notes import Note
from core.model.orders import Order, OrderState
from core.model.proposals import PENDING, Approval, Envelope, ProposalState, Vote
from core.model.signals import Intent
from core.ports.journal import StoredProposal

#: Causes of closing signals that a person asked for.
BY_HAND = frozenset({"manual", "leg risk", "flatten"})


@dataclass(frozen=True, slots=True)
class Claim:
    """What is asked for: this approval becomes this envelope with this first child order."""

    approval: Approval
    envelope: Envelope
    order: Order
    now: datetime
    notes: Sequence[Note]


def claim(connection: Connection, wish: Claim, held: Held | None) -> NotClaimedError | None:
    """W5. Answers the refusal instead of raising it, because kill, expiry and veto are written down in the same transaction.

    Raises
    ------
    IllegalEventError
        Envelope or order reach outside the proposal: a defect of the caller, not a refusal.
    """
    stored = proposals.one(connection, wish.approval.proposal_id)
    if stored is None:
        return NotClaimedError(f"there is no proposal {wish.approval.proposal_id}", "unknown")
    votes = proposals.votes(connection, stored.proposal.id)
    refusal = _not_open(connection, stored, wish, held) or _ended(connection, stored, wish, votes) or _too_few(stored, wish, votes)
    if refusal is not None:
        return refusal
    _within(stored, wish.envelope, wish.order)
    if not proposals.grant(connection, stored.proposal.id, wish.now):
        raise IllegalEventError(f"proposal {stored.proposal.id} changed hands inside its own claim; stop and look")
    insert_envelope(connection, wish.envelope)
    insert_order(connection, wish.order)
    body = {
        "proposal": stored.proposal.id, "envelope": wish.envelope.id, "order": wish.order.key, "digest": wish.approval.digest,
        "policy": wish.approval.policy, "approved_at": wish.approval.at, "evidence_at": wish.approval.evidence_at,
    }  # fmt: skip
    audit.append(connection, ", ".join(wish.approval.by), "claim", body, wish.now)
    put_notes(connection, wish.notes)
    return None


def _not_open(connection: Connection, stored: StoredProposal, wish: Claim, held: Held | None) -> NotClaimedError | None:
    """State, content and lease must stand behind the approval; otherwise nothing is written at all."""
    name, state = f"proposal {stored.proposal.id}", stored.state
    if state not in PENDING:
        return NotClaimedError(f"{name} is already {state}", state)
    if not wish.approval.policy and state is not ProposalState.OPEN:
        return NotClaimedError(f"the card of {name} does not stand in its channel yet", state)
    if not is_ours(connection, held):
        return NotClaimedError(f"this process does not hold the lease of the journal, so {name} stays as it is", state)
    if not wish.approval.digest == wish.envelope.digest == stored.proposal.digest:
        return NotClaimedError(f"the approval of {name} binds another content than the one that is stored", state)
    return None


def _too_few(stored: StoredProposal, wish: Claim, votes: Sequence[Vote]) -> NotClaimedError | None:
    """As many persons as the approval needs must stand in the journal with a yes that was allowed and not taken back."""
    if wish.approval.policy:
        return None
    standing = {vote.voter for vote in votes if vote.approve and vote.present and vote.allowed}
    counted, needed = len(standing & set(wish.approval.by)), max(wish.approval.needed, 1)
    if counted >= needed:
        return None
    return NotClaimedError(f"{counted} of the {needed} persons that proposal {stored.proposal.id} takes said yes", stored.state)


def _ended(connection: Connection, stored: StoredProposal, wish: Claim, votes: Sequence[Vote]) -> NotClaimedError | None:
    """Kill, expiry and a standing veto end the proposal here and now."""
    proposal_id = stored.proposal.id
    veto = next((vote for vote in votes if vote.present and vote.allowed and not vote.approve), None)
    if sentence := forbidden(current_kill(connection).level, stored.proposal.intent):
        state, reason = ProposalState.KILLED, sentence
    elif stored.expires_at is not None and wish.now >= stored.expires_at:
        state, reason = ProposalState.EXPIRED, f"it was open until {stored.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    elif veto is not None:
        state, reason = ProposalState.VETOED, f"{veto.voter} said no"
    elif sentence := _held_back(connection, stored):
        state, reason = ProposalState.GATE_DENIED, sentence
    else:
        return None
    proposals.end(connection, proposal_id, state, reason, wish.now)
    return NotClaimedError(f"proposal {proposal_id} is {state}: {reason}", state)


def _held_back(connection: Connection, stored: StoredProposal) -> str | None:
    """Why an underlying that is held back forbids the order."""
    signal = stored.proposal.signal
    reduces, by_hand = signal.intent is Intent.CLOSE, signal.cause in BY_HAND
    return forbids(connection, stored.proposal.account, signal.symbol, reduces=reduces, by_hand=by_hand)


def _within(stored: StoredProposal, envelope: Envelope, order: Order) -> None:
    """An envelope grants nothing that was not proposed, and its first order nothing outside the envelope."""
    proposal = stored.proposal
    checks = {
        "the envelope's proposal": envelope.proposal_id == proposal.id and envelope.signal_id == proposal.signal.id,
        "the envelope's account": envelope.account == proposal.account,
        "the envelope's legs": envelope.legs == proposal.legs,
        "the envelope's intent": envelope.intent == proposal.intent,
        "the envelope's quantity": 0 < envelope.quantity <= proposal.quantity,
        "the envelope's floor": envelope.floor >= proposal.floor,
        "the order's state": order.state is OrderState.NEW and not order.leg_filled,
        "the order": inside(envelope, order),
    }
    for what, holds in checks.items():
        if not holds:
            raise IllegalEventError(f"{what} reaches outside proposal {proposal.id}; nothing was claimed")
