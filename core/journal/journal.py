"""`SqlJournal`: the port, method by method; each gives one function of this room its transaction."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from core.journal import audit, books, claim, lease, orders, outbox, proposals, signals, switches
from core.journal import fills as fill_facts
from core.journal.audit import GENESIS
from core.journal.door import At, Door
from core.journal.doubts import SqlDoubts
from core.journal.engine import open_door
from core.journal.guard import Guard, guard_of
from core.journal.masking import Mask, MaskedDoor
from core.journal.place import Place
from core.journal.schema import check
from core.model.notes import Note
from core.model.orders import Fill, Order, Transaction
from core.model.positions import EquityPoint, Position
from core.model.proposals import Approval, Envelope, Proposal, ProposalState, Vote
from core.model.signals import Signal
from core.ports.journal import JSON, AuditRow, Kill, PendingNote, Scan, StoredProposal

Notes = Sequence[Note]


def _nothing(point: str, /) -> None:
    """Happens at write points unless a test asks for something."""


async def open_journal(where: str | Path, *, durable: bool = True, at: At = _nothing, mask: Mask | None = None) -> "SqlJournal":
    """Open a journal; an empty or missing database is set up first. `take_lease` comes next: claims need it.

    Parameters
    ----------
    where : path of an SQLite file, or ``postgresql+asyncpg://user@host/name``
    durable : bool
        False for output that can be made again: no fsync, and on SQLite each call runs at once on the caller's thread.
    at : callable
        Called with the name of a write point (``"W5"``) just before its commit, and with ``"W5+"`` just after it.
    mask : callable, optional
        Takes secrets out of every text before it is written.

    Raises
    ------
    OperatorError
        The database is older, newer, damaged, of something else, or cannot be reached; the sentence names the remedy.
    """
    place = Place.of(where)
    await check(place)
    door = open_door(place, at, durable=durable)
    return SqlJournal(door if mask is None else MaskedDoor(door, mask), guard_of(place))


class SqlJournal:
    """The journal on SQLite or PostgreSQL; see `core.ports.journal.Journal` for what each method promises."""

    def __init__(self, door: Door, guard: Guard) -> None:
        self._door, self._guard = door, guard
        self._held: lease.Held | None = None
        self.doubts = SqlDoubts(door)

    async def record_scan(self, scan: Scan) -> None:
        """Keep one run of the gates."""
        await self._door.write("", signals.record_scan, scan)

    async def scans(self, limit: int = 1) -> Sequence[Scan]:
        """Latest runs, newest first."""
        return await self._door.read(signals.scans, limit)

    async def record_signal(self, signal: Signal, notes: Notes = ()) -> bool:
        """Keep an idea, once."""
        return await self._door.write("", signals.record_signal, signal, notes)

    async def signal(self, signal_id: str) -> Signal | None:
        """One signal."""
        return await self._door.read(signals.one, signal_id)

    async def signals(self, since: date, symbol: str | None = None) -> Sequence[Signal]:
        """Signals of sessions from a day on, oldest first."""
        return await self._door.read(signals.since, since, symbol)

    async def record_proposal(self, proposal: Proposal, state: ProposalState, notes: Notes = ()) -> bool:
        """W1."""
        return await self._door.write("W1", proposals.record, proposal, state, notes)

    async def proposal(self, proposal_id: str) -> StoredProposal | None:
        """One proposal."""
        return await self._door.read(proposals.one, proposal_id)

    async def proposals(self, states: Sequence[ProposalState]) -> Sequence[StoredProposal]:
        """Proposals in any of the states, oldest first."""
        return await self._door.read(proposals.in_states, states)

    async def proposals_of(self, signal_id: str) -> Sequence[StoredProposal]:
        """Proposals that answer a signal, first attempt first."""
        return await self._door.read(proposals.of_signal, signal_id)

    async def proposal_by_message(self, message_id: int) -> StoredProposal | None:
        """The proposal whose card is this message."""
        return await self._door.read(proposals.by_message, message_id)

    async def proposal_posted(self, proposal_id: str, channel_id: int, message_id: int, expires_at: datetime) -> bool:
        """W3."""
        return await self._door.write("W3", proposals.posted, proposal_id, (channel_id, message_id), expires_at)

    async def close_proposal(self, proposal_id: str, state: ProposalState, reason: str, at: datetime, notes: Notes = ()) -> bool:
        """End a pending proposal."""
        return await self._door.write("", proposals.close, proposals.Ending(proposal_id, state, reason, at), notes)

    async def record_vote(self, vote: Vote) -> bool:
        """W4; a crowd of strangers does not hold up the persons who may vote."""
        write = self._door.write if vote.allowed else self._door.write_last
        return await write("W4", proposals.record_vote, vote)

    async def votes(self, proposal_id: str) -> Sequence[Vote]:
        """The latest change per (voter, approve), oldest first."""
        return await self._door.read(proposals.votes, proposal_id)

    async def granted(self, since: datetime) -> Sequence[tuple[tuple[str, ...], datetime, Decimal]]:
        """Who approved what since then."""
        return await self._door.read(proposals.granted, since)

    async def claim(self, approval: Approval, envelope: Envelope, order: Order, now: datetime, notes: Notes = ()) -> None:
        """W5: the only door to an order."""
        wish = claim.Claim(approval, envelope, order, now, notes)
        refusal = await self._door.write("W5", claim.claim, wish, self._held)
        if refusal is not None:
            raise refusal

    async def add_order(self, order: Order) -> bool:
        """Add the next child order."""
        return await self._door.write("", orders.add, order)

    async def mark_sending(self, key: str, request_sha256: str, now: datetime, checks: str = "") -> None:
        """W7."""
        await self._door.write("W7", orders.mark_sending, key, request_sha256, now, self._held, checks)

    async def record_order(self, order: Order, raw: str = "", notes: Notes = ()) -> None:
        """W9 and later."""
        await self._door.write("W9", orders.record, order, raw, notes)

    async def record_fills(
        self, fills: Sequence[Fill], order: Order | None, position: Position | None, notes: Notes = (), event_key: str = ""
    ) -> bool:
        """W10."""
        return await self._door.write(
            "W10", fill_facts.record_fills, fill_facts.Execution(fills, order, position, notes, event_key)
        )

    async def record_transaction(self, transaction: Transaction, positions: Sequence[Position], notes: Notes = ()) -> bool:
        """Keep a movement that is no fill."""
        return await self._door.write("", fill_facts.record_transaction, transaction, positions, notes)

    async def transactions(self, account: str) -> Sequence[Transaction]:
        """Movements that are no fill, oldest first."""
        return await self._door.read(fill_facts.transactions, account)

    async def close_envelope(self, envelope_id: str, at: datetime, notes: Notes = ()) -> None:
        """W11."""
        await self._door.write("W11", orders.close_envelope, envelope_id, at, notes)

    async def envelope(self, envelope_id: str) -> Envelope | None:
        """One envelope."""
        return await self._door.read(orders.one_envelope, envelope_id)

    async def open_envelopes(self) -> Sequence[Envelope]:
        """Envelopes that are not closed, oldest first."""
        return await self._door.read(orders.open_envelopes)

    async def orders_of(self, envelope_id: str) -> Sequence[Order]:
        """Child orders by number."""
        return await self._door.read(orders.of_envelope, envelope_id)

    async def order(self, key: str) -> Order | None:
        """One order."""
        return await self._door.read(orders.one, key)

    async def unfinished_orders(self) -> Sequence[Order]:
        """Orders that are not terminal, oldest first."""
        return await self._door.read(orders.unfinished)

    async def orders(self, since: datetime) -> Sequence[Order]:
        """Orders touched since then, oldest first."""
        return await self._door.read(orders.since, since)

    async def fills(self, account: str, since: datetime | None = None) -> Sequence[Fill]:
        """Fills, oldest first."""
        return await self._door.read(fill_facts.fills, account, since)

    async def envelopes_claimed(self, account: str, since: datetime) -> int:
        """How many envelopes were approved since then."""
        return await self._door.read(orders.claimed_since, account, since)

    async def save_position(self, position: Position, notes: Notes = ()) -> None:
        """Keep a position as it stands."""
        await self._door.write("", books.save_position, position, notes)

    async def positions(self, account: str, *, closed_since: date | None = None) -> Sequence[Position]:
        """Open positions, and those closed from a session on."""
        return await self._door.read(books.positions, account, closed_since)

    async def record_equity(self, point: EquityPoint) -> None:
        """Keep the equity of a session."""
        await self._door.write("", books.record_equity, point)

    async def equity(self, account: str, since: date | None = None) -> Sequence[EquityPoint]:
        """Points of equity, oldest first."""
        return await self._door.read(books.equity_points, account, since)

    async def set_kill(self, kill: Kill, notes: Notes = (), *, after: int | None = None) -> Kill:
        """Raise the kill level, or set it as given after a generation."""
        return await self._door.write("KILL", switches.set_kill, kill, notes, after)

    async def kill(self) -> Kill:
        """The kill level that holds now."""
        return await self._door.read(switches.current_kill)

    async def set_setting(self, name: str, value: str) -> None:
        """Keep a small fact."""
        await self._door.write("", switches.set_setting, name, value)

    async def setting(self, name: str) -> str | None:
        """One small fact."""
        return await self._door.read(switches.get_setting, name)

    async def claim_job(self, job: str, scheduled_for: datetime, notes: Notes = ()) -> bool:
        """Take one occasion of a job."""
        return await self._door.write("", switches.claim_job, job, scheduled_for, notes)

    async def last_job(self, job: str) -> datetime | None:
        """Latest occasion of a job that was taken."""
        return await self._door.read(switches.last_job, job)

    async def put_notes(self, notes: Notes) -> None:
        """Add notes, each once."""
        await self._door.write("", outbox.put_notes, notes)

    async def pending_notes(self, limit: int = 50) -> Sequence[PendingNote]:
        """Notes to be delivered, in order."""
        return await self._door.read(outbox.pending, limit)

    async def note_attempted(self, seq: int, at: datetime) -> None:
        """Count a try."""
        await self._door.write("", outbox.attempted, seq, at)

    async def note_delivered(self, seq: int, channel_id: int, message_id: int, at: datetime) -> None:
        """W12."""
        await self.notes_delivered({seq: (channel_id, message_id)}, at)

    async def notes_delivered(self, messages: Mapping[int, tuple[int, int]], at: datetime) -> None:
        """W12, of several notes together: (channel id, message id) by outbox number."""
        await self._door.write("W12", outbox.delivered, messages, at)

    async def note_failed(self, seq: int, reason: str, *, give_up: bool) -> None:
        """Say why a try failed."""
        await self._door.write("", outbox.failed, seq, reason, give_up=give_up)

    async def note_message(self, note_id: str) -> tuple[int, int] | None:
        """(channel id, message id) of a delivered note."""
        return await self._door.read(outbox.message_of, note_id)

    async def notes(self, since: datetime | None = None) -> Sequence[Note]:
        """Every note, oldest first."""
        return await self._door.read(outbox.notes, since)

    async def audit(self, actor: str, action: str, body: JSON, at: datetime) -> None:
        """Add a row to the chain."""
        await self._door.write("", audit.append, actor, action, body, at)

    async def audit_rows(self, limit: int = 50) -> Sequence[AuditRow]:
        """Latest rows, newest first."""
        return await self._door.read(audit.rows, limit)

    async def verify_audit(self, anchors: Sequence[tuple[int, str]] = (), after: tuple[int, str] = (0, GENESIS)) -> int:
        """Walk the chain."""
        return await self._door.read(audit.verify, anchors, after)

    async def take_lease(self, owner: str, now: datetime) -> None:
        """Become the single writer."""
        if self._held is None:
            await self._guard.take()
            self._held = await self._door.write("", lease.take, owner, now)

    async def close(self) -> None:
        """Finish what is under way, give the lease back, let go of the database."""
        await self._door.close()
        await self._guard.drop()
