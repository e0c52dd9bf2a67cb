"""Routes of command registration, for everywhere and for the guild."""

from bot.sandbox import commands
from bot.sandbox.errors import JSON, missing_access
from bot.sandbox.web import Answer, Call, Route

EVERYWHERE = "/applications/{application_id}/commands"
GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"


def scope(call: Call) -> str | None:
    """Guild of the path, or None for everywhere; 403 when it is not ours."""
    guild_id = call.path.get("guild_id")
    if call.path["application_id"] != call.world.state.ids["application"] or guild_id not in {None, call.world.guild_id}:
        raise missing_access()
    return guild_id


def listed(call: Call) -> Answer:
    """All commands of a scope."""
    return Answer(200, commands.of_scope(call.world, scope(call)))


def replace(call: Call) -> Answer:
    """Register exactly these."""
    return Answer(200, commands.replace(call.world, scope(call), call.body.items or []))


def create(call: Call) -> Answer:
    """Register one; the same name is replaced."""
    guild_id, wanted = scope(call), call.body.json
    known = commands.of_scope(call.world, guild_id)
    kept = [item for item in known if not _same(item, wanted)]
    made = commands.replace(call.world, guild_id, [*kept, wanted])[-1]
    return Answer(201 if len(kept) == len(known) else 200, made)


def one(call: Call) -> Answer:
    """One command."""
    return Answer(200, commands.get(call.world, scope(call), call.path["command_id"]))


def edit(call: Call) -> Answer:
    """Change keys of one command."""
    guild_id = scope(call)
    found = commands.get(call.world, guild_id, call.path["command_id"])
    kept = [item for item in commands.of_scope(call.world, guild_id) if item["id"] != found["id"]]
    return Answer(200, commands.replace(call.world, guild_id, [*kept, found | call.body.json])[-1])


def delete(call: Call) -> Answer:
    """Take one command away."""
    guild_id = scope(call)
    found = commands.get(call.world, guild_id, call.path["command_id"])
    commands.replace(call.world, guild_id, [item for item in commands.of_scope(call.world, guild_id) if item["id"] != found["id"]])
    return Answer(204)


def _same(one_of: JSON, other: JSON) -> bool:
    return bool(one_of["name"] == other.get("name")) and one_of["type"] == (other.get("type") or 1)


ROUTES: tuple[Route, ...] = tuple(
    route
    for base in (EVERYWHERE, GUILD)
    for route in (
        ("GET", base, listed),
        ("PUT", base, replace),
        ("POST", base, create),
        ("GET", f"{base}/{{command_id}}", one),
        ("PATCH", f"{base}/{{command_id}}", edit),
        ("DELETE", f"{base}/{{command_id}}", delete),
    )
)
