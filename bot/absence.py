"""How long nobody listened to Discord: what people did during a long absence is asked for again before it counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.ports.clock import Clock
from core.ports.journal import Journal

SEEN = "discord listened"
#: While a card waits, the journal learns so often that somebody listens, so that a restart knows how long nobody did.
EVERY = timedelta(seconds=10)


@dataclass(slots=True)
class Absence:
    """Since when nobody listens; survives the process.

    Attributes
    ----------
    last : datetime or None
        Last moment at which somebody listened, by the machine's clock; None before the first connection of this process.
    """

    journal: Journal
    pace: Clock
    last: datetime | None = None
    listening: bool = False
    _written: datetime | None = None

    async def over(self) -> float:
        """Somebody listens again; answers the seconds during which nobody did, 0.0 when nobody ever did before."""
        now = self.pace.now()
        last = now if self.listening else self.last or await self._stored()
        self.listening, self.last = True, now
        return (now - last).total_seconds() if last else 0.0

    async def _stored(self) -> datetime | None:
        text = await self.journal.setting(SEEN)
        return datetime.fromisoformat(text) if text else None

    def begins(self) -> None:
        """Nobody listens from now on."""
        if self.listening:
            self.listening, self.last = False, self.pace.now()

    async def beat(self, *, waiting: bool, at_once: bool = False) -> None:
        """Somebody still listens; `waiting`: there is a card that could be decided meanwhile."""
        if not self.listening:
            return
        now = self.last = self.pace.now()
        if waiting and (at_once or self._written is None or now - self._written >= EVERY):
            self._written = now
            await self.journal.set_setting(SEEN, now.isoformat())
