"""Nouns to JSON and back, exactly: decimals as text, aware datetimes, unions, NaN.

The adapters are built from the dataclasses themselves, so a new field of a noun with a default reads old rows as they are.
"""

import re
from collections.abc import Hashable
from functools import cache
from types import GenericAlias
from typing import Any, Generic, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from core.model.errors import BadDataError

T = TypeVar("T")

_NAIVE = re.compile(rb'"\d{4}-\d\d-\d\dT[\d:.]+"')


class Body(Generic[T]):
    """JSON form of one kind of noun."""

    def __init__(self, noun: type[T]) -> None:
        self.name = noun.__name__.lower()
        # A tuple of one: pydantic takes settings for plain dataclasses only from what holds them.
        self._adapter: TypeAdapter[tuple[T]] = TypeAdapter(
            cast("type[tuple[T]]", GenericAlias(tuple, (noun,))),
            config=ConfigDict(ser_json_inf_nan="strings"),
        )

    def dump(self, value: T) -> str:
        """Write.

        Raises
        ------
        BadDataError
            The noun could not be read back: a wrong type, a Decimal that is not a number, a time without a zone.
        """
        try:
            body = self._adapter.dump_json((value,), warnings="none")
            self._adapter.validate_json(body)
        except (PydanticSerializationError, ValidationError) as error:
            raise BadDataError(f"this {self.name} cannot be stored: {_first(error)}") from error
        if naive := _NAIVE.search(body):
            raise BadDataError(f"this {self.name} cannot be stored: the time {naive[0].decode()} has no time zone")
        return body.decode()

    def load(self, body: str) -> T:
        """Read back; equal to what was written.

        Raises
        ------
        BadDataError
            The text is no such noun: the row was changed by something else.
        """
        try:
            return self._adapter.validate_json(body)[0]
        except ValidationError as error:
            raise BadDataError(f"a stored {self.name} cannot be read: {_first(error)}; restore a backup") from error


@cache
def _body_of(noun: Hashable) -> Body[Any]:
    return Body(cast("type[Any]", noun))


def dump(value: object) -> str:
    """Write a noun as JSON; raises BadDataError as `Body.dump` does."""
    return _body_of(cast("Hashable", type(value))).dump(value)


def load(noun: type[T], body: str) -> T:
    """Read a noun back from JSON; raises BadDataError as `Body.load` does."""
    value: T = _body_of(cast("Hashable", noun)).load(body)
    return value


def _first(error: PydanticSerializationError | ValidationError) -> str:
    if isinstance(error, ValidationError):
        detail = error.errors(include_url=False, include_context=False)[0]
        return f"{'.'.join(str(part) for part in detail['loc'][1:])}: {detail['msg']}"
    return str(error)
