"""What keeps a running desk safe, put together: pager, guard, switches, the count of crashes. Opened before the first engine."""

import asyncio
import logging
import signal
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import cast

from bot import guard, pager, pulse
from bot.client import Desk
from bot.clock import SystemClock
from bot.metered import Metered
from bot.settings import Settings
from core.engine import breakers
from core.engine.engine import Engine
from core.engine.gauges import Gauges
from core.journal.journal import open_journal
from core.model.errors import OperatorError
from core.model.kill import Level
from core.ports.broker import Broker

LOG = logging.getLogger(__name__)
#: Signals that stop the desk, and how far.
SIGNALS = {signal.SIGUSR1: Level.HALT, signal.SIGUSR2: Level.CANCEL_ALL}


@dataclass(slots=True)
class Kit:
    """One for all accounts of a process."""

    settings: Settings
    folder: Path
    pages: pager.Pages
    crashes: int
    engines: list[Engine] = field(default_factory=list)

    def equip(self, engine: Engine) -> None:
        """Give an engine its switches, gauges and pager, before it starts."""
        found = Gauges(SystemClock(), self.settings.safety, crashes=self.crashes)
        engine.safety, engine.pager, engine.gauges = self.settings.safety, self.pages, found
        engine.pulled = pulse.exists(self.folder / pulse.KILL)
        engine.broker = cast("Broker", Metered(engine.broker, found))
        self.engines.append(engine)

    def tasks(self, desk: Desk) -> Sequence[Coroutine[None, None, None]]:
        """Give what runs as long as the desk: the pager, and the guard."""
        chosen = self.settings

        def connected() -> bool:
            return any(branch.approvals.absence.listening for branch in desk.branches)

        guarding = guard.Guard(self.engines, self.folder, chosen.safety, chosen.watchdog, self.pages, connected, self._verify)
        return self.pages.run(), guarding.run()

    def listen(self) -> None:
        """Stop at SIGUSR1, stop and cancel at SIGUSR2, also when Discord is not there."""
        for name, level in SIGNALS.items():
            asyncio.get_running_loop().add_signal_handler(name, self._signalled, name, level)

    def _signalled(self, name: signal.Signals, level: Level) -> None:
        for engine in self.engines:
            engine.begin(engine.halt("signal", f"{name.name} was sent to the process", level))

    def beat(self) -> None:
        """Write the heartbeat after a turn."""
        guard.beat(self.engines, self.folder)

    async def _verify(self) -> None:
        """Walk every audit chain on a connection of its own."""
        for chosen in (self.settings, *self.settings.accounts):
            journal = await open_journal(chosen.database_url)
            try:
                await journal.verify_audit()
            finally:
                await journal.close()

    async def stop(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> bool:
        """Page an end that nobody asked for; one in order, and one that the operator must mend, is no crash."""
        asked = kind is None or issubclass(kind, asyncio.CancelledError | KeyboardInterrupt)
        mends = kind is not None and issubclass(kind, OperatorError)
        if kind is not None and not asked:
            body = f"{kind.__name__}; the log says why. Nobody follows orders and exits until it runs again."
            self.pages.page("The desk ends", body)
        await self.pages.rest()
        if asked or mends:
            pulse.ended(self.folder)
            if self.engines:
                guard.beat(self.engines, self.folder, stopped=True)
        return False


async def open_kit(chosen: Settings, stack: AsyncExitStack) -> Kit:
    """Open it, after the journals (a second process must not count as a crash of the first) and before the engines.

    After too many crashes the desk starts halted: the file KILL stands before anything can be sent.
    """
    folder, limits = chosen.folder, chosen.safety
    pages = pager.Pages(pager.paths(chosen.pager, chosen.pager_secrets), 60 * chosen.pager.repeat_minutes)
    crashed = pulse.crashes(folder, SystemClock().now(), limits.crash_minutes)
    trip = breakers.crashes(breakers.Measured(crashes=crashed), limits)
    if trip is not None:
        pulse.pull(folder, Level.HALT, f"{trip.sentence}. To clear: {trip.clears}")
    kit = Kit(chosen, folder, pages, crashed)
    stack.push_async_exit(kit.stop)
    return kit
