"""Column types that keep money and time exact on every database.

SQLite stores `Numeric` as a binary float and drops time zones, both silently; these types do neither.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

from core.model.errors import BadDataError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def clean(text: str) -> str:
    """Replace what no database can hold in text: NUL characters and halves of surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


class Money(TypeDecorator[Decimal]):
    """An exact `Decimal` as text; the exponent survives. Refuses floats, NaN and infinity."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Check and write."""
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise BadDataError(f"an amount of {value!r} cannot be stored; it must be a finite Decimal")
        return str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Read back."""
        return None if value is None else Decimal(value)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as whole microseconds since 1970 in UTC. Refuses naive datetimes."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Check and write."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise BadDataError(f"the time {value} has no time zone and cannot be stored; it must be aware")
        return (value - EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Read back, in UTC."""
        return None if value is None else EPOCH + value * _MICROSECOND


class Day(TypeDecorator[date]):
    """A calendar day as ISO text, which sorts as days do. Refuses datetimes, whose day depends on a time zone."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Check and write."""
        if value is None:
            return None
        if isinstance(value, datetime):
            raise BadDataError(f"{value} is an instant and cannot be stored as a day; give the day of its session")
        return value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Read back."""
        return None if value is None else date.fromisoformat(value)
