"""Making, changing and deleting messages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from bot.sandbox import components, uploads
from bot.sandbox.errors import JSON, WireError, unknown
from bot.sandbox.limits import COMPONENTS_V2, EPHEMERAL, LOADING, check_message
from bot.sandbox.snowflakes import instant
from bot.sandbox.state import Message
from bot.sandbox.uploads import Body
from bot.sandbox.world import Dispatch, World

NONCE_LIFE = timedelta(minutes=5)
DEFAULT, REPLY, THREAD_STARTER, SLASH_REPLY = 0, 19, 21, 20
SUPPRESS_EMBEDS = 1 << 2
KEPT_FLAGS = SUPPRESS_EMBEDS | EPHEMERAL | LOADING | COMPONENTS_V2 | 1 << 12
_MENTION = re.compile(r"<@!?(\d+)>")
_ROLE_MENTION = re.compile(r"<@&(\d+)>")


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be made: who, where, what; `extra` are further keys of the wire form."""

    author_id: str
    channel_id: str
    body: Body
    kind: int = DEFAULT
    audience: str | None = None
    extra: JSON = field(default_factory=dict)


def create(world: World, draft: Draft) -> Message:
    """Make a message; a nonce that this author used in this channel within minutes gives the earlier one.

    Raises
    ------
    WireError
        400 when the body breaks a limit, 413 when a file is too large.
    """
    fields = draft.body.json
    earlier = _earlier(world, draft)
    if earlier is not None:
        return earlier
    flags = (fields.get("flags") or 0) & KEPT_FLAGS
    if not flags & LOADING:
        check_message(fields, len(draft.body.files))
    components.check_components(fields.get("components") or [], flags)
    files = uploads.keep(world, draft.channel_id, draft.body)
    body = _new(world, draft, flags) | _content(world, fields, files) | draft.extra
    if fields.get("nonce") is not None:
        body["nonce"] = fields["nonce"]
    event: JSON = {"kind": "message", "message": body, "audience": draft.audience, "files": files}
    if fields.get("nonce") is not None and fields.get("enforce_nonce"):
        event["nonce"] = fields["nonce"]
    dispatch = _dispatch(world, "MESSAGE_CREATE", Message(body, draft.audience, files))
    world.commit(event, dispatch)
    return world.state.messages[draft.channel_id][body["id"]]


def edit(world: World, message: Message, body: Body, *, clear_flags: int = 0) -> Message:
    """Change what the body names; `attachments` lists the files to keep (by id) and the new ones (by index).

    Raises
    ------
    WireError
        400 when the body breaks a limit.
    """
    fields = body.json
    check_message(fields, len(body.files), editing=True)
    flags = message.body["flags"] & ~clear_flags
    if fields.get("flags") is not None:
        flags = flags & ~SUPPRESS_EMBEDS | fields["flags"] & (SUPPRESS_EMBEDS | COMPONENTS_V2)
    if fields.get("components") is not None:
        components.check_components(fields["components"], flags)
    files = message.files
    if fields.get("attachments") is not None:
        kept = {str(item.get("id")) for item in fields["attachments"]}
        files = [item for item in files if item["id"] in kept]
    files = files + uploads.keep(world, message.channel_id, body)
    known = message.body | fields
    changes = {key: value for key, value in _content(world, known, files).items() if _changed(key, fields, message, files)}
    changes |= {"flags": flags, "edited_timestamp": world.stamp() if not clear_flags & LOADING else None}
    event: JSON = {"kind": "message_changed", "channel_id": message.channel_id, "message_id": message.id, "changes": changes}
    after = Message(message.body | changes, message.audience, files, message.reactions)
    world.commit(event | {"files": files}, _dispatch(world, "MESSAGE_UPDATE", after))
    return world.state.messages[message.channel_id][message.id]


def delete(world: World, message: Message) -> None:
    """Remove a message."""
    data = {"id": message.id, "channel_id": message.channel_id, **_where(world, message.channel_id)}
    world.commit(
        {"kind": "message_gone", "channel_id": message.channel_id, "message_id": message.id},
        Dispatch("MESSAGE_DELETE", data, message.audience is None, (message.channel_id, message.id)),
    )


def get(world: World, channel_id: str, message_id: str, viewer: str | None = None) -> Message:
    """Give a message that this user (default: the bot by the channel route, which shows nothing ephemeral) may see.

    Raises
    ------
    WireError
        404 when there is none.
    """
    message = world.state.message(channel_id, message_id)
    if message is None or not (message.audience is None if viewer is None else message.visible_to(viewer)):
        raise unknown("Message", 10008)
    return message


def history(world: World, channel_id: str, viewer: str | None, window: JSON) -> list[Message]:
    """Messages of a channel, newest first; `window` holds limit and one of before, after, around (ids)."""
    limit = max(1, min(100, int(window.get("limit") or 50)))
    every = world.state.messages.get(channel_id, {})
    seen = [message for message in every.values() if (message.audience is None if viewer is None else message.visible_to(viewer))]
    if window.get("after"):
        after = (message for message in seen if int(message.id) > int(window["after"]))
        return list(islice(after, limit))[::-1]
    if window.get("around"):
        middle = int(window["around"])
        nearest = sorted(seen, key=lambda message: abs(int(message.id) - middle))[:limit]
        return sorted(nearest, key=lambda message: int(message.id), reverse=True)
    before = int(window["before"]) if window.get("before") else None
    newest: Iterator[Message] = (message for message in reversed(seen) if before is None or int(message.id) < before)
    return list(islice(newest, limit))


def _earlier(world: World, draft: Draft) -> Message | None:
    nonce = draft.body.json.get("nonce")
    if nonce is None or not draft.body.json.get("enforce_nonce"):
        return None
    identity = world.state.nonces.get(f"{draft.channel_id}/{draft.author_id}/{nonce}")
    if identity is None or world.now() - instant(identity) > NONCE_LIFE:
        return None
    return world.state.message(draft.channel_id, identity)


def _new(world: World, draft: Draft, flags: int) -> JSON:
    return {
        "id": world.next_id(),
        "channel_id": draft.channel_id,
        "type": draft.kind,
        "author": world.state.users[draft.author_id],
        "timestamp": world.stamp(),
        "edited_timestamp": None,
        "flags": flags | (EPHEMERAL if draft.audience else 0),
        "pinned": False,
        "tts": bool(draft.body.json.get("tts")),
        **_reference(world, draft),
    }


def _reference(world: World, draft: Draft) -> JSON:
    wanted = draft.body.json.get("message_reference")
    if not wanted or not wanted.get("message_id"):
        return {}
    found = world.state.message(draft.channel_id, str(wanted["message_id"]))
    if found is None:
        if wanted.get("fail_if_not_exists") is False:
            return {}
        raise WireError(400, 50035, "Invalid Form Body", {"message_reference": ("REPLIES_UNKNOWN_MESSAGE", "Unknown message")})
    reference = {"type": 0, "channel_id": draft.channel_id, "message_id": found.id, **_where(world, draft.channel_id)}
    return {"type": REPLY, "message_reference": reference, "referenced_message": found.body}


def _content(world: World, fields: JSON, files: list[JSON]) -> JSON:
    content = fields.get("content") or ""
    embeds = [uploads.shown_embed(embed, files) for embed in fields.get("embeds") or []]
    inside = {embed[name]["url"] for embed in embeds for name in ("image", "thumbnail") if name in embed}
    return {
        "content": content,
        "embeds": embeds,
        "components": components.shown(fields.get("components") or []),
        "attachments": [item for item in files if item["url"] not in inside],
        **_mentions(world, content, fields.get("allowed_mentions")),
    }


def _mentions(world: World, content: str, allowed: JSON | None) -> JSON:
    parse = {"users", "roles", "everyone"} if allowed is None else set(allowed.get("parse") or ())
    people = set(_MENTION.findall(content)) & world.state.users.keys()
    if "users" not in parse:
        people &= {str(item) for item in (allowed or {}).get("users") or ()}
    roles = set(_ROLE_MENTION.findall(content)) & world.state.roles.keys()
    if "roles" not in parse:
        roles &= {str(item) for item in (allowed or {}).get("roles") or ()}
    return {
        "mentions": [world.state.users[identity] for identity in sorted(people)],
        "mention_roles": sorted(roles),
        "mention_everyone": "everyone" in parse and ("@everyone" in content or "@here" in content),
    }


def _changed(key: str, fields: JSON, message: Message, files: list[JSON]) -> bool:
    if key == "attachments":
        return files != message.files or "embeds" in fields
    if key in {"mentions", "mention_roles", "mention_everyone"}:
        return "content" in fields
    return key in fields


def _where(world: World, channel_id: str) -> JSON:
    channel = world.state.channels.get(channel_id, {})
    return {} if channel.get("type") == 1 else {"guild_id": world.guild_id}


def _dispatch(world: World, name: str, message: Message) -> Dispatch:
    author = message.body["author"]["id"]
    data = world.render(message) | _where(world, message.channel_id)
    data["channel_type"] = world.state.channels[message.channel_id]["type"]
    if "guild_id" in data and author in world.state.members:
        data["member"] = world.state.members[author]
    return Dispatch(name, data, message.audience is None, (message.channel_id, message.id))
