"""Messages under our name that the desk did not write: then somebody else holds the token of the bot."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import discord

from bot import cards

if TYPE_CHECKING:
    from bot.client import Branch

LOG = logging.getLogger(__name__)
#: An event may overtake the answer to the request that made its message; and a request is repeated for a while.
GRACE_SECONDS = 10.0


@dataclass(slots=True)
class OwnWords:
    """Compares what stands under our name in our channels with what the outbox sent."""

    branches: Sequence["Branch"]
    channels: frozenset[int]
    told: set[int] = field(default_factory=set)

    async def heard(self, message: discord.Message, me: discord.ClientUser | None) -> None:
        """Judge a message that is not known yet."""
        if me is not None and self.strange(message, me.id):
            await self.judge(message)

    def strange(self, message: discord.Message, me: int) -> bool:
        """Whether a message is ours by name and was not sent as an answer to a command or a click; constant work."""
        if message.author.id != me or message.channel.id not in self.channels:
            return False
        if message.interaction_metadata is not None or message.webhook_id is not None:
            return False
        return not self._sent(message.id)

    def _sent(self, message_id: int) -> bool:
        return any(message_id in branch.notifier.sent for branch in self.branches)

    async def judge(self, message: discord.Message) -> None:
        """After a moment: halt every account when the outbox still knows nothing of the message."""
        await self.branches[0].approvals.pace.sleep(GRACE_SECONDS)
        if self._sent(message.id) or message.id in self.told or await self._under_way(message):
            return
        self.told.add(message.id)
        reason = (
            f"message {message.id} in channel {message.channel.id} is signed by this bot, and the desk did not write it: "
            "somebody else holds its token; make a new one, then look at every card"
        )
        LOG.error("%s", reason)
        for branch in self.branches:
            await branch.engine.halt("security", reason)

    async def _under_way(self, message: discord.Message) -> bool:
        """Whether it is a note that is still being delivered."""
        keys = {cards.key_in(drawn.footer.text) for drawn in message.embeds} - {None}
        for branch in self.branches:
            pending = await branch.engine.journal.pending_notes(200)
            if any(cards.key_of(cards.labelled(one.note, branch.notifier.outlet.label).id) in keys for one in pending if one.tries):
                return True
        return False
