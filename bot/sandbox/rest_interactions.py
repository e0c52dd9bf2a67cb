"""Routes of answers to interactions and of follow-ups; the token in the path is the credential."""

from bot.sandbox import interactions, messages
from bot.sandbox.errors import JSON
from bot.sandbox.limits import EPHEMERAL, LOADING
from bot.sandbox.rest_channels import NO_CONTENT
from bot.sandbox.web import Answer, Call, Route

HOOK = "/webhooks/{application_id}/{token}"


def callback(call: Call) -> Answer:
    """First answer."""
    world = call.world
    record = interactions.answer(world, call.path["interaction_id"], call.path["token"], call.body)
    if call.query.get("with_response", "").lower() not in {"1", "true"}:
        return NO_CONTENT
    told: JSON = {"id": record["id"], "type": record["type"]}
    answer: JSON = {"interaction": told}
    if record["answer"] in {interactions.REPLY, interactions.DEFER, interactions.UPDATE, interactions.DEFER_UPDATE}:
        message = interactions.message_of(world, record, "@original")
        flags = message.body["flags"]
        told |= {
            "response_message_id": message.id,
            "response_message_loading": bool(flags & LOADING),
            "response_message_ephemeral": bool(flags & EPHEMERAL),
        }
        if record["answer"] in {interactions.REPLY, interactions.UPDATE}:
            answer["resource"] = {"type": record["answer"], "message": world.render(message)}
    return Answer(200, answer)


def follow_up(call: Call) -> Answer:
    """Say one more thing."""
    message = interactions.follow_up(call.world, _record(call), call.body)
    return Answer(200, call.world.render(message))


def one(call: Call) -> Answer:
    """One of our answers."""
    return Answer(200, call.world.render(interactions.message_of(call.world, _record(call), call.path["message_id"])))


def edit(call: Call) -> Answer:
    """Change one of our answers."""
    record = _record(call)
    message = interactions.message_of(call.world, record, call.path["message_id"])
    return Answer(200, call.world.render(interactions.edit(call.world, record, message, call.body)))


def delete(call: Call) -> Answer:
    """Take one of our answers away."""
    record = _record(call)
    messages.delete(call.world, interactions.message_of(call.world, record, call.path["message_id"]))
    interactions.change(call.world, record["id"], {})
    return NO_CONTENT


def _record(call: Call) -> JSON:
    return interactions.by_token(call.world, call.path["application_id"], call.path["token"])


ROUTES: tuple[Route, ...] = (
    ("POST", "/interactions/{interaction_id}/{token}/callback", callback),
    ("POST", HOOK, follow_up),
    ("GET", f"{HOOK}/messages/{{message_id}}", one),
    ("PATCH", f"{HOOK}/messages/{{message_id}}", edit),
    ("DELETE", f"{HOOK}/messages/{{message_id}}", delete),
)
