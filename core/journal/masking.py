"""Nothing secret is written down: every text that goes into the journal is masked on its way in, before it is hashed."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Connection

from core.journal.door import Door
from core.model.instruments import Leg
from core.model.proposals import LegQuote, Plan

P = ParamSpec("P")
T = TypeVar("T")
Mask = Callable[[str], str]
#: What holds no text of anybody.
_WORDLESS = frozenset({type(None), bool, int, float, Decimal, datetime, date, Leg, LegQuote, Plan})
Work = Callable[Concatenate[Connection, P], T]


class MaskedDoor:
    """A door whose writes have been masked; reads are as they are."""

    def __init__(self, inner: Door, mask: Mask) -> None:
        self._inner, self._mask = inner, mask

    async def write(self, point: str, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run and commit with masked texts."""
        return await self._inner.write(point, work, *self._all(args), **self._named(kwargs))

    async def write_last(self, point: str, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run and commit with masked texts, after everybody else."""
        return await self._inner.write_last(point, work, *self._all(args), **self._named(kwargs))

    async def read(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run on one consistent state of the database."""
        return await self._inner.read(work, *args, **kwargs)

    async def close(self) -> None:
        """Let go of the database."""
        await self._inner.close()

    def _all(self, values: T) -> T:
        return cast("T", tuple(masked(value, self._mask) for value in cast("tuple[object, ...]", values)))

    def _named(self, values: T) -> T:
        named = cast("dict[str, object]", values)
        return cast("T", {key: masked(value, self._mask) for key, value in named.items()})


def masked(value: T, mask: Mask) -> T:
    """Give the same value with every text in it masked; the very same object where nothing had to be."""
    found = _masked(value, mask)
    return cast("T", found)


def _masked(value: object, mask: Mask) -> object:
    kind = type(value)
    if kind is str:
        return mask(value)  # type: ignore[arg-type]  # it is one
    if kind in _WORDLESS:
        return value
    if isinstance(value, tuple | list):
        return _sequence(value, mask)
    if isinstance(value, Mapping):
        found = {key: _masked(entry, mask) for key, entry in value.items()}
        return found if any(found[key] is not entry for key, entry in value.items()) else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _noun(value, mask)
    return value


def _sequence(value: tuple[object, ...] | list[object], mask: Mask) -> object:
    found = [_masked(entry, mask) for entry in value]
    if all(new is old for new, old in zip(found, value, strict=True)):
        return value
    return tuple(found) if isinstance(value, tuple) else found


def _noun(value: object, mask: Mask) -> object:
    changes = {}
    for field in dataclasses.fields(value):  # type: ignore[arg-type]  # a dataclass, as the caller saw
        old = getattr(value, field.name)
        new = _masked(old, mask)
        if new is not old and field.init:
            changes[field.name] = new
    return dataclasses.replace(value, **changes) if changes else value  # type: ignore[type-var]  # as above
