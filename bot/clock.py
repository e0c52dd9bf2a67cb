"""The three clocks behind the Clock port: the machine's, one turned by hand, and one that runs a simulated market."""

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Wall time and monotonic time of the machine."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment; never backwards."""
        return time.monotonic()

    async def sleep_until(self, instant: datetime) -> None:
        """Return when `now()` has reached the instant, also when the wall clock is set meanwhile."""
        while (left := (instant - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, 60.0))

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(max(seconds, 0.0))


@dataclass(slots=True)
class HandClock:
    """Time that stands still until it is turned; who sleeps on it turns it, because nobody else does."""

    instant: datetime
    elapsed: float = 0.0

    def now(self) -> datetime:
        """Aware UTC."""
        return self.instant

    def monotonic(self) -> float:
        """Seconds that the clock was turned so far."""
        return self.elapsed

    def turn_to(self, instant: datetime) -> None:
        """Go forward; an earlier instant changes nothing."""
        self.elapsed += max((instant - self.instant).total_seconds(), 0.0)
        self.instant = max(self.instant, instant)

    async def sleep_until(self, instant: datetime) -> None:
        """Go there at once."""
        self.turn_to(instant)

    async def sleep(self, seconds: float) -> None:
        """Go there at once."""
        self.turn_to(self.instant + timedelta(seconds=seconds))


@dataclass(slots=True)
class SimulatedClock:
    """Simulated time at a multiple of real time; the pace may change at any moment, nights may be skipped.

    Its own file holds a bound that the clock never passes before a later bound is on disk, so after SIGKILL it goes on from
    there and no fact of the journal lies in its future.

    Parameters
    ----------
    path : pathlib.Path
        File with one JSON line per bound; the last whole line counts.
    begin : datetime
        Where time begins when the file does not exist.
    speed : float
        Simulated seconds per real second.
    """

    path: Path
    begin: datetime
    speed: float = 1.0
    _anchor: datetime = field(init=False)
    _since: float = field(init=False)
    _bound: datetime = field(init=False)
    _elapsed: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._anchor = self._bound = self._stored() or self.begin
        self._since = time.monotonic()
        self._promise(self._anchor)

    def _stored(self) -> datetime | None:
        if not self.path.exists():
            return None
        for line in reversed(self.path.read_text().splitlines()):
            try:
                return datetime.fromisoformat(json.loads(line)["bound"])
            except (ValueError, KeyError):
                continue
        return None

    def _promise(self, instant: datetime) -> None:
        """Put a later bound on disk: two real seconds ahead of the instant."""
        self._bound = instant + timedelta(seconds=2 * max(self.speed, 1.0))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"bound": self._bound.isoformat()}) + "\n"
        fresh = self.path.with_suffix(f".{os.getpid()}")
        with fresh.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def now(self) -> datetime:
        """Aware UTC in the simulated market."""
        instant = self._anchor + timedelta(seconds=(time.monotonic() - self._since) * self.speed)
        if instant > self._bound:
            self._promise(instant)
        return instant

    def monotonic(self) -> float:
        """Simulated seconds since the start of this process."""
        return self._elapsed + (time.monotonic() - self._since) * self.speed

    def set_speed(self, speed: float) -> None:
        """Go on from here at another pace."""
        self._turn(self.now())
        self.speed = speed

    def settle(self) -> None:
        """Take back a bound that lies far ahead because time ran faster: a restart then goes on close to now, in time for cards."""
        now = self.now()
        if (self._bound - now).total_seconds() > 4 * max(self.speed, 1.0):
            self._promise(now)

    def skip_to(self, instant: datetime) -> None:
        """Jump forward; an earlier instant changes nothing."""
        now = self.now()
        if instant > now:
            self._turn(instant)
            self._promise(instant)

    def _turn(self, instant: datetime) -> None:
        self._elapsed = self.monotonic()
        self._anchor, self._since = instant, time.monotonic()

    async def sleep_until(self, instant: datetime) -> None:
        """Return when simulated time has reached the instant, whatever the pace does meanwhile."""
        while (left := (instant - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left / self.speed, 0.2))

    async def sleep(self, seconds: float) -> None:
        """Return after so many simulated seconds."""
        target = self.monotonic() + seconds
        while (left := target - self.monotonic()) > 0:
            await asyncio.sleep(min(left / self.speed, 0.2))
