"""Values as JSON and back, for the ledger's file and for the wire: exact decimals, aware instants, and our own nouns only."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType

from brokers.paper import records
from core.model.errors import BadDataError
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.market import Quote, Session
from core.model.orders import Fill, Movement, OrderEvent, OrderState, Report, Transaction
from core.ports.broker import Account, Preview

_NOUNS: Mapping[str, type] = MappingProxyType(
    {
        noun.__name__: noun
        for noun in (
            Account, Fill, Leg, Option, Preview, Quote, Report, Session, Stock, Transaction,
            records.Accepted, records.Delisting, records.Dividend, records.Executed, records.Moment, records.Moved,
            records.PaperOrder, records.Split, records.Ticket, records.Turned,
        )
    }
)  # fmt: skip
_WORDS: Mapping[str, type[Enum]] = MappingProxyType(
    {word.__name__: word for word in (Movement, OrderEvent, OrderState, Right, Side)}
)


def dumps(value: object) -> str:
    """One line of JSON."""
    return json.dumps(_pack(value), separators=(",", ":"), allow_nan=False)


def loads(text: str | bytes) -> object:
    """Read back what `dumps` wrote; sequences come back as tuples.

    Raises
    ------
    BadDataError
        The text is not JSON, or holds something that `dumps` does not write.
    """
    try:
        return _unpack(json.loads(text))
    except (ValueError, TypeError, KeyError, ArithmeticError, AttributeError, RecursionError) as error:
        raise BadDataError(f"this is not a record of the paper ledger: {str(text[:80])!r} ({error})") from error


def _pack(value: object) -> object:
    if isinstance(value, Enum):
        return {"word": [type(value).__name__, value.value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [_pack(item) for item in value]
    if isinstance(value, Mapping):
        return {"map": [[_pack(key), _pack(item)] for key, item in value.items()]}
    if dataclasses.is_dataclass(value) and type(value).__name__ in _NOUNS:
        fields = {field.name: _pack(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"noun": type(value).__name__, "has": fields}
    return _pack_scalar(value)


def _pack_scalar(value: object) -> object:
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    raise BadDataError(f"the paper ledger cannot write a {type(value).__name__}")


def _unpack(value: object) -> object:
    if isinstance(value, list):
        return tuple(_unpack(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "noun" in value:
        return _NOUNS[value["noun"]](**{name: _unpack(item) for name, item in value["has"].items()})
    if "map" in value:
        return {_unpack(key): _unpack(item) for key, item in value["map"]}
    return _unpack_scalar(value)


def _unpack_scalar(value: Mapping[str, str]) -> object:
    ((kind, text),) = value.items()
    if kind == "word":
        return _WORDS[text[0]](text[1])
    if kind == "decimal":
        return Decimal(text)
    if kind == "instant":
        return datetime.fromisoformat(text)
    if kind == "day":
        return date.fromisoformat(text)
    raise KeyError(kind)
