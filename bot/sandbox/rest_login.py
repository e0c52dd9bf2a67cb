"""Routes of login, the guild and its people."""

from bot.sandbox import guilds, shapes
from bot.sandbox.errors import JSON, unknown
from bot.sandbox.permissions import permissions
from bot.sandbox.state import State
from bot.sandbox.web import Answer, Call, Route

IDENTIFIES_A_DAY = 1000


def me(call: Call) -> Answer:
    """Own user, with what only the owner of an account sees."""
    own = {"mfa_enabled": True, "locale": "en-US", "premium_type": 0, "email": None, "verified": True}
    return Answer(200, call.world.state.users[call.world.bot_id] | own)


def application(call: Call) -> Answer:
    """Own application."""
    return Answer(200, shapes.application(call.world.state))


def gateway(call: Call) -> Answer:
    """Address of the gateway."""
    return Answer(200, {"url": gateway_url(call)})


def gateway_bot(call: Call) -> Answer:
    """Address of the gateway, shards and the budget of sessions."""
    limit = {"total": IDENTIFIES_A_DAY, "remaining": IDENTIFIES_A_DAY, "reset_after": 0, "max_concurrency": 1}
    return Answer(200, {"url": gateway_url(call), "shards": 1, "session_start_limit": limit})


def gateway_url(call: Call) -> str:
    """Address of our WebSocket."""
    return call.world.base.replace("http://", "ws://", 1) + "/gateway"


def my_guilds(call: Call) -> Answer:
    """Guilds that the bot is in."""
    world = call.world
    if world.bot_id not in world.state.members:
        return Answer(200, [])
    guild = {key: world.state.guild[key] for key in ("id", "name", "icon", "banner", "features")}
    return Answer(200, [guild | {"owner": False, "permissions": str(permissions(world.state, world.bot_id))}])


def user(call: Call) -> Answer:
    """One user."""
    found = call.world.state.users.get(call.path["user_id"])
    if found is None:
        raise unknown("User", 10013)
    return Answer(200, found)


def dm(call: Call) -> Answer:
    """Direct channel with a user."""
    return Answer(200, guilds.open_dm(call.world, str(call.body.json.get("recipient_id"))))


def guild(call: Call) -> Answer:
    """Our guild."""
    state = in_guild(call)
    counts: JSON = {}
    if call.query.get("with_counts", "").lower() in {"1", "true"}:
        counts = {"approximate_member_count": len(state.members), "approximate_presence_count": 1}
    return Answer(200, state.guild | {"roles": list(state.roles.values())} | counts)


def channels(call: Call) -> Answer:
    """Channels without threads."""
    state = in_guild(call)
    return Answer(200, [channel for channel in state.channels.values() if channel["type"] == 0])


def active_threads(call: Call) -> Answer:
    """Threads that are not archived."""
    state = in_guild(call)
    threads = [item for item in state.channels.values() if item["type"] == 11 and not item["thread_metadata"]["archived"]]
    return Answer(200, {"threads": threads, "members": [], "has_more": False})


def roles(call: Call) -> Answer:
    """All roles."""
    return Answer(200, list(in_guild(call).roles.values()))


def member(call: Call) -> Answer:
    """One member; 404 when the user is not in the guild."""
    state = in_guild(call)
    if call.path["user_id"] not in state.members:
        raise unknown("Member", 10007) if call.path["user_id"] in state.users else unknown("User", 10013)
    return Answer(200, shapes.member_of(state, call.path["user_id"]))


def members(call: Call) -> Answer:
    """Members by id, a page at a time."""
    state = in_guild(call)
    after, limit = int(call.query.get("after", 0)), max(1, min(1000, int(call.query.get("limit", 1))))
    chosen = sorted((identity for identity in state.members if int(identity) > after), key=int)[:limit]
    return Answer(200, [shapes.member_of(state, identity) for identity in chosen])


def in_guild(call: Call) -> State:
    """Give the state when the guild is ours and the bot is in it; 404 otherwise."""
    world = call.world
    if call.path["guild_id"] != world.guild_id or world.bot_id not in world.state.members:
        raise unknown("Guild", 10004)
    return world.state


ROUTES: tuple[Route, ...] = (
    ("GET", "/users/@me", me),
    ("GET", "/oauth2/applications/@me", application),
    ("GET", "/applications/@me", application),
    ("GET", "/gateway", gateway),
    ("GET", "/gateway/bot", gateway_bot),
    ("GET", "/users/@me/guilds", my_guilds),
    ("POST", "/users/@me/channels", dm),
    ("GET", "/users/{user_id}", user),
    ("GET", "/guilds/{guild_id}", guild),
    ("GET", "/guilds/{guild_id}/channels", channels),
    ("GET", "/guilds/{guild_id}/threads/active", active_threads),
    ("GET", "/guilds/{guild_id}/roles", roles),
    ("GET", "/guilds/{guild_id}/members", members),
    ("GET", "/guilds/{guild_id}/members/{user_id}", member),
)
