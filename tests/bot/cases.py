"""What the tests of the approval cases share."""

from types import SimpleNamespace
from typing import Any, cast

import discord

from tests.bot.rig import YES, Office, until

DONE = ("claimed", "closed")
#: Channel in which approval cards stand.
CARDS = "trades"


async def posted(room: Office) -> tuple[str, int]:
    """A card that stands; its proposal and message."""
    card = await room.card()
    assert card.message_id is not None
    message = card.message_id

    async def read() -> bool | None:
        return bool(await room.sandbox.control.log(method="GET", path=f"messages/{message}")) or None

    await until(read)
    await room.quiet(0.05)
    return card.proposal.id, message


async def nothing_happens(room: Office, proposal: str) -> None:
    await room.quiet()
    assert await room.state(proposal) == "open"
    assert await room.orders() == 0


def reaction(room: Office, message: int, **changes: Any) -> dict[str, Any]:
    """A raw reaction event by the owner as the gateway sends it."""
    owner = str(room.sandbox.users["owner"])
    user = {"id": owner, "username": "owner", "discriminator": "0", "avatar": None, "global_name": None}
    member = {
        "user": user,
        "roles": [str(room.sandbox.roles["approver"])],
        "flags": 0,
        "joined_at": None,
        "deaf": False,
        "mute": False,
    }
    return {
        "user_id": owner,
        "channel_id": str(room.sandbox.channels[CARDS]),
        "message_id": str(message),
        "guild_id": str(room.sandbox.guild_id),
        "emoji": {"id": None, "name": YES},
        "type": 0,
        "burst": False,
        "member": member,
        "message_author_id": str(room.sandbox.bot_id),
        **changes,
    }


def raw_yes(room: Office, message: int) -> discord.RawReactionActionEvent:
    """The owner's yes, straight into the door."""
    event = SimpleNamespace(
        message_id=message,
        user_id=room.sandbox.users["owner"],
        channel_id=room.sandbox.channels[CARDS],
        guild_id=room.sandbox.guild_id,
        emoji=discord.PartialEmoji(name=YES),
        member=None,
        message_author_id=room.sandbox.bot_id,
    )
    return cast("discord.RawReactionActionEvent", event)
