"""Turns plain mappings into frozen dataclasses; every mistake is collected with field, value and remedy."""

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from core.model.errors import QuantMatrixError, SettingsError

#: What a converter answers when the value was wrong (the mistake is already listed).
WRONG: Any = object()


def build(kind: type, raw: object, path: str, mistakes: list[str]) -> Any:  # noqa: ANN401 - an instance of `kind`, or WRONG
    """Make a dataclass from a mapping; its fields are the keys, their annotations the checks."""
    given: Any = {} if raw is None else raw
    if not isinstance(given, Mapping):
        mistakes.append(f"{path}: {raw!r} is not a section; write its keys below it, indented")
        return WRONG
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    mistakes.extend(unknown(given, fields, path))
    hints = typing.get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    complete = True
    for name, field in fields.items():
        where = join(path, name)
        if name in given:
            value = convert(hints[name], given[name], where, mistakes)
            if value is not WRONG:
                values[name] = value
                continue
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            mistakes.append(f"{where}: is missing; give it a value")
        complete = complete and (field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING)
    return _make(kind, values, path, mistakes) if complete else WRONG


def _make(kind: type, values: Mapping[str, Any], path: str, mistakes: list[str]) -> Any:  # noqa: ANN401 - see build
    try:
        return kind(**values)
    except SettingsError as error:
        mistakes.extend(f"{path}: {mistake}" for mistake in error.mistakes)
        return WRONG
    except (QuantMatrixError, ValueError, TypeError, ArithmeticError) as error:
        mistakes.append(f"{path}: {error}")
        return WRONG


def convert(hint: Any, raw: object, path: str, mistakes: list[str]) -> Any:  # noqa: ANN401 - whatever the annotation says
    """Check one value against an annotation; containers of dataclasses are walked, the rest is left to pydantic."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return build(hint, raw, path, mistakes)
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    inner = [argument for argument in arguments if isinstance(argument, type) and dataclasses.is_dataclass(argument)]
    if not inner:
        return _leaf(hint, raw, path, mistakes)
    if origin in (types.UnionType, typing.Union):
        return None if raw is None else build(inner[0], raw, path, mistakes)
    return _container(origin, inner[0], raw, path, mistakes)


def _container(origin: Any, item: type, raw: object, path: str, mistakes: list[str]) -> Any:  # noqa: ANN401 - see convert
    if origin is tuple:
        if not isinstance(raw, list):
            mistakes.append(f"{path}: {raw!r} is not a list; start each item with a dash")
            return WRONG
        items = [build(item, entry, f"{path}[{number}]", mistakes) for number, entry in enumerate(raw)]
        return WRONG if any(entry is WRONG for entry in items) else tuple(items)
    if not isinstance(raw, Mapping):
        mistakes.append(f"{path}: {raw!r} is not a section; write its keys below it, indented")
        return WRONG
    values = {str(key): build(item, entry, join(path, str(key)), mistakes) for key, entry in raw.items()}
    return WRONG if any(entry is WRONG for entry in values.values()) else values


def _leaf(hint: Any, raw: object, path: str, mistakes: list[str]) -> Any:  # noqa: ANN401 - see convert
    config = ConfigDict(allow_inf_nan=False)
    adapter: TypeAdapter[Any] = TypeAdapter(hint, config=config)
    try:
        return adapter.validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        found = {_mistake(detail, path, hint) for detail in error.errors(include_url=False)}
        mistakes.extend(sorted(found))
        return WRONG


def _mistake(detail: ErrorDetails, path: str, hint: Any) -> str:  # noqa: ANN401 - the annotation that was not met
    where = path + "".join(f"[{step}]" for step in detail["loc"] if isinstance(step, int))
    value, context = detail["input"], detail.get("ctx", {})
    say = _SENTENCES.get(detail["type"])
    if say is not None:
        return f"{where}: {_shown(value)} {say(context)}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"{where}: {_shown(value)} is unknown; {nearest(str(value), [str(member.value) for member in hint])}"
    return f"{where}: {_shown(value)} does not fit; {detail['msg'][0].lower()}{detail['msg'][1:]}"


_Sentence = Callable[[Mapping[str, Any]], str]
_NUMBER: _Sentence = lambda _: "is not a number; write digits without quotes"  # noqa: E731 - one line of the table below
_WHOLE: _Sentence = lambda _: "is not a whole number; write digits without quotes"  # noqa: E731 - one line of the table below

_SENTENCES: Mapping[str, _Sentence] = {
    "greater_than": lambda limit: f"is too small; give more than {_plain(limit['gt'])}",
    "greater_than_equal": lambda limit: f"is too small; give at least {_plain(limit['ge'])}",
    "less_than": lambda limit: f"is too large; give less than {_plain(limit['lt'])}",
    "less_than_equal": lambda limit: f"is too large; give at most {_plain(limit['le'])}",
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "finite_number": lambda _: "is not a finite number; write digits",
    "bool_type": lambda _: "is neither true nor false; write one of them without quotes",
    "string_type": lambda _: "is not text; put it in quotes",
    "too_short": lambda limit: f"is too short; give at least {limit['min_length']}",
    "string_too_short": lambda _: "is empty; write something",
    "predicate_failed": lambda _: "does not fit; see the comment beside it in config.example.yaml",
    "tuple_type": lambda _: "is not a list; write it as [first, second]",
    "list_type": lambda _: "is not a list; write it as [first, second]",
}


def unknown(given: Collection[Any], known: Collection[str], path: str) -> list[str]:
    """One mistake for each key that nobody reads, naming the nearest known one."""
    return [
        f"{join(path, str(key))}: is not a known key; {nearest(str(key), known)}"
        for key in given
        if not isinstance(key, str) or key not in known
    ]


def nearest(word: str, known: Collection[str]) -> str:
    """Name the nearest known word, or all of them when none is near."""
    close = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(sorted(known))}" if known else "nothing is known here, so remove it"


def join(path: str, name: str) -> str:
    """Path of a field below a section."""
    return f"{path}.{name}" if path else name


def _plain(limit: object) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
