"""What the world knows, and how each event changes it. Pure: `apply` is the only writer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.errors import JSON

Crowd = dict[str, None]


@dataclass(slots=True)
class Message:
    """A message in wire form without reactions.

    `audience` is the only user who sees it (None: everybody); `files` are all its files, those inside embeds included,
    which the wire form does not list as attachments.
    """

    body: JSON
    audience: str | None = None
    files: list[JSON] = field(default_factory=list)
    reactions: dict[str, Crowd] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Snowflake."""
        return str(self.body["id"])

    @property
    def channel_id(self) -> str:
        """Snowflake of its channel or thread."""
        return str(self.body["channel_id"])

    def visible_to(self, user_id: str) -> bool:
        """Whether this user sees it at all."""
        return self.audience is None or self.audience == user_id


@dataclass(slots=True)
class State:
    """All objects by id (snowflakes as strings, wire form); messages by channel in the order of their ids."""

    ids: JSON = field(default_factory=dict)
    guild: JSON = field(default_factory=dict)
    users: dict[str, JSON] = field(default_factory=dict)
    members: dict[str, JSON] = field(default_factory=dict)
    roles: dict[str, JSON] = field(default_factory=dict)
    channels: dict[str, JSON] = field(default_factory=dict)
    messages: dict[str, dict[str, Message]] = field(default_factory=dict)
    commands: dict[str, JSON] = field(default_factory=dict)
    interactions: dict[str, JSON] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    nonces: dict[str, str] = field(default_factory=dict)
    last_id: int = 0

    def message(self, channel_id: str, message_id: str) -> Message | None:
        """Find a message."""
        return self.messages.get(channel_id, {}).get(message_id)


def apply(state: State, event: JSON) -> None:
    """Change the state as the event says."""
    state.last_id = max(state.last_id, int(event.get("last_id", 0)))
    APPLY[event["kind"]](state, event)


def _founded(state: State, event: JSON) -> None:
    state.ids = event["ids"]
    state.guild = event["guild"]
    state.users = {user["id"]: user for user in event["users"]}
    state.members = dict(event["members"])
    state.roles = {role["id"]: role for role in event["roles"]}
    state.channels = {channel["id"]: channel for channel in event["channels"]}


def _user(state: State, event: JSON) -> None:
    state.users[event["user"]["id"]] = event["user"]


def _crowd(state: State, event: JSON) -> None:
    for number in range(event["count"]):
        identity = str(event["first"] + number)
        state.users[identity] = {**event["user"], "id": identity, "username": f"passer-by-{number + 1}"}
        state.members[identity] = event["member"]


def _member(state: State, event: JSON) -> None:
    if event["member"] is None:
        state.members.pop(event["user_id"], None)
    else:
        state.members[event["user_id"]] = event["member"]


def _role(state: State, event: JSON) -> None:
    state.roles[event["role"]["id"]] = event["role"]


def _role_gone(state: State, event: JSON) -> None:
    state.roles.pop(event["role_id"], None)
    for identity, member in state.members.items():
        if event["role_id"] in member["roles"]:
            state.members[identity] = {**member, "roles": [role for role in member["roles"] if role != event["role_id"]]}


def _channel(state: State, event: JSON) -> None:
    state.channels[event["channel"]["id"]] = event["channel"]


def _channel_gone(state: State, event: JSON) -> None:
    state.channels.pop(event["channel_id"], None)
    state.messages.pop(event["channel_id"], None)
    for channel_id in [key for key, channel in state.channels.items() if channel.get("parent_id") == event["channel_id"]]:
        state.channels.pop(channel_id)
        state.messages.pop(channel_id, None)


def _message(state: State, event: JSON) -> None:
    body = event["message"]
    state.messages.setdefault(body["channel_id"], {})[body["id"]] = Message(body, event["audience"], event["files"])
    channel = state.channels.get(body["channel_id"])
    if channel is not None and event["audience"] is None:
        channel["last_message_id"] = body["id"]
        if "message_count" in channel:
            channel["message_count"] += 1
            channel["total_message_sent"] += 1
    if event.get("nonce") is not None:
        state.nonces[f"{body['channel_id']}/{body['author']['id']}/{event['nonce']}"] = body["id"]


def _message_changed(state: State, event: JSON) -> None:
    message = state.message(event["channel_id"], event["message_id"])
    if message is not None:
        message.body = {**message.body, **event["changes"]}
        message.files = event.get("files", message.files)


def _message_gone(state: State, event: JSON) -> None:
    state.messages.get(event["channel_id"], {}).pop(event["message_id"], None)


def _reaction(state: State, event: JSON) -> None:
    message = state.message(event["channel_id"], event["message_id"])
    if message is None:
        return
    crowd = message.reactions.setdefault(event["emoji"], {})
    for number in range(event.get("count", 1)):
        identity = str(int(event["user_id"]) + number)
        if event["on"]:
            crowd[identity] = None
        else:
            crowd.pop(identity, None)
    if not crowd:
        message.reactions.pop(event["emoji"])


def _reactions_gone(state: State, event: JSON) -> None:
    message = state.message(event["channel_id"], event["message_id"])
    if message is None:
        return
    if event["emoji"] is None:
        message.reactions.clear()
    else:
        message.reactions.pop(event["emoji"], None)


def _commands(state: State, event: JSON) -> None:
    """Replace all commands of one scope (a guild, or None: everywhere)."""
    for command_id in [key for key, command in state.commands.items() if command.get("guild_id") == event["guild_id"]]:
        state.commands.pop(command_id)
    for command in event["commands"]:
        state.commands[command["id"]] = command


def _interaction(state: State, event: JSON) -> None:
    interaction = event["interaction"]
    state.interactions[interaction["id"]] = interaction
    state.tokens[interaction["token"]] = interaction["id"]


def _interaction_changed(state: State, event: JSON) -> None:
    state.interactions[event["interaction_id"]] |= event["changes"]


APPLY: dict[str, Callable[[State, JSON], None]] = {
    "founded": _founded,
    "user": _user,
    "crowd": _crowd,
    "member": _member,
    "role": _role,
    "role_gone": _role_gone,
    "channel": _channel,
    "channel_gone": _channel_gone,
    "message": _message,
    "message_changed": _message_changed,
    "message_gone": _message_gone,
    "reaction": _reaction,
    "reactions_gone": _reactions_gone,
    "commands": _commands,
    "interaction": _interaction,
    "interaction_changed": _interaction_changed,
}
