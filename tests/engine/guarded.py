"""A desk with gauges, on a machine whose clock is turned by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.clock import HandClock
from bot.metered import Metered
from core.engine import gauges
from core.engine.gauges import Gauges
from core.engine.safety import SafetySettings
from tests.engine.door import Door, faulty
from tests.engine.halts import Pager
from tests.engine.rig import Desk

LIMITS = SafetySettings()
MEBIBYTE = 2**20


@dataclass(slots=True)
class Guarded:
    """A desk with gauges on a machine's clock of its own."""

    desk: Desk
    door: Door
    gauges: Gauges
    machine: HandClock
    pager: Pager

    async def look(self, *, fresh: bool = True, **step: float) -> None:
        """Let the machine's time pass and let the breakers look; `fresh`: the feed was asked right before."""
        self.machine.turn_to(self.machine.now() + timedelta(**(step or {"seconds": 1})))
        if fresh:
            await self.desk.engine.view()
        await gauges.check(self.desk.engine, self.gauges)

    @property
    def level(self) -> int:
        return self.desk.engine.books.kill.level


@asynccontextmanager
async def guarded(folder: Path, **changes: object) -> AsyncIterator[Guarded]:
    async with faulty(folder, **changes) as (one, door):
        machine = HandClock(datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
        found, pager = Gauges(machine, LIMITS), Pager()
        one.engine.gauges, one.engine.pager = found, pager
        one.engine.broker = Metered(door, found)
        yield Guarded(one, door, found, machine, pager)
