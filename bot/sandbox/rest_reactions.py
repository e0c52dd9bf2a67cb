"""Routes of reactions."""

from bot.sandbox import reactions
from bot.sandbox.permissions import Permission
from bot.sandbox.rest_channels import NO_CONTENT, message_here
from bot.sandbox.web import Answer, Call, Route

BASE = "/channels/{channel_id}/messages/{message_id}/reactions"


def add(call: Call) -> Answer:
    """React as the bot."""
    reactions.add(call.world, message_here(call), call.world.bot_id, call.path["emoji"])
    return NO_CONTENT


def remove_own(call: Call) -> Answer:
    """Take the bot's reaction back."""
    reactions.remove(call.world, message_here(call), call.world.bot_id, call.path["emoji"])
    return NO_CONTENT


def remove(call: Call) -> Answer:
    """Take somebody's reaction away."""
    own = call.path["user_id"] == call.world.bot_id
    message = message_here(call, Permission.READ_MESSAGE_HISTORY if own else Permission.MANAGE_MESSAGES)
    reactions.remove(call.world, message, call.path["user_id"], call.path["emoji"])
    return NO_CONTENT


def users(call: Call) -> Answer:
    """Who reacted, by id, a page at a time; we know no burst reactions."""
    message = message_here(call)
    if call.query.get("type", "0") == "1":
        return Answer(200, [])
    after, limit = int(call.query.get("after") or 0), max(1, min(100, int(call.query.get("limit") or 25)))
    found = reactions.users(message, call.path["emoji"], after, limit)
    return Answer(200, [call.world.state.users[identity] for identity in found])


def clear_emoji(call: Call) -> Answer:
    """Take all reactions with one emoji away."""
    reactions.clear(call.world, message_here(call, Permission.MANAGE_MESSAGES), call.path["emoji"])
    return NO_CONTENT


def clear(call: Call) -> Answer:
    """Take all reactions away."""
    reactions.clear(call.world, message_here(call, Permission.MANAGE_MESSAGES))
    return NO_CONTENT


ROUTES: tuple[Route, ...] = (
    ("DELETE", BASE, clear),
    ("GET", f"{BASE}/{{emoji}}", users),
    ("DELETE", f"{BASE}/{{emoji}}", clear_emoji),
    ("PUT", f"{BASE}/{{emoji}}/@me", add),
    ("DELETE", f"{BASE}/{{emoji}}/@me", remove_own),
    ("DELETE", f"{BASE}/{{emoji}}/{{user_id}}", remove),
)
