"""What a person's client sends for a slash command, a click, a choice or a modal, and refuses to send."""

from typing import Any

from bot.sandbox import commands, components
from bot.sandbox.errors import JSON
from bot.sandbox.permissions import Permission, permissions
from bot.sandbox.state import Message
from bot.sandbox.world import World
from core.model.errors import RefusedError

STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)


def command_data(world: World, path: str, values: JSON, focused: str | None = None) -> JSON:
    """Data of a slash command.

    Parameters
    ----------
    path : name with group and subcommand, as typed (`portfolio summary`).
    values : options by name.
    focused : option that is being typed (autocomplete): nothing is required then.

    Raises
    ------
    RefusedError
        No such command or option, or a value that the client would not send.
    """
    first, *rest = path.split()
    command = next((item for item in commands.visible(world) if item["name"] == first), None)
    if command is None:
        raise RefusedError(f"there is no command /{first}; register it first")
    data: JSON = {"id": command["id"], "name": first, "type": command["type"]}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    place, described = data, command
    for name in rest:
        described = _child(described, name, path)
        made: JSON = {"type": described["type"], "name": name}
        place["options"] = [made]
        place = made
    if any(item["type"] in {commands.SUBCOMMAND, commands.GROUP} for item in described.get("options", [])):
        raise RefusedError(f"/{path} is a group; name one of its subcommands")
    place["options"] = _options(path, described.get("options", []), values, focused)
    resolved = _resolved(world, place["options"])
    return data | {"resolved": resolved} if resolved else data


def may_use(world: World, user_id: str, channel_id: str, data: JSON) -> None:
    """Refuse where Discord's client would hide the command."""
    held = permissions(world.state, user_id, channel_id)
    wanted = world.state.commands[data["id"]]["default_member_permissions"]
    if not held & Permission.USE_APPLICATION_COMMANDS:
        raise RefusedError("this user may not use commands in this channel")
    if wanted is not None and (int(wanted) == 0 or held & int(wanted) != int(wanted)):
        raise RefusedError(f"this user does not have the permissions that /{data['name']} asks for")


def _child(described: JSON, name: str, path: str) -> JSON:
    for option in described.get("options", []):
        if option["name"] == name and option["type"] in {commands.SUBCOMMAND, commands.GROUP}:
            return dict(option)
    raise RefusedError(f"/{path} is not registered: {name!r} is unknown")


def _options(path: str, described: list[JSON], values: JSON, focused: str | None) -> list[JSON]:
    known = {option["name"]: option for option in described}
    for name in values:
        if name not in known:
            raise RefusedError(f"/{path} has no option {name!r}; it has {', '.join(known) or 'none'}")
    made: list[JSON] = []
    for name, option in known.items():
        if name in values and values[name] is not None:
            item: JSON = {"type": option["type"], "name": name, "value": _value(option, values[name], loose=focused is not None)}
            made.append(item | {"focused": True} if name == focused else item)
        elif option.get("required") and focused is None:
            raise RefusedError(f"/{path} needs the option {name!r}")
    return made


def _value(option: JSON, value: object, *, loose: bool) -> object:
    if loose:
        return value
    kind, name = option["type"], option["name"]
    choices = option.get("choices")
    if choices:
        for choice in choices:
            if value in {choice["value"], choice["name"]}:
                return choice["value"]
        raise RefusedError(f"option {name!r} takes {', '.join(str(choice['value']) for choice in choices)}, not {value!r}")
    return _typed(kind, name, value) if kind not in {INTEGER, NUMBER} else _number(option, value)


def _typed(kind: int, name: str, value: object) -> object:
    if kind == BOOLEAN:
        if not isinstance(value, bool):
            raise RefusedError(f"option {name!r} takes true or false, not {value!r}")
        return value
    return str(value)


def _number(option: JSON, value: object) -> float | int:
    name = option["name"]
    try:
        number = int(str(value)) if option["type"] == INTEGER else float(str(value))
    except ValueError as error:
        raise RefusedError(f"option {name!r} takes a number, not {value!r}") from error
    low, high = option.get("min_value"), option.get("max_value")
    if (low is not None and number < low) or (high is not None and number > high):
        raise RefusedError(f"option {name!r} lies between {low} and {high}, {number} does not")
    return number


def _resolved(world: World, options: list[JSON]) -> JSON:
    state = world.state
    resolved: JSON = {}
    for option in options:
        key = str(option.get("value"))
        if option["type"] in {USER, MENTIONABLE} and key in state.users:
            resolved.setdefault("users", {})[key] = state.users[key]
            if key in state.members:
                resolved.setdefault("members", {})[key] = state.members[key] | {"permissions": str(permissions(state, key))}
        elif option["type"] in {ROLE, MENTIONABLE} and key in state.roles:
            resolved.setdefault("roles", {})[key] = state.roles[key]
        elif option["type"] == CHANNEL and key in state.channels:
            resolved.setdefault("channels", {})[key] = state.channels[key] | {"permissions": "0"}
    return resolved


def component_data(message: Message, custom_id: str, values: list[str] | None) -> JSON:
    """Data of a click or a choice.

    Raises
    ------
    RefusedError
        The component is not there, is switched off, or does not take these values.
    """
    found = components.find(message.body["components"], custom_id)
    if found is None:
        raise RefusedError(f"the message has no button or menu with the id {custom_id!r}")
    if found.get("disabled"):
        raise RefusedError(f"{custom_id!r} is switched off")
    data: JSON = {"custom_id": custom_id, "component_type": found["type"], "id": found["id"]}
    if found["type"] == components.BUTTON:
        return data
    values = list(values or [])
    known = {option["value"] for option in found.get("options", [])}
    if not found["min_values"] <= len(values) <= found["max_values"] or (known and not set(values) <= known):
        raise RefusedError(f"the menu {custom_id!r} does not take {values}")
    return data | {"values": values}


def modal_data(modal: JSON, values: JSON) -> JSON:
    """Data of a filled modal; `values` are texts by custom id.

    Raises
    ------
    RefusedError
        A text is missing, too short or too long.
    """
    return {"custom_id": modal["custom_id"], "components": [_filled(part, values) for part in modal["components"]]}


def _filled(part: JSON, values: JSON) -> JSON:
    made: JSON = {"type": part["type"], "id": part["id"]}
    if part["type"] == components.TEXT_DISPLAY:
        return made
    if part["type"] == components.LABEL:
        return made | {"component": _filled(part["component"], values)}
    if part["type"] == components.ROW:
        return made | {"components": [_filled(child, values) for child in part["components"]]}
    value: Any = values.get(part["custom_id"], part.get("value") or "")
    if part["type"] != components.TEXT_INPUT:
        return made | {"custom_id": part["custom_id"], "values": value if isinstance(value, list) else [value]}
    least = part.get("min_length") or (1 if part.get("required", True) else 0)
    most = part.get("max_length") or 4000
    if len(value) > most or (len(value) < least and (value or part.get("required", True))):
        raise RefusedError(f"the field {part['custom_id']!r} takes {least} to {most} letters, not {len(value)}")
    return made | {"custom_id": part["custom_id"], "value": value}
