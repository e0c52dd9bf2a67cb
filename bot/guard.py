"""The guard of a running desk: measures the machine, obeys the file KILL, lets the breakers look, and watches the watchdog."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot import machine, pulse
from bot.clock import SystemClock
from bot.machine import Machine
from bot.settings_watch import WatchdogSettings
from core.engine import gauges
from core.engine.engine import Engine
from core.engine.safety import SafetySettings
from core.model.errors import IllegalEventError, QuantMatrixError
from core.model.signals import Intent
from core.ports.clock import Clock
from core.ports.pager import Pager

LOG = logging.getLogger(__name__)
#: Seconds between two looks at the file KILL and at the loop's own lateness, and between two looks at everything else.
STEP, LOOK = 0.25, 1.0


@dataclass(slots=True)
class Lateness:
    """How long the event loop has been late without a pause."""

    limit: float
    since: float | None = None

    def sample(self, now: float, late: float) -> float:
        """Take one sample (seconds that a wait took longer than asked); answers for how many seconds it has been too late."""
        if late <= self.limit:
            self.since = None
            return 0.0
        self.since = now - late if self.since is None else self.since
        return now - self.since


@dataclass(slots=True)
class Guard:
    """One for all accounts of a process.

    Attributes
    ----------
    folder : Path
        Where the files beside the journal stand.
    connected : callable
        Whether Discord is in reach.
    verify : callable
        Walks the audit chains; raises IllegalEventError where one is broken.
    measure : callable
        Looks at the machine, given the folder.
    """

    engines: Sequence[Engine]
    folder: Path
    safety: SafetySettings
    watch: WatchdogSettings
    pager: Pager
    connected: Callable[[], bool]
    verify: Callable[[], Awaitable[object]]
    clock: Clock = field(default_factory=SystemClock)
    measure: Callable[[Path], Machine] = machine.measure
    audit: str = ""
    _seen_discord: float | None = None
    _begun: float | None = None
    _silent: bool = False
    _failing: str = ""

    async def run(self) -> None:
        """Guard until cancelled."""
        await asyncio.gather(self._steps(), self._audits())

    async def _steps(self) -> None:
        lateness, looked = Lateness(self.safety.lag_seconds), float("-inf")
        while True:
            before = self.clock.monotonic()
            await self.clock.sleep(STEP)
            now = self.clock.monotonic()
            lagging = lateness.sample(now, now - before - STEP)
            try:
                await self.obey()
                if lagging or now - looked >= LOOK:
                    looked = now
                    await self.look(lagging)
                self._failing = ""
            except (QuantMatrixError, OSError) as error:
                self._failed(error)
            except Exception:  # the edge of this loop: the next step must come
                LOG.exception("The guard could not take its step")

    def _failed(self, error: Exception) -> None:
        """A guard that cannot do its work is told once, by log and pager."""
        if self._failing != str(error):
            self._failing = str(error)
            LOG.error("The guard could not take its step: %s", error)
            self.pager.page("The guard of the desk fails", str(error))

    async def obey(self) -> None:
        """Do what the file KILL says; it goes away once every journal knows."""
        order = pulse.pulled(self.folder)
        if order is None:
            return
        for engine in self.engines:
            await engine.halt("file KILL", order.reason, order.level)
        if pulse.pulled(self.folder) == order:
            (self.folder / pulse.KILL).unlink(missing_ok=True)

    async def look(self, lagging: float = 0.0) -> None:
        """Measure what belongs to the machine, then let the breakers of every account look."""
        found, gone = self.measure(self.folder), self._discord()
        self._watchdog()
        for engine in self.engines:
            if (shown := engine.gauges) is not None:
                shown.lagging, shown.discord_gone, shown.audit = lagging, gone, self.audit
                shown.disk, shown.memory, shown.descriptors = found.disk, found.memory, found.descriptors
                await gauges.check(engine, shown)

    async def walk(self) -> None:
        """Walk the audit chains once; what is wrong with them stops the desk at the next look."""
        try:
            await self.verify()
            self.audit = ""
        except IllegalEventError as error:
            self.audit = str(error)
        except (QuantMatrixError, OSError) as error:
            self._failed(error)

    def _discord(self) -> float:
        """Seconds for which Discord has been out of reach."""
        now = self.clock.monotonic()
        if self._seen_discord is None or self.connected():
            self._seen_discord = now
        return now - self._seen_discord

    def _watchdog(self) -> None:
        """The alerter must not fall silent unnoticed."""
        beat = pulse.read(self.folder / pulse.WATCHDOG)
        limit, now = self.watch.silent_seconds, self.clock.monotonic()
        self._begun = now if self._begun is None else self._begun
        missing = self.watch.required and now - self._begun > limit
        silent = missing if beat is None else (self.clock.now() - beat.at).total_seconds() > limit
        if silent != self._silent:
            self._silent = silent
            title = "The watchdog is silent" if silent else "The watchdog is back"
            body = "Nobody would notice a dead desk; start it: python -m bot watchdog" if silent else "It beats again."
            self.pager.page(title, body)

    async def _audits(self) -> None:
        """Walk the audit chains now and then."""
        while True:
            await self.walk()
            await self.clock.sleep(60 * self.safety.audit_minutes)


def beat(engines: Sequence[Engine], folder: Path, *, stopped: bool = False) -> None:
    """Write the heartbeat of a process after a turn."""
    first = engines[0]
    session = first.sessions.at(first.clock.now())
    granted = [envelope for engine in engines for envelope in engine.books.envelopes.values()]
    opening = {envelope.id for envelope in granted if envelope.intent is Intent.OPEN}
    entries = sum(order.envelope_id in opening for engine in engines for order in engine.books.orders.values())
    at = SystemClock().now()
    in_session = session is not None and session.holds(first.clock.now())
    positions = sum(len(engine.books.positions) for engine in engines)
    pulse.beat(folder / pulse.HEARTBEAT, pulse.Pulse(os.getpid(), at, in_session, positions, entries, stopped))
