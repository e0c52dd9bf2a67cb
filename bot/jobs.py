"""Doing what the timetable says is due; the live desk and the replay use the same one."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.timetable import JOBS, Occasion, due
from core.engine import tell
from core.engine.engine import Engine
from core.model.errors import QuantMatrixError
from core.model.notes import Note, Tone
from core.posts import Post

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Jobs:
    """Runs each occasion once. It is written down when it is done, so one that a crash cut short is done again.

    Every job bears that: what it stored before is known by its id and changes nothing.

    Attributes
    ----------
    since : datetime
        Everything up to here has been looked at.
    """

    engine: Engine
    posts: Mapping[str, Post]
    since: datetime
    _done: dict[str, datetime] = field(default_factory=dict)

    def waiting(self, now: datetime) -> bool:
        """Whether something became due that was not looked at."""
        return bool(due(JOBS, self.since, now, self.engine.sessions))

    async def run(self, now: datetime) -> tuple[Occasion, ...]:
        """Do what became due; answers what was done."""
        done = [occasion for occasion in due(JOBS, self.since, now, self.engine.sessions) if await self._once(occasion)]
        self.since = now
        return tuple(done)

    async def _once(self, occasion: Occasion) -> bool:
        """Do an occasion unless it was done; a job that breaks counts as done, or it would break again each turn."""
        journal = self.engine.journal
        last = self._done.get(occasion.job) or await journal.last_job(occasion.job)
        if last is not None and last >= occasion.at:
            return False
        try:
            notes = await self._do(occasion)
            first = await journal.claim_job(occasion.job, occasion.at, notes)
        except Exception:
            await journal.claim_job(occasion.job, occasion.at)
            raise
        self._done[occasion.job] = occasion.at
        if notes:
            self.engine.notifier.wake()
        return first

    async def _do(self, occasion: Occasion) -> Sequence[Note]:
        """One occasion, which answers what is to be told; a failure is told and logged, the desk goes on."""
        verbs = {"entries": self.engine.entries, "scan": self.engine.scan, "close": self.engine.close_session}
        try:
            if occasion.job in verbs:
                await verbs[occasion.job]()
            elif occasion.job in self.posts:
                return [await self.posts[occasion.job].compose(self.engine, occasion.at)]
        except QuantMatrixError as error:
            _LOG.warning("job %s of %s failed: %s", occasion.job, occasion.at, error)
            return [tell.desk_note(f"job-{occasion.job}", f"{occasion.job} failed", str(error), self.engine.clock.now(), Tone.BAD)]
        return []
