"""Who may do what, by Discord's own rule: everyone, then roles, then the channel's overwrites."""

from enum import IntEnum

from bot.sandbox.errors import JSON, missing_access, missing_permissions, unknown
from bot.sandbox.state import State


class Permission(IntEnum):
    """The bits that matter here."""

    KICK_MEMBERS = 1 << 1
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38
    PIN_MESSAGES = 1 << 51


EVERYTHING = (1 << 53) - 1
BOT_NEEDS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
)
PEOPLE_HAVE = BOT_NEEDS | Permission.USE_APPLICATION_COMMANDS | Permission.SEND_MESSAGES_IN_THREADS


def permissions(state: State, user_id: str, channel_id: str | None = None) -> int:
    """Bits that a member holds in the guild, or in one channel of it."""
    member = state.members.get(user_id)
    if member is None:
        return 0
    if user_id == state.guild["owner_id"]:
        return EVERYTHING
    guild_id = state.guild["id"]
    held = int(state.roles[guild_id]["permissions"])
    for role_id in member["roles"]:
        held |= int(state.roles[role_id]["permissions"]) if role_id in state.roles else 0
    if held & Permission.ADMINISTRATOR:
        return EVERYTHING
    return held if channel_id is None else _in_channel(state, held, (user_id, set(member["roles"])), channel_id)


def _in_channel(state: State, held: int, who: tuple[str, set[str]], channel_id: str) -> int:
    channel = state.channels[channel_id]
    if channel["type"] in {10, 11, 12} and channel.get("parent_id") in state.channels:
        channel = state.channels[channel["parent_id"]]
    user_id, role_ids = who
    overwrites: list[JSON] = channel.get("permission_overwrites", [])
    everyone = [item for item in overwrites if item["id"] == state.guild["id"]]
    by_role = [item for item in overwrites if item["type"] == 0 and item["id"] in role_ids]
    own = [item for item in overwrites if item["type"] == 1 and item["id"] == user_id]
    for group in (everyone, by_role, own):
        deny = allow = 0
        for item in group:
            deny |= int(item["deny"])
            allow |= int(item["allow"])
        held = held & ~deny | allow
    return held if held & Permission.VIEW_CHANNEL else 0


def channel_for(state: State, user_id: str, channel_id: str, needed: int = 0) -> JSON:
    """Give the channel when this user may see it and holds what is needed there.

    Raises
    ------
    WireError
        404 no such channel, 403 not visible or a permission is missing.
    """
    channel = state.channels.get(channel_id)
    if channel is None:
        raise unknown("Channel", 10003)
    if channel["type"] == 1:
        if all(person["id"] != user_id for person in channel["recipients"]) and user_id != state.ids["bot"]:
            raise missing_access()
        return channel
    held = permissions(state, user_id, channel_id)
    if not held & Permission.VIEW_CHANNEL:
        raise missing_access()
    if held & needed != needed:
        raise missing_permissions()
    return channel


def sending_in(channel: JSON) -> int:
    """Bit that sending in this channel or thread takes."""
    in_thread = channel["type"] in {10, 11, 12}
    return Permission.SEND_MESSAGES_IN_THREADS if in_thread else Permission.SEND_MESSAGES
