"""Keeps anchors of the audit: a quarter of an hour apart, each behind a look at the rows since the last one."""

import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.clock import SystemClock
from core.engine.engine import Engine
from core.journal import anchor
from core.journal.anchor import Anchor
from core.model.errors import IllegalEventError, OperatorError, QuantMatrixError
from core.ports.clock import Clock

LOG = logging.getLogger(__name__)
EVERY = timedelta(minutes=15)


@dataclass(slots=True)
class Anchors:
    """The anchors of one journal; a chain that does not fit them halts the desk of that journal.

    Attributes
    ----------
    pace : Clock
        The machine's.
    """

    engine: Engine
    path: Path
    pace: Clock
    last: Anchor | None = None
    _halted: bool = False

    async def run(self) -> None:
        """Anchor until cancelled."""
        while True:
            await self.pace.sleep(EVERY.total_seconds())
            await self.turn()

    async def turn(self) -> None:
        """Look at the rows since the last anchor and write the next one; never raises."""
        try:
            await self._anchor()
        except (IllegalEventError, OperatorError) as error:
            LOG.error("The audit cannot be trusted: %s", error)  # noqa: TRY400 - the sentence says it all
            if not self._halted:
                self._halted = True
                await self.engine.halt("audit", str(error))
        except (OSError, QuantMatrixError) as error:
            LOG.error("The audit could not be anchored: %s", error)  # noqa: TRY400 - the sentence says it all

    async def _anchor(self) -> None:
        journal = self.engine.journal
        if self.last is None:
            kept = anchor.read(self.path)
            self.last = kept[-1] if kept else None
        known = (self.last.seq, self.last.hash) if self.last else None
        await (journal.verify_audit((known,), known) if known else journal.verify_audit())
        head = await journal.audit_rows(1)
        if head and (head[0].seq, head[0].hash) != known:
            fresh = Anchor(head[0].seq, head[0].hash, self.pace.now())
            anchor.append(self.path, fresh)
            self.last = fresh


async def anchored(engine: Engine, journal: Path) -> tuple[Coroutine[None, None, None]]:
    """Compare the audit of a journal file with its last anchor; answers the work that anchors it from now on."""
    anchors = Anchors(engine, anchor.place_of(journal), SystemClock())
    await anchors.turn()
    return (anchors.run(),)
