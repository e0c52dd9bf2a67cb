"""Adding and removing reactions."""

import unicodedata

from bot.sandbox import shapes
from bot.sandbox.errors import JSON, WireError, unknown
from bot.sandbox.permissions import Permission, permissions
from bot.sandbox.state import Message
from bot.sandbox.world import Dispatch, World

MOST_EMOJI = 20
EMOJI_KINDS = {"So", "Sk", "Mn", "Cf", "Sm", "Me", "Po", "Cn"}


def add(world: World, message: Message, user_id: str, emoji: str) -> bool:
    """Add a reaction; False when this user had it already.

    Raises
    ------
    WireError
        400 unknown emoji or too many, 403 when the user may not add the first one of its kind.
    """
    _check(world, message, user_id, emoji)
    if user_id in message.reactions.get(emoji, {}):
        return False
    _commit(world, message, user_id, emoji, on=True)
    return True


def remove(world: World, message: Message, user_id: str, emoji: str) -> bool:
    """Take a reaction back; False when there was none."""
    if user_id not in message.reactions.get(emoji, {}):
        return False
    _commit(world, message, user_id, emoji, on=False)
    return True


def clear(world: World, message: Message, emoji: str | None = None) -> None:
    """Take all reactions away, or all with one emoji."""
    data: JSON = {"channel_id": message.channel_id, "message_id": message.id, "guild_id": world.guild_id}
    name = "MESSAGE_REACTION_REMOVE_ALL"
    if emoji is not None:
        name = "MESSAGE_REACTION_REMOVE_EMOJI"
        data |= {"emoji": shapes.emoji(emoji)}
    event = {"kind": "reactions_gone", "channel_id": message.channel_id, "message_id": message.id, "emoji": emoji}
    world.commit(event, Dispatch(name, data, message.audience is None, (message.channel_id, message.id)))


def burst(world: World, message: Message, emoji: str, count: int) -> list[str]:
    """So many strangers react at once; gives their ids. One event on disk, one gateway event each."""
    _check(world, message, world.state.guild["owner_id"], emoji)
    first = int(world.next_id()) + 1
    world.skip_ids(count + 1)
    crowd = [str(first + number) for number in range(count)]
    user, member = shapes.user("0", "Passer-by"), shapes.member([], world.stamp())
    world.commit({"kind": "crowd", "first": first, "count": count, "user": user, "member": member})
    event = {"kind": "reaction", "channel_id": message.channel_id, "message_id": message.id, "emoji": emoji}
    dispatches = [_dispatch(world, message, identity, emoji, on=True) for identity in crowd]
    world.commit(event | {"user_id": str(first), "count": count, "on": True}, *dispatches)
    return crowd


def _check(world: World, message: Message, user_id: str, emoji: str) -> None:
    if not plausible(emoji):
        raise WireError(400, 10014, "Unknown Emoji")
    if emoji in message.reactions or world.state.channels[message.channel_id]["type"] == 1:
        return
    if len(message.reactions) >= MOST_EMOJI:
        raise WireError(400, 30010, "Maximum number of reactions reached (20)")
    if not permissions(world.state, user_id, message.channel_id) & Permission.ADD_REACTIONS:
        raise WireError(403, 50013, "Missing Permissions")


def plausible(emoji: str) -> bool:
    """Whether the text can be an emoji: one pictograph with its modifiers, or a custom `name:id`."""
    name, _, identity = emoji.partition(":")
    if identity:
        return identity.isdigit() and name.isidentifier()
    kinds = {unicodedata.category(letter) for letter in emoji}
    keycap = emoji.endswith("\u20e3")
    return bool(emoji) and len(emoji) <= 16 and (keycap or kinds <= EMOJI_KINDS)


def _commit(world: World, message: Message, user_id: str, emoji: str, *, on: bool) -> None:
    event = {"kind": "reaction", "channel_id": message.channel_id, "message_id": message.id, "emoji": emoji}
    world.commit(event | {"user_id": user_id, "on": on}, _dispatch(world, message, user_id, emoji, on=on))


def _dispatch(world: World, message: Message, user_id: str, emoji: str, *, on: bool) -> Dispatch:
    data = {
        "user_id": user_id,
        "channel_id": message.channel_id,
        "message_id": message.id,
        "emoji": shapes.emoji(emoji),
        "type": 0,
        "burst": False,
    }
    if world.state.channels[message.channel_id]["type"] != 1:
        data["guild_id"] = world.guild_id
    if on:
        data["message_author_id"] = message.body["author"]["id"]
        if "guild_id" in data and user_id in world.state.members:
            data["member"] = shapes.member_of(world.state, user_id)
    name = "MESSAGE_REACTION_ADD" if on else "MESSAGE_REACTION_REMOVE"
    return Dispatch(name, data, message.audience is None, (message.channel_id, message.id))


def users(message: Message, emoji: str, after: int, limit: int) -> list[str]:
    """Ids of those who reacted, in the order of their ids."""
    if not plausible(emoji):
        raise unknown("Emoji", 10014)
    return sorted((identity for identity in message.reactions.get(emoji, {}) if int(identity) > after), key=int)[:limit]
