"""What each party kept, read when the road is over: the broker's ledger over its line, the channels, the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import cast

from bot.sandbox.errors import JSON
from core.journal.journal import SqlJournal, open_journal
from core.model.notes import Note, Topic
from core.model.orders import Fill, Order, Report, Transaction
from core.model.positions import Position
from core.model.proposals import Envelope, ProposalState
from core.ports.broker import Account
from core.ports.journal import AuditRow, StoredProposal
from tests.kill.stage import Stage

ACCOUNT = "paper"
EPHEMERAL = 64
LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AtBroker:
    """The ledger's word."""

    reports: Sequence[Report]
    fills: Sequence[Fill]
    account: Account
    held: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class InJournal:
    """The desk's word; `waiting` are ids of notes that are not told yet."""

    proposals: Mapping[str, StoredProposal]
    envelopes: Mapping[str, Envelope]
    unfinished: Sequence[Envelope]
    orders: Mapping[str, Order]
    fills: Sequence[Fill]
    movements: Sequence[Transaction]
    positions: Sequence[Position]
    opened_with: Decimal
    audit: Sequence[AuditRow]
    notes: Sequence[Note]
    waiting: frozenset[str]


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything, after the desk has ended."""

    broker: AtBroker
    journal: InJournal
    messages: Sequence[JSON]


async def read(stage: Stage) -> Kept:
    """Ask every party. The audit chain is verified on the way."""
    journal = await open_journal(stage.database)
    try:
        kept = await read_journal(journal)
    finally:
        await journal.close()
    owner = stage.control.user("owner")
    channels = [await owner.see(topic.value.replace("_", "-"), limit=100) for topic in Topic]
    notes = [message for channel in channels for message in channel if not message["flags"] & EPHEMERAL]
    return Kept(await _broker(stage), kept, notes)


async def _broker(stage: Stage) -> AtBroker:
    call = stage.ledger.call
    return AtBroker(
        reports=cast("Sequence[Report]", await call("reports", LONG_AGO)),
        fills=cast("Sequence[Fill]", await call("fills", LONG_AGO)),
        account=cast("Account", await call("account", LONG_AGO)),
        held=cast("Mapping[str, int]", await call("positions")),
    )


async def read_journal(journal: SqlJournal) -> InJournal:
    """The desk's word. The audit chain is verified on the way."""
    await journal.verify_audit()
    proposals = {stored.proposal.id: stored for stored in await journal.proposals(list(ProposalState))}
    envelopes = {key: found for key in proposals if (found := await journal.envelope(key)) is not None}
    opened_with = await journal.setting(f"start_cash:{ACCOUNT}")
    assert opened_with is not None, "the desk never opened its account"
    return InJournal(
        proposals=proposals,
        envelopes=envelopes,
        unfinished=await journal.open_envelopes(),
        orders={order.key: order for order in await journal.orders(LONG_AGO)},
        fills=await journal.fills(ACCOUNT),
        movements=await journal.transactions(ACCOUNT),
        positions=await journal.positions(ACCOUNT, closed_since=date(1999, 1, 1)),
        opened_with=Decimal(opened_with),
        audit=await journal.audit_rows(100_000),
        notes=await journal.notes(),
        waiting=frozenset(pending.note.id for pending in await journal.pending_notes(10_000)),
    )
