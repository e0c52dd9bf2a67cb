"""Routes of channels, messages, threads and pins."""

from bot.sandbox import guilds, messages
from bot.sandbox.errors import JSON, WireError, missing_permissions
from bot.sandbox.messages import Draft
from bot.sandbox.permissions import Permission, channel_for, permissions, sending_in
from bot.sandbox.state import Message
from bot.sandbox.web import Answer, Call, Route
from bot.sandbox.world import Dispatch

NO_CONTENT = Answer(204)


def in_channel(call: Call, needed: int = 0) -> JSON:
    """Channel of the path, when the bot may see it and holds what is needed."""
    return channel_for(call.world.state, call.world.bot_id, call.path["channel_id"], needed)


def message_here(call: Call, needed: int = Permission.READ_MESSAGE_HISTORY) -> Message:
    """Message of the path, when the bot may read here and holds what is needed."""
    in_channel(call, needed)
    return messages.get(call.world, call.path["channel_id"], call.path["message_id"])


def channel(call: Call) -> Answer:
    """One channel or thread."""
    return Answer(200, in_channel(call))


def change_channel(call: Call) -> Answer:
    """Change a channel or thread."""
    found = in_channel(call)
    if found["type"] == 0:
        in_channel(call, Permission.MANAGE_CHANNELS)
        wanted = {key: value for key, value in call.body.json.items() if key in {"name", "topic", "permission_overwrites"}}
        return Answer(200, guilds.change_channel(call.world, found["id"], wanted))
    if found["owner_id"] != call.world.bot_id:
        in_channel(call, Permission.MANAGE_THREADS)
    settled = {key: value for key, value in call.body.json.items() if key in {"archived", "locked", "auto_archive_duration"}}
    wanted = {"thread_metadata": found["thread_metadata"] | settled}
    if call.body.json.get("name"):
        wanted["name"] = call.body.json["name"]
    return Answer(200, guilds.change_channel(call.world, found["id"], wanted))


def delete_channel(call: Call) -> Answer:
    """Remove a channel."""
    in_channel(call, Permission.MANAGE_CHANNELS)
    return Answer(200, guilds.delete_channel(call.world, call.path["channel_id"]))


def listed(call: Call) -> Answer:
    """History, newest first."""
    in_channel(call, Permission.READ_MESSAGE_HISTORY)
    found = messages.history(call.world, call.path["channel_id"], None, call.query)
    return Answer(200, [call.world.render(message) for message in found])


def post(call: Call) -> Answer:
    """Send a message."""
    found = in_channel(call)
    needed = sending_in(found) | (Permission.ATTACH_FILES if call.body.files else 0)
    if call.body.json.get("embeds"):
        needed |= Permission.EMBED_LINKS
    in_channel(call, needed)
    if found.get("thread_metadata", {}).get("archived"):
        guilds.change_channel(call.world, found["id"], {"thread_metadata": found["thread_metadata"] | {"archived": False}})
    message = messages.create(call.world, Draft(call.world.bot_id, found["id"], call.body))
    return Answer(200, call.world.render(message))


def one(call: Call) -> Answer:
    """One message."""
    return Answer(200, call.world.render(message_here(call)))


def edit(call: Call) -> Answer:
    """Edit an own message."""
    message = message_here(call)
    if message.body["author"]["id"] != call.world.bot_id:
        raise WireError(403, 50005, "Cannot edit a message authored by another user")
    return Answer(200, call.world.render(messages.edit(call.world, message, call.body)))


def delete(call: Call) -> Answer:
    """Delete a message; another's takes a permission."""
    message = message_here(call, 0)
    if message.body["author"]["id"] != call.world.bot_id:
        in_channel(call, Permission.MANAGE_MESSAGES)
    messages.delete(call.world, message)
    return NO_CONTENT


def typing(call: Call) -> Answer:
    """Show that the bot types."""
    found = in_channel(call)
    in_channel(call, sending_in(found))
    now = int(call.world.now().timestamp())
    data = {"channel_id": found["id"], "user_id": call.world.bot_id, "timestamp": now, "guild_id": call.world.guild_id}
    call.world.tell(Dispatch("TYPING_START", data))
    return NO_CONTENT


def thread(call: Call) -> Answer:
    """Start a thread at a message."""
    return Answer(201, guilds.open_thread(call.world, message_here(call, Permission.CREATE_PUBLIC_THREADS), call.body.json))


def pins(call: Call) -> Answer:
    """Pinned messages, with when they were pinned."""
    in_channel(call, Permission.READ_MESSAGE_HISTORY)
    pinned = _pinned(call)
    items = [{"pinned_at": item.body["timestamp"], "message": call.world.render(item)} for item in pinned]
    return Answer(200, {"items": items, "has_more": False})


def old_pins(call: Call) -> Answer:
    """Pinned messages as a plain list."""
    in_channel(call, Permission.READ_MESSAGE_HISTORY)
    return Answer(200, [call.world.render(item) for item in _pinned(call)])


def pin(call: Call) -> Answer:
    """Pin a message."""
    return _set_pin(call, pinned=True)


def unpin(call: Call) -> Answer:
    """Take a pin away."""
    return _set_pin(call, pinned=False)


def _pinned(call: Call) -> list[Message]:
    return [item for item in call.world.state.messages.get(call.path["channel_id"], {}).values() if item.body["pinned"]]


def _set_pin(call: Call, *, pinned: bool) -> Answer:
    message = message_here(call)
    held = permissions(call.world.state, call.world.bot_id, message.channel_id)
    if not held & (Permission.PIN_MESSAGES | Permission.MANAGE_MESSAGES):
        raise missing_permissions()
    event = {"kind": "message_changed", "channel_id": message.channel_id, "message_id": message.id, "changes": {"pinned": pinned}}
    data = {"channel_id": message.channel_id, "guild_id": call.world.guild_id, "last_pin_timestamp": call.world.stamp()}
    call.world.commit(event, Dispatch("CHANNEL_PINS_UPDATE", data, touched=(message.channel_id, message.id)))
    return NO_CONTENT


ROUTES: tuple[Route, ...] = (
    ("GET", "/channels/{channel_id}", channel),
    ("PATCH", "/channels/{channel_id}", change_channel),
    ("DELETE", "/channels/{channel_id}", delete_channel),
    ("GET", "/channels/{channel_id}/messages", listed),
    ("POST", "/channels/{channel_id}/messages", post),
    ("GET", "/channels/{channel_id}/messages/pins", pins),
    ("PUT", "/channels/{channel_id}/messages/pins/{message_id}", pin),
    ("DELETE", "/channels/{channel_id}/messages/pins/{message_id}", unpin),
    ("GET", "/channels/{channel_id}/messages/{message_id}", one),
    ("PATCH", "/channels/{channel_id}/messages/{message_id}", edit),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}", delete),
    ("POST", "/channels/{channel_id}/messages/{message_id}/threads", thread),
    ("POST", "/channels/{channel_id}/typing", typing),
    ("GET", "/channels/{channel_id}/pins", old_pins),
    ("PUT", "/channels/{channel_id}/pins/{message_id}", pin),
    ("DELETE", "/channels/{channel_id}/pins/{message_id}", unpin),
)
