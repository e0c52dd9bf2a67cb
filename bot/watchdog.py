"""The watchdog: a process beside the desk that reads its heartbeat, and reaches people by the second path when it stops.

It shares nothing with the desk but files and settings. Its own heartbeat is read by the desk, so neither falls silent unnoticed.
"""

import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from bot import pulse
from bot.pulse import Pulse
from bot.settings_watch import WatchdogSettings
from core.ports.clock import Clock
from core.ports.pager import Pager

LOG = logging.getLogger(__name__)
#: A process that cannot be seen (it may live in another container) counts as gone only when it also missed three turns.
GONE_SECONDS = 15.0


class Health(StrEnum):
    """How the desk is."""

    WELL = "well"
    STOPPED = "stopped in order"
    ABSENT = "not there"
    DEAD = "dead"
    STUCK = "stuck"

    @property
    def is_bad(self) -> bool:
        """Whether people must know."""
        return self in (Health.ABSENT, Health.DEAD, Health.STUCK)


@dataclass(frozen=True, slots=True)
class Look:
    """What the watchdog saw: how the desk is, and a sentence about it."""

    health: Health
    sentence: str


def judge(beat: Pulse | None, *, lives: bool, in_session: bool, now: datetime, stuck_seconds: float) -> Look:
    """Say how the desk is.

    Parameters
    ----------
    lives : bool
        Whether its process exists.
    """
    if beat is None:
        return Look(Health.ABSENT, "no desk ever ran here") if in_session else Look(Health.WELL, "no desk yet")
    age = (now - beat.at).total_seconds()
    held = f"{beat.positions} open positions, {beat.entries} open entry orders at its last beat"
    if beat.stopped:
        if in_session and (beat.positions or beat.entries):
            return Look(Health.DEAD, f"it was stopped at {beat.at:%H:%M:%S} UTC and the market is open: {held}")
        return Look(Health.STOPPED, f"stopped in order at {beat.at:%Y-%m-%d %H:%M:%S} UTC")
    if not lives and age > min(GONE_SECONDS, stuck_seconds):
        return Look(Health.DEAD, f"its process {beat.pid} is gone, its last beat was {age:.0f} s ago: {held}")
    if in_session and age > stuck_seconds:
        return Look(Health.STUCK, f"its process {beat.pid} lives, but its last beat was {age:.0f} s ago: {held}")
    return Look(Health.WELL, "it beats")


@dataclass(slots=True)
class Watchdog:
    """Looks, pages once when the desk goes and once when it is back, and cancels open entry orders when nobody came.

    Attributes
    ----------
    in_session : callable
        Whether the market is open, given the moment and the desk's last beat.
    cancel : callable or None
        Cancels open entry orders at the broker and answers what it did in one sentence.
    """

    folder: Path
    settings: WatchdogSettings
    pager: Pager
    clock: Clock
    in_session: Callable[[datetime, Pulse | None], bool]
    cancel: Callable[[], Awaitable[str]] | None = None
    lives: Callable[[int], bool] = pulse.alive
    _bad: Look | None = None
    _since: float = 0.0
    _cancelled: bool = False
    _first: float | None = field(default=None)

    async def run(self) -> None:
        """Look until cancelled; its own heartbeat goes away when it ends in order."""
        try:
            while True:
                await self.look()
                await self.clock.sleep(self.settings.every_seconds)
        finally:
            (self.folder / pulse.WATCHDOG).unlink(missing_ok=True)

    async def look(self) -> Look:
        """Look once."""
        now = self.clock.now()
        pulse.beat(self.folder / pulse.WATCHDOG, Pulse(os.getpid(), now))
        beat = pulse.read(self.folder / pulse.HEARTBEAT)
        found = judge(
            beat,
            lives=beat is not None and self.lives(beat.pid),
            in_session=self.in_session(now, beat),
            now=now,
            stuck_seconds=self.settings.stuck_seconds,
        )
        if found.health is Health.ABSENT and self._begun() < self.settings.stuck_seconds:
            return found
        self._told(found)
        await self._act()
        return found

    def _begun(self) -> float:
        """Seconds since the first look."""
        self._first = self.clock.monotonic() if self._first is None else self._first
        return self.clock.monotonic() - self._first

    def _told(self, found: Look) -> None:
        if found.health.is_bad and (self._bad is None or self._bad.health is not found.health):
            self._since = self.clock.monotonic() if self._bad is None else self._since
            self._bad = found
            self.pager.page(
                f"The desk is {found.health}", f"{found.sentence}. Nobody follows orders and exits until it runs again."
            )
        elif not found.health.is_bad and self._bad is not None:
            self.pager.page("The desk is back", f"It was {self._bad.health}; now: {found.sentence}.")
            self._bad, self._cancelled = None, False

    async def _act(self) -> None:
        """After a while without a desk nothing new may fill: open entry orders are cancelled, once."""
        minutes = self.settings.cancel_minutes
        if self._bad is None or self.cancel is None or self._cancelled or not minutes:
            return
        if self.clock.monotonic() - self._since >= 60 * minutes:
            self._cancelled = True
            sentence = await self.cancel()
            LOG.warning("%s", sentence)
            self.pager.page(f"The desk has been {self._bad.health} for {minutes:g} minutes", sentence)
