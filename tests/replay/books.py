"""Reading what a replay left behind."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from core.journal.journal import open_journal
from core.model.orders import Fill, Order, Transaction
from core.model.positions import EquityPoint, Position
from core.model.proposals import ProposalState
from core.model.signals import Signal
from core.ports.journal import Scan, StoredProposal

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
ACCOUNT = "paper"


@dataclass(frozen=True, slots=True)
class Facts:
    """The nouns of one journal, oldest first."""

    scans: Sequence[Scan]
    signals: Sequence[Signal]
    proposals: Sequence[StoredProposal]
    orders: Sequence[Order]
    fills: Sequence[Fill]
    movements: Sequence[Transaction]
    positions: Sequence[Position]
    equity: Sequence[EquityPoint]

    def signal_of(self, fill: Fill) -> Signal:
        """The idea that the fill answers."""
        envelope = fill.order_key.removeprefix("qm1-").rsplit("-", 1)[0]
        return next(stored.proposal.signal for stored in self.proposals if stored.proposal.id == envelope)


def facts(out: Path) -> Facts:
    return asyncio.run(_facts(out / "journal.db"))


async def _facts(path: Path) -> Facts:
    journal = await open_journal(path, durable=False)
    try:
        return Facts(
            scans=(await journal.scans(1_000_000))[::-1],
            signals=await journal.signals(date.min),
            proposals=await journal.proposals(list(ProposalState)),
            orders=await journal.orders(BEGINNING),
            fills=await journal.fills(ACCOUNT),
            movements=await journal.transactions(ACCOUNT),
            positions=await journal.positions(ACCOUNT, closed_since=date.min),
            equity=await journal.equity(ACCOUNT),
        )
    finally:
        await journal.close()


def dump(out: Path) -> list[str]:
    """Every row of every table of the journal."""
    with sqlite3.connect(out / "journal.db") as connection:
        return list(connection.iterdump())


def table(out: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    """Rows of a query in an order that does not depend on the database."""
    with sqlite3.connect(out / "journal.db") as connection:
        return sorted(connection.execute(query, values).fetchall(), key=repr)


def notes(out: Path) -> list[str]:
    return (out / "notes.jsonl").read_text(encoding="utf-8").splitlines()
