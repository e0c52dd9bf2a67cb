"""Deadlines on both clocks: a card ends by whichever comes first, and nothing is claimed when the two disagree."""

from typing import TYPE_CHECKING

from core.engine import approve
from core.model.proposals import PENDING, ProposalState
from core.ports.journal import StoredProposal

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: The wall clock was set, or the machine slept, when the two clocks measured stretches that differ by more than this.
AGREE_SECONDS = 2.0
#: A card that could not be posted for so long (and for as long as it would have stood) is withdrawn.
POSTING_SECONDS = 60.0


def begin(engine: "Engine", proposal_id: str) -> None:
    """Note both clocks when a card is first seen by this process."""
    engine.books.seen.setdefault(proposal_id, (engine.clock.now(), engine.clock.monotonic()))


def passed(engine: "Engine", stored: StoredProposal) -> bool:
    """Whether a posted card is past its time by either clock."""
    if stored.expires_at is None:
        return False
    wall, monotonic = engine.books.seen.get(stored.proposal.id, (engine.clock.now(), engine.clock.monotonic()))
    lasts = (stored.expires_at - wall).total_seconds()
    return engine.clock.now() >= stored.expires_at or engine.clock.monotonic() - monotonic >= lasts


def jumped(engine: "Engine", proposal_id: str) -> str | None:
    """Say how far the wall clock jumped while a card waited; None when both clocks agree."""
    begin(engine, proposal_id)
    wall, monotonic = engine.books.seen[proposal_id]
    apart = (engine.clock.now() - wall).total_seconds() - (engine.clock.monotonic() - monotonic)
    return f"the clock of this machine jumped by {apart:+.0f} s while the card waited" if abs(apart) > AGREE_SECONDS else None


async def expire(engine: "Engine") -> None:
    """End cards past their time to live, and cards that could not be posted."""
    if not engine.books.pending:
        return
    now = engine.clock.now()
    waiting = await engine.journal.proposals(sorted(PENDING))
    engine.books.pending = {stored.proposal.id: stored for stored in waiting}
    for stored in waiting:
        begin(engine, stored.proposal.id)
        waited = (now - stored.proposal.created_at).total_seconds()
        if passed(engine, stored):
            await approve.end(engine, stored, ProposalState.EXPIRED, f"nobody approved within {stored.proposal.ttl_seconds} s")
        elif stored.expires_at is None and waited > max(POSTING_SECONDS, stored.proposal.ttl_seconds):
            await approve.end(engine, stored, ProposalState.WITHDRAWN, "the card could not be posted")
    _forget(engine)


def _forget(engine: "Engine") -> None:
    """Drop what is kept of cards that no longer wait."""
    books = engine.books
    for kept in (books.seen, books.counts):
        for proposal_id in [key for key in kept if key not in books.pending]:
            del kept[proposal_id]
