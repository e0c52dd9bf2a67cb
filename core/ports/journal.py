"""The journal: what happened, durably. One method per fact, one transaction each.

A method that takes `notes` writes them into the outbox in the same transaction, so a fact and its telling never part.
Methods that answer `bool` say whether the fact was new; a repeated fact changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from core.model.notes import Note
from core.model.orders import Fill, Order, Transaction
from core.model.positions import EquityPoint, Position
from core.model.proposals import Approval, Envelope, Proposal, ProposalState, Vote
from core.model.signals import Signal
from core.ports.doubts import Doubts

JSON = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StoredProposal:
    """A proposal with where it stands: state, message, deadline, why it ended."""

    proposal: Proposal
    state: ProposalState
    channel_id: int | None = None
    message_id: int | None = None
    expires_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PendingNote:
    """An outbox row that is not delivered yet: order number, note, tries so far, when it may be tried again."""

    seq: int
    note: Note
    nonce: str
    tries: int
    created_at: datetime
    attempted_at: datetime | None
    edits_message: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill state: level (`core.model.kill.Level`), who, why, when; `generation` grows with every change that was stored."""

    level: int
    by: str
    reason: str
    at: datetime
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Scan:
    """One run of a strategy's gates: how many symbols were left after each gate, how many were not evaluated."""

    strategy: str
    session: date
    at: datetime
    universe: int
    left: tuple[tuple[str, int], ...]
    absent: tuple[tuple[str, int], ...]
    signals: int


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the hash chain."""

    seq: int
    at: datetime
    actor: str
    action: str
    body: str
    hash: str


class Journal(Protocol):
    """The only SQL stands behind this door. Every method may raise OperatorError (disk full, database lost)."""

    @property
    def doubts(self) -> Doubts:
        """What is not settled: looks, locks, later words about executions, trades made outside."""
        ...

    # signals and scans
    async def record_scan(self, scan: Scan) -> None: ...
    async def scans(self, limit: int = 1) -> Sequence[Scan]: ...
    async def record_signal(self, signal: Signal, notes: Sequence[Note] = ()) -> bool: ...
    async def signal(self, signal_id: str) -> Signal | None: ...
    async def signals(self, since: date, symbol: str | None = None) -> Sequence[Signal]: ...

    # proposals and votes
    async def record_proposal(self, proposal: Proposal, state: ProposalState, notes: Sequence[Note] = ()) -> bool:
        """W1. `state` is DRAFT for a card to be posted (or a policy to decide), BLOCKED when a rule refused it."""
        ...

    async def proposal(self, proposal_id: str) -> StoredProposal | None: ...
    async def proposals(self, states: Sequence[ProposalState]) -> Sequence[StoredProposal]: ...
    async def proposals_of(self, signal_id: str) -> Sequence[StoredProposal]: ...
    async def proposal_by_message(self, message_id: int) -> StoredProposal | None: ...

    async def proposal_posted(self, proposal_id: str, channel_id: int, message_id: int, expires_at: datetime) -> bool:
        """W3: DRAFT or POSTING -> OPEN; the time to live starts now."""
        ...

    async def close_proposal(
        self, proposal_id: str, state: ProposalState, reason: str, at: datetime, notes: Sequence[Note] = ()
    ) -> bool:
        """Pending -> a terminal state that grants nothing; False when it was no longer pending."""
        ...

    async def record_vote(self, vote: Vote) -> bool:
        """W4: append-only; a vote that was not allowed also becomes an audit row."""
        ...

    async def votes(self, proposal_id: str) -> Sequence[Vote]:
        """The latest known change per (voter, approve), oldest first."""
        ...

    async def granted(self, since: datetime) -> Sequence[tuple[tuple[str, ...], datetime, Decimal]]:
        """Who approved what since then: persons, instant, and dollars at risk (0: it reduced risk); oldest first."""
        ...

    # the claim: the only door to an order
    async def claim(self, approval: Approval, envelope: Envelope, order: Order, now: datetime, notes: Sequence[Note] = ()) -> None:
        """W5: one serialisable transaction.

        Requires: proposal pending, digest equal, `now` before its deadline, kill level 0 (or 1 and intent CLOSE), the lease
        still ours, no allowed veto, and a recorded yes of as many persons as the approval needs. Then CLAIMED, envelope and
        first child order (NEW) are inserted, audit is written.

        Raises
        ------
        NotClaimedError
            With the state that the proposal is in or went to.
        """
        ...

    # orders
    async def add_order(self, order: Order) -> bool:
        """Next child (NEW) of an envelope; refuses while another child of it is not terminal."""
        ...

    async def mark_sending(self, key: str, request_sha256: str, now: datetime, checks: str = "") -> None:
        """W7: NEW -> SENDING with the one submit row (attempt 1), and what the gate measured.

        Raises
        ------
        IllegalEventError
            The order is not NEW, or was already marked.
        NotAllowedError
            The kill level forbids it.
        """
        ...

    async def record_order(self, order: Order, raw: str = "", notes: Sequence[Note] = ()) -> None:
        """W9 and later: the order as it stands now, with the broker's raw answer."""
        ...

    async def record_fills(
        self,
        fills: Sequence[Fill],
        order: Order | None,
        position: Position | None,
        notes: Sequence[Note] = (),
        event_key: str = "",
    ) -> bool:
        """W10: fills (unique by account, exec id, version), the order and the position after them, in one transaction.

        Answers False, changing nothing, when any of the fills is already stored.
        """
        ...

    async def record_transaction(self, transaction: Transaction, positions: Sequence[Position], notes: Sequence[Note] = ()) -> bool:
        """A movement that is no fill, with the positions after it; False when it was known (unique by account and id)."""
        ...

    async def transactions(self, account: str) -> Sequence[Transaction]: ...

    async def close_envelope(self, envelope_id: str, at: datetime, notes: Sequence[Note] = ()) -> None:
        """W11: nothing more will be sent under it; its reservation is released."""
        ...

    async def envelope(self, envelope_id: str) -> Envelope | None: ...
    async def open_envelopes(self) -> Sequence[Envelope]: ...
    async def orders_of(self, envelope_id: str) -> Sequence[Order]: ...
    async def order(self, key: str) -> Order | None: ...
    async def unfinished_orders(self) -> Sequence[Order]: ...
    async def orders(self, since: datetime) -> Sequence[Order]: ...
    async def fills(self, account: str, since: datetime | None = None) -> Sequence[Fill]: ...
    async def envelopes_claimed(self, account: str, since: datetime) -> int: ...

    # positions and equity
    async def save_position(self, position: Position, notes: Sequence[Note] = ()) -> None: ...
    async def positions(self, account: str, *, closed_since: date | None = None) -> Sequence[Position]:
        """Open positions; with `closed_since`, also those closed in or after that session."""
        ...

    async def record_equity(self, point: EquityPoint) -> None: ...
    async def equity(self, account: str, since: date | None = None) -> Sequence[EquityPoint]: ...

    # switches
    async def set_kill(self, kill: Kill, notes: Sequence[Note] = (), *, after: int | None = None) -> Kill:
        """Change the kill level; answers what holds now.

        Without `after` the level can only rise. With it the level is set as given, when nobody changed it since that generation.

        Raises
        ------
        NotAllowedError
            Somebody changed it meanwhile.
        """
        ...

    async def kill(self) -> Kill: ...
    async def set_setting(self, name: str, value: str) -> None:
        """Small durable facts: account opened with, paused session, last tick."""
        ...

    async def setting(self, name: str) -> str | None: ...

    # jobs
    async def claim_job(self, job: str, scheduled_for: datetime, notes: Sequence[Note] = ()) -> bool:
        """Take an occasion of a job, with the notes that it tells; False when it was taken before (by whichever process)."""
        ...

    async def last_job(self, job: str) -> datetime | None: ...

    # outbox
    async def put_notes(self, notes: Sequence[Note]) -> None: ...
    async def pending_notes(self, limit: int = 50) -> Sequence[PendingNote]: ...
    async def note_attempted(self, seq: int, at: datetime) -> None: ...
    async def note_delivered(self, seq: int, channel_id: int, message_id: int, at: datetime) -> None: ...
    async def note_failed(self, seq: int, reason: str, *, give_up: bool) -> None: ...
    async def note_message(self, note_id: str) -> tuple[int, int] | None:
        """(channel id, message id) of a delivered note."""
        ...

    async def notes(self, since: datetime | None = None) -> Sequence[Note]: ...

    # audit
    async def audit(self, actor: str, action: str, body: JSON, at: datetime) -> None: ...
    async def audit_rows(self, limit: int = 50) -> Sequence[AuditRow]: ...
    async def verify_audit(self, anchors: Sequence[tuple[int, str]] = (), after: tuple[int, str] = ...) -> int:
        """Number of the last row; begins behind a row (number, hash) that was verified before.

        Raises
        ------
        IllegalEventError
            Names the first row that is broken, or is not the one of the anchors (number, beginning of its hash).
        """
        ...

    # life
    async def take_lease(self, owner: str, now: datetime) -> None:
        """Become the single writer; raises OperatorError when another process is."""
        ...

    async def close(self) -> None: ...
