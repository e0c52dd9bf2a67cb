"""Values of the wire, read strictly: what is missing, no number, or not finite is an error and never a guess."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from brokers.tastytrade.wire import JSON
from core.model.errors import RetryError

_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,12})?")


class UnreadableError(RetryError):
    """A payload that does not hold what it must; the question may be asked again, nothing is concluded from it."""


def number(body: JSON, name: str) -> Decimal:
    """A finite decimal."""
    value = body.get(name)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    raise UnreadableError(f"tastytrade sent {name} as {value!r}, which is no number; nothing is concluded from that answer")


def whole(body: JSON, name: str) -> int:
    """A whole number; fractions of shares are not supported."""
    value = number(body, name)
    if value != int(value):
        where = body.get("symbol", "an order")
        raise UnreadableError(
            f"{where}: {name} is {value}; fractions of shares are not supported, sell the fraction or use another account"
        )
    return int(value)


def signed(body: JSON, name: str) -> Decimal:
    """Dollars with the sign of their effect: a debit is negative, a credit positive; a missing figure is 0."""
    if body.get(name) is None:
        return Decimal(0)
    value, effect = abs(number(body, name)), body.get(f"{name}-effect")
    if effect not in ("Debit", "Credit") and value:
        raise UnreadableError(f"tastytrade sent {name} {value} without saying whether it is a debit; nothing is concluded from it")
    return -value if effect == "Debit" else value


def text(body: JSON, name: str) -> str:
    """A text that is not empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise UnreadableError(f"tastytrade sent {name} as {value!r}, which is no text; nothing is concluded from that answer")
    return value


def instant(body: JSON, name: str) -> datetime:
    """An instant, written in ISO 8601 or in milliseconds since 1970."""
    value = body.get(name)
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadableError(
            f"tastytrade sent {name} as {value!r}, which is no instant; nothing is concluded from that answer"
        ) from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def inner(body: JSON, name: str) -> JSON:
    """An object inside an object."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise UnreadableError(f"tastytrade answered without {name}; nothing is concluded from that answer")
    return value


def rows(body: JSON, name: str) -> list[JSON]:
    """A list of objects; a missing one is empty."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise UnreadableError(f"tastytrade sent {name} as something that is no list; nothing is concluded from that answer")
    return value
