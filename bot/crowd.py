"""Strangers who react: counted in constant time, written down in a few rows however many they are."""

from dataclasses import dataclass, field

from core.engine.engine import Engine
from core.model.proposals import Vote

#: Strangers per card that get a row of their own.
NAMED = 20
CARDS = 200


@dataclass(slots=True)
class Gathering:
    """Strangers on one card since it was last written down; `named` holds (user, approve) in the order they came."""

    reactions: int = 0
    named: dict[tuple[int, bool], None] = field(default_factory=dict)
    written: set[tuple[int, bool]] = field(default_factory=set)


@dataclass(slots=True)
class Crowd:
    """Strangers by card; the oldest cards are forgotten beyond a limit."""

    cards: dict[str, Gathering] = field(default_factory=dict)

    def count(self, proposal_id: str, user_id: int, *, approve: bool) -> None:
        """One stranger reacted or clicked."""
        gathering = self.cards.get(proposal_id)
        if gathering is None:
            while len(self.cards) >= CARDS:
                del self.cards[next(iter(self.cards))]
            gathering = self.cards[proposal_id] = Gathering()
        gathering.reactions += 1
        if len(gathering.written) + len(gathering.named) < NAMED and (user_id, approve) not in gathering.written:
            gathering.named[user_id, approve] = None

    async def write(self, engine: Engine) -> None:
        """Record the first strangers of each card as votes that are not allowed, and one aggregate row for all of them."""
        for proposal_id, gathering in list(self.cards.items()):
            if not gathering.reactions:
                continue
            reactions, named = gathering.reactions, list(gathering.named)
            gathering.reactions = 0
            gathering.named.clear()
            gathering.written.update(named)
            if await engine.journal.proposal(proposal_id) is None:
                continue
            now = engine.clock.now()
            reason = "not on the list of approvers"
            for user_id, approve in named:
                vote = Vote(
                    proposal_id, f"user {user_id}", approve, present=True, allowed=False, source="stranger", at=now, reason=reason
                )
                await engine.vote(vote, None)
            if reactions > len(named):
                body = {"proposal": proposal_id, "reactions": reactions}
                await engine.journal.audit("strangers", "decisions ignored", body, now)
