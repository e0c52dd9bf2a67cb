"""Reads `config.yaml`: YAML 1.2 scalars (so `off` is a word and `9:30` is text), duplicate keys and secrets refused."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from core.model.errors import SettingsError

_SECRET_KEY = re.compile(r"(token|secret|password|passwd|passphrase|api_?key|private_?key|credentials?)s?$", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # the shape of a Discord bot token
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # a JSON web token
    r"|://[^/\s:@]+:[^/\s@]+@"  # a password inside an address
)

#: Scalars of the YAML 1.2 core schema: tag, pattern, first characters.
_SCALARS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
)


class _Loader(yaml.SafeLoader):
    """A safe loader that knows the scalars above and refuses a key that is written twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class declares it so
        ("" if first == "\0" else first): [
            (f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$")) for tag, pattern, firsts in _SCALARS if first in firsts
        ]
        for first in {first for _, _, firsts in _SCALARS for first in firsts}
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                line = node.value[number][0].start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: the key {key!r} is written twice; keep one of them")
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        return int(node.value)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def parse(text: str, name: str = "config.yaml") -> dict[str, Any]:
    """Parse the text of a settings file; an empty text is an empty mapping.

    Raises
    ------
    SettingsError
        The text is no YAML, no mapping, or writes a key twice.
    """
    try:
        tree = yaml.load(text, _Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        raise SettingsError((f"{name}: {_one_line(error)}",)) from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise SettingsError((f"{name}: holds {type(tree).__name__} at the top; write sections such as `discord:` instead",))
    return tree


def secrets(tree: dict[str, Any], path: str = "") -> Iterator[str]:
    """Take every secret out of the tree and yield one mistake for each, never its value."""
    for key in list(tree):
        field, value = f"{path}{key}", tree[key]
        for step, section in _sections(value):
            yield from secrets(section, f"{field}{step}.")
        if isinstance(value, dict):
            continue
        if value is not None and _SECRET_KEY.search(str(key)):
            del tree[key]
            yield f"{field}: a secret does not belong in this file (value not shown); {_remedy(field)}"
        elif _holds_secret(value):
            del tree[key]
            yield f"{field}: the value looks like a secret (not shown); {_remedy(field)}"


def _sections(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Sections below a value, each with the step that leads to it."""
    items = enumerate(value) if isinstance(value, list) else [("", value)]
    yield from ((f"[{step}]" if step != "" else "", item) for step, item in items if isinstance(item, dict))


def _holds_secret(value: object) -> bool:
    if isinstance(value, list):
        return any(_holds_secret(item) for item in value)
    return isinstance(value, str) and _SECRET_VALUE.search(value) is not None


def _remedy(field: str) -> str:
    known = {"discord.token": "DISCORD_TOKEN", "journal.url": "QUANTMATRIX_DATABASE_URL"}
    variable = f"set the environment variable {known[field]}" if field in known else "keep it in an environment variable"
    return f"{variable}, or put it into a file and name that file in `{field.rsplit('.', 1)[-1]}_file`"


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', 'is no YAML')}; correct the line"
