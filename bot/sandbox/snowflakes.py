"""Ids: milliseconds since 2015 and a counter, from the clock alone. Same clock, same ids."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
COUNTER_BITS = 22


class Snowflakes:
    """Gives ids that only grow, also across restarts (`seen`) and when the clock stands still or steps back."""

    def __init__(self) -> None:
        self.last = 0

    def seen(self, snowflake: int) -> None:
        """Never give this id or an older one again."""
        self.last = max(self.last, snowflake)

    def next(self, now: datetime) -> str:
        """Give the next id at this instant (aware UTC)."""
        self.last = max(self.last + 1, lowest(now))
        return str(self.last)


def lowest(now: datetime) -> int:
    """Smallest id of an instant (aware UTC)."""
    return (now - EPOCH) // timedelta(milliseconds=1) << COUNTER_BITS


def instant(snowflake: str) -> datetime:
    """When the id was given, to the millisecond."""
    return EPOCH + timedelta(milliseconds=int(snowflake) >> COUNTER_BITS)
