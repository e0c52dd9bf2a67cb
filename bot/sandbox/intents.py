"""Which events a session gets, and how much of them: gateway intents."""

from enum import IntEnum

from bot.sandbox.errors import JSON
from bot.sandbox.world import World

REDACTED: JSON = {"content": "", "embeds": [], "attachments": [], "components": []}


class Intent(IntEnum):
    """The bits that matter here."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
KNOWN = (1 << 26) - 1
_PREFIXES = (
    ("MESSAGE_REACTION_", Intent.GUILD_MESSAGE_REACTIONS, Intent.DIRECT_MESSAGE_REACTIONS),
    ("MESSAGE_", Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES),
    ("TYPING_", Intent.GUILD_MESSAGE_TYPING, Intent.DIRECT_MESSAGE_TYPING),
    ("GUILD_MEMBER_", Intent.GUILD_MEMBERS, Intent.GUILD_MEMBERS),
    ("INTERACTION_", 0, 0),
)


def wants(intents: int, name: str, data: JSON, own_id: str) -> bool:
    """Whether a session with these intents gets this event."""
    if name == "GUILD_MEMBER_UPDATE" and data["user"]["id"] == own_id:
        return True
    for prefix, in_guild, in_dm in _PREFIXES:
        if name.startswith(prefix):
            needed = in_guild if "guild_id" in data else in_dm
            return needed == 0 or bool(intents & needed)
    return bool(intents & Intent.GUILDS)


def trimmed(world: World, intents: int, name: str, data: JSON) -> JSON:
    """Event without what needs the message-content intent."""
    if name not in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} or intents & Intent.MESSAGE_CONTENT:
        return data
    own = data["author"]["id"] == world.bot_id
    mentioned = any(user["id"] == world.bot_id for user in data["mentions"])
    return data if own or mentioned or "guild_id" not in data else data | REDACTED
