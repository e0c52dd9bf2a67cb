"""Registered slash commands: limits, and the form in which they come back."""

import re
from collections.abc import Iterator

from bot.sandbox.errors import JSON, WireError, unknown
from bot.sandbox.limits import Problem, refused, required, too_long
from bot.sandbox.world import Dispatch, World

SUBCOMMAND, GROUP = 1, 2
MOST_COMMANDS = 100
CHANGED = "SANDBOX_COMMANDS"
MOST_OPTIONS = 25
_NAME = re.compile(r"^[-_'\w]{1,32}$")
_OPTIONAL = ("name_localizations", "description_localizations", "contexts")


def replace(world: World, guild_id: str | None, wanted: list[JSON]) -> list[JSON]:
    """Register exactly these commands in one scope; the same name keeps its id.

    Raises
    ------
    WireError
        400 with one error for each field at fault.
    """
    problems = [problem for number, command in enumerate(wanted) for problem in _command(str(number), command)]
    keys = [(command.get("type") or 1, command.get("name")) for command in wanted]
    if len(set(keys)) != len(keys):
        problems.append(("_", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"))
    if len(wanted) > MOST_COMMANDS:
        raise WireError(400, 30032, "Maximum number of application commands reached (100)")
    if problems:
        raise refused(problems)
    known = {(command["type"], command["name"]): command["id"] for command in of_scope(world, guild_id)}
    made = [_shown(world, command, guild_id, known.get(key)) for command, key in zip(wanted, keys, strict=True)]
    told = Dispatch(CHANGED, {}, to_bot=False)
    world.commit({"kind": "commands", "guild_id": guild_id, "commands": made}, told)
    return made


def of_scope(world: World, guild_id: str | None) -> list[JSON]:
    """Commands of a guild, or of everywhere (None)."""
    return [command for command in world.state.commands.values() if command.get("guild_id") == guild_id]


def get(world: World, guild_id: str | None, command_id: str) -> JSON:
    """Give one command of a scope; 404 when there is none."""
    command = world.state.commands.get(command_id)
    if command is None or command.get("guild_id") != guild_id:
        raise unknown("Application Command", 10063)
    return command


def visible(world: World) -> list[JSON]:
    """Commands that people in the guild can use: those of the guild hide a global one of the same name."""
    everywhere = {command["name"]: command for command in of_scope(world, None)}
    local = {command["name"]: command for command in of_scope(world, world.guild_id)}
    return sorted((everywhere | local).values(), key=lambda command: str(command["name"]))


def _shown(world: World, wanted: JSON, guild_id: str | None, known_id: str | None) -> JSON:
    made: JSON = {
        "id": known_id or world.next_id(),
        "application_id": world.state.ids["application"],
        "version": world.next_id(),
        "type": wanted.get("type") or 1,
        "name": wanted["name"],
        "description": wanted.get("description") or "",
        "default_member_permissions": wanted.get("default_member_permissions"),
        "dm_permission": wanted.get("dm_permission") is not False,
        "integration_types": wanted.get("integration_types") or [0],
        "nsfw": bool(wanted.get("nsfw")),
    }
    if made["default_member_permissions"] is not None:
        made["default_member_permissions"] = str(made["default_member_permissions"])
    made |= {key: wanted.get(key) for key in _OPTIONAL}
    if wanted.get("options"):
        made["options"] = [_option(option) for option in wanted["options"]]
    if guild_id is not None:
        made["guild_id"] = guild_id
    return made


def _option(option: JSON) -> JSON:
    made = {key: value for key, value in option.items() if value is not None}
    if "options" in made:
        made["options"] = [_option(child) for child in made["options"]]
    return made


def _command(path: str, command: JSON) -> Iterator[Problem]:
    yield from _named(path, command)
    if (command.get("type") or 1) == 1:
        yield from _options(path, command.get("options") or [])
        if letters(command) > 8000:
            yield path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)"


def letters(command: JSON) -> int:
    """Size of a command as Discord counts it: names, descriptions and choices of all its options."""
    own = len(command.get("name") or "") + len(command.get("description") or "")
    choices = sum(len(str(item.get("name"))) + len(str(item.get("value"))) for item in command.get("choices") or [])
    return own + choices + sum(letters(option) for option in command.get("options") or [])


def _named(path: str, thing: JSON) -> Iterator[Problem]:
    name = str(thing.get("name") or "")
    context_menu = thing.get("type") in {2, 3} and "options" not in thing and not thing.get("description")
    if not name:
        yield required(f"{path}.name")
    elif not context_menu and (not _NAME.match(name) or name != name.lower()):
        yield f"{path}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid"
    description = thing.get("description") or ""
    if not context_menu and not 1 <= len(description) <= 100:
        yield too_long(f"{path}.description", 100, 1)


def _options(path: str, options: list[JSON]) -> Iterator[Problem]:
    if len(options) > MOST_OPTIONS:
        yield f"{path}.options", "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer in length."
    if len({option.get("name") for option in options}) != len(options):
        yield f"{path}.options", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option names must be unique"
    nested = [option for option in options if option.get("type") in {SUBCOMMAND, GROUP}]
    if nested and len(nested) != len(options):
        yield f"{path}.options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Subcommands and options cannot be mixed"
    optional_seen = False
    for number, option in enumerate(options):
        here = f"{path}.options.{number}"
        yield from _named(here, option | {"options": option.get("options")})
        yield from _options(here, option.get("options") or [])
        yield from _choices(here, option)
        if option.get("required") and optional_seen:
            yield here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must come before optional ones"
        optional_seen |= not option.get("required")


def _choices(path: str, option: JSON) -> Iterator[Problem]:
    choices = option.get("choices") or []
    if len(choices) > MOST_OPTIONS:
        yield f"{path}.choices", "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer in length."
    if choices and option.get("autocomplete"):
        yield f"{path}.autocomplete", "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", "Choices and autocomplete exclude each other"
    for number, choice in enumerate(choices):
        if not 1 <= len(str(choice.get("name") or "")) <= 100:
            yield too_long(f"{path}.choices.{number}.name", 100, 1)
