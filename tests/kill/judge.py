"""The judge: the owner in front of the channels. Approves cards, closes what is held, and brings a killed desk up again."""

import asyncio
from dataclasses import dataclass, field
from signal import SIGKILL

from bot.sandbox.actors import Actor
from bot.sandbox.errors import JSON
from core.model.errors import RefusedError
from tests.kill.stage import Stage

LOOK_SECONDS = 0.1
ROAD_SECONDS = 90.0


@dataclass(slots=True)
class Judge:
    """One road, from the first card to the digest.

    Attributes
    ----------
    failpoints : list of str
        Where the coming lives of the desk kill themselves; the one after the last lives on.
    approved : dict of message id to proposal id
        Cards on which the owner put ✅ while they stood open.
    closing : set of str
        Positions that the owner asked to close.
    """

    stage: Stage
    failpoints: list[str]
    kills: int = 0
    approved: dict[str, str] = field(default_factory=dict)
    closing: set[str] = field(default_factory=set)

    @property
    def owner(self) -> Actor:
        """The owner's hands."""
        return self.stage.control.user("owner")

    async def watch(self) -> None:
        """Play until the digest is told and nothing is left to close."""
        async with asyncio.timeout(ROAD_SECONDS):
            await self._rise()
            while not await self._over():
                await self._revive()
                await self._decide()
                await self._close()
                await asyncio.sleep(LOOK_SECONDS)

    async def _rise(self) -> None:
        await self.stage.start(self.failpoints.pop(0) if self.failpoints else "")

    async def _revive(self) -> None:
        desk = self.stage.desk
        if desk is None or desk.returncode is None:
            return
        assert desk.returncode == -SIGKILL, f"the desk ended by itself with {desk.returncode}"
        self.kills += 1
        await self._rise()

    async def _decide(self) -> None:
        for message in await self.owner.see("trades"):
            if message["components"] and message["id"] not in self.approved:
                self.approved[message["id"]] = proposal_of(message)
                await self.owner.react(message["id"], "✅")

    async def _close(self) -> None:
        """Ask for every position that the desk offers; a desk that is away or dies meanwhile is asked again later."""
        if not await self._told("trades"):
            return
        try:
            held = await self.owner.autocomplete("trades close", "position", position="")
            for choice in held:
                self.closing.add(str(choice["value"]))
                await self.owner.slash("trades close", patience=1.0, position=choice["value"])
        except RefusedError:
            return

    async def _told(self, channel: str) -> bool:
        return bool(await self.owner.see(channel))

    async def _over(self) -> bool:
        desk = self.stage.desk
        alive = desk is not None and desk.returncode is None
        return alive and await self._told("portfolio")


def proposal_of(card: JSON) -> str:
    """Read the proposal off the card's first button."""
    identity: str = card["components"][0]["components"][0]["custom_id"]
    return identity.rsplit(":", 1)[-1]
