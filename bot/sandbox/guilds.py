"""Channels, threads, roles and members: what changes about the guild."""

from bot.sandbox import shapes
from bot.sandbox.errors import JSON, WireError, unknown
from bot.sandbox.state import Message
from bot.sandbox.world import Dispatch, World


def open_dm(world: World, user_id: str) -> JSON:
    """Give the direct channel of the bot with a user, made when needed."""
    if user_id not in world.state.users or user_id == world.bot_id:
        raise WireError(400, 50033, "Invalid Recipient(s)")
    for channel in world.state.channels.values():
        if channel["type"] == 1 and channel["recipients"][0]["id"] == user_id:
            return channel
    made: JSON = {
        "id": world.next_id(),
        "type": 1,
        "flags": 0,
        "last_message_id": None,
        "recipients": [world.state.users[user_id]],
    }
    world.commit({"kind": "channel", "channel": made}, Dispatch("CHANNEL_CREATE", made))
    return made


def open_thread(world: World, message: Message, fields: JSON) -> JSON:
    """Start a public thread at a message.

    Raises
    ------
    WireError
        400 when there is one already or the name is no name.
    """
    name = str(fields.get("name") or "")
    if message.id in world.state.channels:
        raise WireError(400, 160004, "A thread has already been created for this message")
    if not 1 <= len(name) <= 100:
        raise WireError(400, 50035, "Invalid Form Body", {"name": ("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")})
    now = world.stamp()
    made: JSON = {
        "id": message.id,
        "type": 11,
        "guild_id": world.guild_id,
        "parent_id": message.channel_id,
        "owner_id": world.bot_id,
        "name": name,
        "flags": 0,
        "last_message_id": None,
        "message_count": 0,
        "member_count": 1,
        "total_message_sent": 0,
        "rate_limit_per_user": fields.get("rate_limit_per_user") or 0,
        "thread_metadata": {
            "archived": False,
            "locked": False,
            "auto_archive_duration": fields.get("auto_archive_duration") or 4320,
            "archive_timestamp": now,
            "create_timestamp": now,
        },
    }
    world.commit(
        {"kind": "channel", "channel": made},
        Dispatch("THREAD_CREATE", made | {"newly_created": True}, touched=(message.channel_id, message.id)),
    )
    return made


def change_channel(world: World, channel_id: str, changes: JSON) -> JSON:
    """Change keys of a channel or thread (name, topic, overwrites, archived)."""
    channel = world.state.channels.get(channel_id)
    if channel is None:
        raise unknown("Channel", 10003)
    made = channel | changes
    name = "THREAD_UPDATE" if channel["type"] in {10, 11, 12} else "CHANNEL_UPDATE"
    world.commit({"kind": "channel", "channel": made}, Dispatch(name, made))
    return made


def add_channel(world: World, name: str) -> JSON:
    """Make a text channel."""
    made = shapes.text_channel(world.next_id(), world.guild_id, name, len(world.state.channels))
    world.commit({"kind": "channel", "channel": made}, Dispatch("CHANNEL_CREATE", made))
    return made


def delete_channel(world: World, channel_id: str) -> JSON:
    """Remove a channel with its messages and threads."""
    channel = world.state.channels.get(channel_id)
    if channel is None:
        raise unknown("Channel", 10003)
    name = "THREAD_DELETE" if channel["type"] in {10, 11, 12} else "CHANNEL_DELETE"
    world.commit({"kind": "channel_gone", "channel_id": channel_id}, Dispatch(name, channel))
    return channel


def set_roles(world: World, user_id: str, roles: list[str]) -> JSON:
    """Give a member exactly these roles."""
    return change_member(world, user_id, {"roles": roles})


def change_member(world: World, user_id: str, changes: JSON) -> JSON:
    """Change keys of a member (roles, nick, communication_disabled_until)."""
    if user_id not in world.state.members:
        raise unknown("Member", 10007)
    made = world.state.members[user_id] | changes
    data = made | {"user": world.state.users[user_id], "guild_id": world.guild_id}
    world.commit({"kind": "member", "user_id": user_id, "member": made}, Dispatch("GUILD_MEMBER_UPDATE", data))
    return data


def join(world: World, name: str, *, bot: bool = False) -> JSON:
    """Somebody new comes in; gives the member."""
    user = shapes.user(world.next_id(), name, bot=bot)
    world.commit({"kind": "user", "user": user})
    return rejoin(world, user["id"])


def rejoin(world: World, user_id: str) -> JSON:
    """A known user (back) in the guild, without roles."""
    member = shapes.member([], world.stamp())
    data = member | {"user": world.state.users[user_id], "guild_id": world.guild_id}
    world.commit({"kind": "member", "user_id": user_id, "member": member}, Dispatch("GUILD_MEMBER_ADD", data))
    return data


def leave(world: World, user_id: str) -> None:
    """A member leaves; when it is the bot, the guild is gone for it."""
    if user_id not in world.state.members:
        raise unknown("Member", 10007)
    gone = Dispatch("GUILD_MEMBER_REMOVE", {"guild_id": world.guild_id, "user": world.state.users[user_id]})
    if user_id == world.bot_id:
        gone = Dispatch("GUILD_DELETE", {"id": world.guild_id})
    world.commit({"kind": "member", "user_id": user_id, "member": None}, gone)


def set_permissions(world: World, role_id: str, bits: int) -> JSON:
    """Give a role exactly these permission bits."""
    if role_id not in world.state.roles:
        raise unknown("Role", 10011)
    made = world.state.roles[role_id] | {"permissions": str(bits)}
    world.commit({"kind": "role", "role": made}, Dispatch("GUILD_ROLE_UPDATE", {"guild_id": world.guild_id, "role": made}))
    return made


def delete_role(world: World, role_id: str) -> None:
    """Remove a role from the guild and from its members."""
    if role_id not in world.state.roles or role_id == world.guild_id:
        raise unknown("Role", 10011)
    gone = Dispatch("GUILD_ROLE_DELETE", {"guild_id": world.guild_id, "role_id": role_id})
    world.commit({"kind": "role_gone", "role_id": role_id}, gone)
