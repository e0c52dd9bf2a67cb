"""The journal as a value: a database image for each thing that it can say, and the real transactions between them."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from core.journal import proposals
from core.journal.journal import open_journal
from core.model.errors import QuantMatrixError
from core.model.orders import OrderState
from core.model.proposals import ProposalState
from tests.journal.build import LATER, NOW, envelope, order, proposal

PROPOSAL = proposal()
ENVELOPE = envelope(PROPOSAL)
ORDER = order(ENVELOPE)


@dataclass(frozen=True, slots=True)
class Said:
    """Everything that the journal says; two images that say the same are the same."""

    card: ProposalState
    votes: tuple[tuple[str, bool, bool, bool], ...] = ()
    kill: int = 0
    order: OrderState | None = None
    submits: int = 0
    claims: int = 0
    fence: int = 0

    @property
    def vetoed(self) -> bool:
        """Whether a no that counts stands in it."""
        return any(allowed and present and not approve for _, approve, present, allowed in self.votes)


class Shelf:
    """Images by what they say; `did` runs one transaction on one of them, once, and remembers."""

    def __init__(self, folder: Path) -> None:
        self._driver = sqlite3.connect(":memory:", isolation_level=None)
        engine = create_engine("sqlite://", creator=lambda: self._driver, poolclass=StaticPool, pool_reset_on_return=None)
        self._connection = engine.connect()
        self._images: dict[Said, bytes] = {}
        self._done: dict[tuple[Said, str], tuple[str, Said]] = {}
        self.first = self._begin(_empty(folder))

    @property
    def transactions(self) -> int:
        """How many were run."""
        return len(self._done)

    def did(self, before: Said, name: str, work: Callable[[Connection], object]) -> tuple[str, Said]:
        """Outcome ("" or the name of what was refused) and what the journal says afterwards. Equal names do equal things."""
        if (before, name) not in self._done:
            self._done[before, name] = self._run(self._images[before], before, work)
        return self._done[before, name]

    def _begin(self, image: bytes) -> Said:
        def post(connection: Connection) -> None:
            proposals.record(connection, PROPOSAL, ProposalState.DRAFT, [])
            proposals.posted(connection, PROPOSAL.id, (1, 2), LATER)

        _, said = self._run(image, Said(ProposalState.DRAFT), post)
        return said

    def _run(self, image: bytes, before: Said, work: Callable[[Connection], object]) -> tuple[str, Said]:
        self._driver.deserialize(image)
        self._driver.execute("PRAGMA foreign_keys=ON")
        with self._connection.begin():
            self._driver.execute("BEGIN IMMEDIATE")
            try:
                refusal = work(self._connection)
            except QuantMatrixError as error:
                self._driver.execute("ROLLBACK")
                return type(error).__name__, before
            self._driver.execute("COMMIT")
            after = _says(self._driver, self._connection)
        self._images.setdefault(after, self._driver.serialize())
        return (type(refusal).__name__ if isinstance(refusal, Exception) else "", after)


def _empty(folder: Path) -> bytes:
    """A journal as the migrations make it, with its triggers and checks."""

    async def make() -> None:
        journal = await open_journal(folder / "journal.db")
        await journal.close()

    asyncio.run(make())
    driver = sqlite3.connect(folder / "journal.db")
    driver.execute("PRAGMA journal_mode=DELETE")
    image = driver.serialize()
    driver.close()
    return image


_WORDS = """
    SELECT (SELECT state FROM proposal), (SELECT level FROM kill ORDER BY seq DESC LIMIT 1), (SELECT state FROM "order"),
           (SELECT count(*) FROM send), (SELECT count(*) FROM audit WHERE action = 'claim'), (SELECT fence FROM lease)
"""


def _says(driver: sqlite3.Connection, connection: Connection) -> Said:
    card, kill, order_state, submits, claims, fence = driver.execute(_WORDS).fetchone()
    votes = proposals.votes(connection, PROPOSAL.id)
    return Said(
        card=ProposalState(card),
        votes=tuple(sorted((vote.voter, vote.approve, vote.present, vote.allowed) for vote in votes)),
        kill=kill or 0,
        order=OrderState(order_state) if order_state else None,
        submits=submits,
        claims=claims,
        fence=fence or 0,
    )


__all__ = ["ENVELOPE", "NOW", "ORDER", "PROPOSAL", "Said", "Shelf"]
