"""The judge: the owner in front of the channels. Approves cards, closes what is held, and brings a killed desk up again."""

import asyncio
from dataclasses import dataclass, field
from signal import SIGKILL

from bot.sandbox.actors import Actor
from bot.sandbox.errors import JSON
from core.model.errors import RefusedError
from tests.kill.stage import Stage

LOOK_SECONDS = 0.1
ROAD_SECONDS = 120.0
#: Cards to approve. One more stays open until everything is closed, because the market runs at real speed while a card waits.
ENTRIES = 2
#: So long each life of the desk is asked to close a position; one whose order is in doubt cannot be closed.
PATIENCE_SECONDS = 8.0
#: So many looks in a row must show that nothing is left to do.
CALM = 5


@dataclass(slots=True)
class Judge:
    """One road, from the first card to the digest.

    Attributes
    ----------
    failpoints : list of str
        Where the coming lives of the desk kill themselves; the one after the last lives on.
    approved : dict of message id to proposal id
        Cards on which the owner put ✅ while they could be decided.
    asked : set of str
        Positions that the owner asked to close.
    """

    stage: Stage
    failpoints: list[str]
    kills: int = 0
    approved: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    _since: dict[str, float] = field(default_factory=dict)
    _calm: int = 0

    @property
    def owner(self) -> Actor:
        """The owner's hands."""
        return self.stage.control.user("owner")

    async def watch(self) -> None:
        """Play until the digest is told.

        Raises
        ------
        TimeoutError
            The road did not end.
        """
        async with asyncio.timeout(ROAD_SECONDS):
            await self._rise()
            while not await self._over():
                await self._revive()
                kept = await self._decide()
                await self._close(kept)
                await asyncio.sleep(LOOK_SECONDS)

    async def _rise(self) -> None:
        self._calm = 0
        self._since.clear()
        await self.stage.start(self.failpoints.pop(0) if self.failpoints else "")

    async def _revive(self) -> None:
        desk = self.stage.desk
        if desk is None or desk.returncode is None:
            return
        assert desk.returncode == -SIGKILL, f"the desk ended by itself with {desk.returncode}"
        self.kills += 1
        await self._rise()

    async def _decide(self) -> JSON | None:
        """Approve; answers the card that is kept open, once it is the only one."""
        cards = [message for message in await self.owner.see("trades") if message["components"]]
        signals = {_signal(proposal) for proposal in self.approved.values()}
        kept = None
        for card in cards:
            proposal = proposal_of(card)
            if len(signals | {_signal(proposal)}) > ENTRIES:
                kept = card
            elif card["id"] not in self.approved:
                signals.add(_signal(proposal))
                self.approved[card["id"]] = proposal
                await self.owner.react(card["id"], "✅")
        return kept if len(cards) == 1 else None

    async def _close(self, kept: JSON | None) -> None:
        """Close what the desk offers; when nothing is left, the veto of the last card lets the day run on."""
        if kept is None:
            return
        try:
            offered = [str(choice["value"]) for choice in await self.owner.autocomplete("trades close", "position", position="")]
            now = asyncio.get_running_loop().time()
            left = [position for position in offered if now - self._since.setdefault(position, now) < PATIENCE_SECONDS]
            for position in left:
                self.asked.add(position)
                await self.owner.slash("trades close", patience=1.0, position=position)
        except RefusedError:
            return
        self._calm = 0 if left else self._calm + 1
        if self._calm >= CALM:
            await self.owner.react(kept["id"], "❌")

    async def _over(self) -> bool:
        desk = self.stage.desk
        return desk is not None and desk.returncode is None and bool(await self.owner.see("portfolio"))


def proposal_of(card: JSON) -> str:
    """Read the proposal off the card's first button."""
    identity: str = card["components"][0]["components"][0]["custom_id"]
    return identity.rsplit(":", 1)[-1]


def _signal(proposal: str) -> str:
    return proposal.rpartition(".")[0]
