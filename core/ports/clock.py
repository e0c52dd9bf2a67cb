"""The only source of time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time and monotonic time; nobody else reads either."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, in the same pace as `now`."""
        ...

    async def sleep_until(self, instant: datetime) -> None:
        """Return when `now()` has reached the instant."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of this clock."""
        ...
