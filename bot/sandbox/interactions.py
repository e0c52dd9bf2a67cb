"""What a person does to the bot, and the rules of answering: once, within 3 seconds, follow-ups for 15 minutes."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from bot.sandbox import components, messages, shapes
from bot.sandbox.errors import JSON, WireError, unknown
from bot.sandbox.limits import EPHEMERAL, FILE_BYTES, LOADING, refused, too_long
from bot.sandbox.messages import Draft
from bot.sandbox.permissions import channel_for, permissions
from bot.sandbox.snowflakes import instant
from bot.sandbox.state import Message
from bot.sandbox.uploads import Body
from bot.sandbox.world import Dispatch, World

SLASH, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
REPLY, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
ANSWER_WITHIN = timedelta(seconds=3)
TOKEN_LIFE = timedelta(minutes=15)
CHANGED = "SANDBOX_INTERACTION"
ALLOWED = {
    SLASH: {REPLY, DEFER, MODAL},
    COMPONENT: {REPLY, DEFER, DEFER_UPDATE, UPDATE, MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL_SUBMIT: {REPLY, DEFER, DEFER_UPDATE, UPDATE},
}


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did: kind of interaction, who, where, its data; the message clicked; the interaction that opened a modal."""

    kind: int
    user_id: str
    channel_id: str
    data: JSON
    message: Message | None = None
    opened_by: str | None = None


def start(world: World, deed: Deed) -> str:
    """Tell the bot what somebody did; gives the id of the interaction.

    Raises
    ------
    WireError
        403 when the user cannot see the channel (any more).
    """
    channel_for(world.state, deed.user_id, deed.channel_id)
    identity = world.next_id()
    secret = f"{identity} {world.state.ids['token']}"
    record: JSON = {
        "id": identity,
        "token": hashlib.sha256(secret.encode()).hexdigest(),
        "type": deed.kind,
        "user_id": deed.user_id,
        "channel_id": deed.channel_id,
        "message_id": deed.message.id if deed.message else None,
        "opened_by": deed.opened_by,
        "name": command_name(deed.data),
        "answer": None,
        "original": None,
        "followups": [],
    }
    payload = _payload(world, record, deed.data)
    if deed.message is not None:
        payload["message"] = world.render(deed.message, deed.user_id)
    world.commit({"kind": "interaction", "interaction": record}, Dispatch("INTERACTION_CREATE", payload))
    return identity


def command_name(data: JSON) -> str | None:
    """Name of a slash command with group and subcommand; None for clicks and modals."""
    if "name" not in data:
        return None
    words = [str(data["name"])]
    place = data
    while place.get("options") and place["options"][0]["type"] in {1, 2}:
        place = place["options"][0]
        words.append(str(place["name"]))
    return " ".join(words)


def _payload(world: World, record: JSON, data: JSON) -> JSON:
    state, user_id, channel_id = world.state, record["user_id"], record["channel_id"]
    channel = state.channels[channel_id]
    payload: JSON = {
        "id": record["id"],
        "application_id": state.ids["application"],
        "type": record["type"],
        "token": record["token"],
        "version": 1,
        "data": data,
        "channel_id": channel_id,
        "channel": channel | {"permissions": str(permissions(state, user_id, channel_id))} if channel["type"] != 1 else channel,
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": {"0": world.guild_id},
        "context": 1 if channel["type"] == 1 else 0,
        "attachment_size_limit": FILE_BYTES,
        "app_permissions": str(
            permissions(state, world.bot_id) if channel["type"] == 1 else permissions(state, world.bot_id, channel_id)
        ),
    }
    if channel["type"] == 1:
        return payload | {"user": state.users[user_id]}
    held = str(permissions(state, user_id, channel_id))
    return payload | {
        "guild_id": world.guild_id,
        "guild": {"id": world.guild_id, "locale": "en-US", "features": []},
        "guild_locale": "en-US",
        "member": shapes.member_of(state, user_id) | {"permissions": held},
    }


def answer(world: World, interaction_id: str, token: str, body: Body) -> JSON:
    """Take the first answer; gives the interaction as it stands.

    Raises
    ------
    WireError
        404 (10062) wrong or too late, 400 (40060) answered before, 400 (50035) not allowed here or over a limit.
    """
    record = world.state.interactions.get(interaction_id)
    if record is None or record["token"] != token:
        raise unknown("interaction", 10062)
    if record["answer"] is not None:
        raise WireError(400, 40060, "Interaction has already been acknowledged.")
    if world.now() - instant(interaction_id) > ANSWER_WITHIN:
        raise unknown("interaction", 10062)
    kind = body.json.get("type")
    if kind not in ALLOWED[record["type"]] or (kind in {DEFER_UPDATE, UPDATE} and record["message_id"] is None):
        raise WireError(400, 50035, "Invalid Form Body", {"type": ("BASE_TYPE_CHOICES", "This answer is not allowed here.")})
    changes: JSON = {"answer": kind} | _effect(world, record, kind, body)
    change(world, interaction_id, changes)
    return world.state.interactions[interaction_id]


def change(world: World, interaction_id: str, changes: JSON) -> None:
    """Write down what became of an interaction."""
    dispatch = Dispatch(CHANGED, {"id": interaction_id}, to_bot=False)
    world.commit({"kind": "interaction_changed", "interaction_id": interaction_id, "changes": changes}, dispatch)


def _effect(world: World, record: JSON, kind: int, body: Body) -> JSON:
    data = body.json.get("data") or {}
    inner = Body(data, body.files)
    if kind == CHOICES:
        return {"choices": _choices(data)}
    if kind == MODAL:
        components.check_modal(data)
        return {"modal": data | {"components": components.shown(data["components"])}}
    if kind == DEFER_UPDATE:
        return {"original": record["message_id"]}
    if kind == UPDATE:
        message = messages.get(world, record["channel_id"], record["message_id"], record["user_id"])
        messages.edit(world, message, inner)
        return {"original": record["message_id"]}
    if kind == DEFER:
        inner = Body({"flags": (data.get("flags") or 0) & EPHEMERAL | LOADING})
    return {"original": _say(world, record, inner).id}


def _choices(data: JSON) -> list[JSON]:
    choices: list[JSON] = data.get("choices") or []
    problems = []
    if len(choices) > 25:
        problems.append(("data.choices", "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer in length."))
    for number, choice in enumerate(choices):
        problems.extend(
            too_long(f"data.choices.{number}.{key}", 100, 1)
            for key in ("name", "value")
            if not 1 <= len(str(choice.get(key, ""))) <= 100
        )
    if problems:
        raise refused(problems)
    return choices


def _say(world: World, record: JSON, body: Body) -> Message:
    """Make a message as an answer or follow-up."""
    private = (body.json.get("flags") or 0) & EPHEMERAL
    user = world.state.users[record["user_id"]]
    first = record["answer"] is None
    metadata: JSON = {
        "id": record["id"],
        "type": record["type"],
        "user": user,
        "authorizing_integration_owners": {"0": world.guild_id},
    }
    if record["type"] == COMPONENT:
        metadata["interacted_message_id"] = record["message_id"]
    if record["type"] == MODAL_SUBMIT:
        metadata["triggering_interaction_metadata"] = _trigger(world, record, user)
    if not first:
        metadata["original_response_message_id"] = record["original"]
    extra: JSON = {
        "application_id": world.state.ids["application"],
        "webhook_id": world.state.ids["application"],
        "interaction_metadata": metadata,
    }
    if record["type"] == SLASH and first:
        extra["interaction"] = {"id": record["id"], "type": SLASH, "name": record["name"], "user": user}
    kind = messages.SLASH_REPLY if record["type"] == SLASH and first else messages.DEFAULT
    audience = record["user_id"] if private else None
    return messages.create(world, Draft(world.bot_id, record["channel_id"], body, kind, audience, extra))


def _trigger(world: World, record: JSON, user: JSON) -> JSON:
    opened_by = world.state.interactions[record["opened_by"]]
    made: JSON = {
        "id": opened_by["id"],
        "type": opened_by["type"],
        "user": user,
        "authorizing_integration_owners": {"0": world.guild_id},
    }
    if opened_by["type"] == COMPONENT:
        made["interacted_message_id"] = opened_by["message_id"]
    return made


def by_token(world: World, application_id: str, token: str) -> JSON:
    """Give the interaction of a follow-up.

    Raises
    ------
    WireError
        404 (10015) unknown or not answered yet, 401 (50027) older than 15 minutes.
    """
    identity = world.state.tokens.get(token)
    if identity is None or application_id != world.state.ids["application"]:
        raise unknown("Webhook", 10015)
    record = world.state.interactions[identity]
    if world.now() - instant(identity) > TOKEN_LIFE:
        raise WireError(401, 50027, "Invalid Webhook Token")
    if record["answer"] is None:
        raise unknown("Webhook", 10015)
    return record


def follow_up(world: World, record: JSON, body: Body) -> Message:
    """One more message; the first after a deferral fills the waiting one and keeps who sees it."""
    waiting = _original(world, record)
    if waiting is not None and waiting.body["flags"] & LOADING:
        return _fill(world, record, waiting, body)
    message = _say(world, record, body)
    change(world, record["id"], {"followups": [*record["followups"], message.id]})
    return message


def edit(world: World, record: JSON, message: Message, body: Body) -> Message:
    """Change an answer or follow-up; a waiting one is filled."""
    if message.body["flags"] & LOADING:
        return _fill(world, record, message, body)
    made = messages.edit(world, message, body)
    change(world, record["id"], {})
    return made


def _fill(world: World, record: JSON, waiting: Message, body: Body) -> Message:
    made = messages.edit(world, waiting, body, clear_flags=LOADING)
    change(world, record["id"], {})
    return made


def message_of(world: World, record: JSON, which: str) -> Message:
    """Give `@original` or a follow-up by its id; 404 when it is not of this interaction."""
    if which == "@original":
        found = _original(world, record)
    else:
        ours = {record["original"], *record["followups"]}
        found = world.state.message(record["channel_id"], which) if which in ours else None
    if found is None:
        raise unknown("Message", 10008)
    return found


def _original(world: World, record: JSON) -> Message | None:
    return world.state.message(record["channel_id"], record["original"]) if record["original"] else None
