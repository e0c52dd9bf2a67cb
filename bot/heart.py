"""The heartbeat: wakes the timetable and the engine, tells the street, and paces a simulated clock."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot import street
from bot.clock import SimulatedClock
from bot.jobs import Jobs
from bot.settings import DemoSettings
from bot.timetable import JOBS, upcoming
from brokers.paper import PaperBroker
from core.engine.engine import Engine
from core.market.sessions import NEW_YORK
from core.model.errors import QuantMatrixError
from core.model.market import CorporateAction, Session

LOG = logging.getLogger(__name__)
#: Seconds of the machine between two turns.
LIVE_SECONDS, SIMULATED_SECONDS = 5.0, 0.2
#: After the close the digest and its picture are still to be told before a simulated night is skipped.
EVENING = timedelta(minutes=40)
BEFORE_NEXT = timedelta(minutes=1)


@dataclass(slots=True)
class Heart:
    """One turn after the other; a failed one is logged and counted, the next one comes.

    Attributes
    ----------
    broker : PaperBroker or None
        The one that must be told what a real broker learns by itself; None: the account is at a real one.
    actions : callable
        Splits and dividends that take effect before the open of a day's session.
    more : tuple of Heart
        Those of the other accounts: they beat with this one.
    paces : bool
        Whether this one turns a simulated clock; one of them does.
    beaten : callable
        Told after each turn of all accounts; writes the heartbeat that the watchdog reads.
    """

    engine: Engine
    jobs: Jobs
    broker: PaperBroker | None
    actions: Callable[[date], Sequence[CorporateAction]]
    demo: DemoSettings
    more: "tuple[Heart, ...]" = ()
    paces: bool = True
    beaten: Callable[[], None] = lambda: None
    _morning: date | None = None
    _evening: date | None = None
    _failing: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Beat until cancelled."""
        seconds = SIMULATED_SECONDS if isinstance(self.engine.clock, SimulatedClock) else LIVE_SECONDS
        scheduler = AsyncIOScheduler(timezone=NEW_YORK)
        options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": 60, "id": "turn"}
        scheduler.add_job(self._wake, "interval", seconds=seconds, **options)
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)

    async def _wake(self) -> None:
        """One turn; a desk that stops in the middle of it is no error, which the scheduler would take it for."""
        with suppress(asyncio.CancelledError):
            await self.turn()

    async def turn(self) -> None:
        """Do what is due now, accounts side by side; the trouble of one does not stop the others."""
        clock = self.engine.clock
        now = clock.now()
        if isinstance(clock, SimulatedClock):
            clock.set_speed(1.0)  # a decision must not take minutes of its market
            if any(heart.jobs.waiting(now) for heart in self._every):
                clock.settle()
        await asyncio.gather(*(heart.beat(now) for heart in self._every))
        try:
            self.beaten()
        except OSError as error:
            LOG.warning("The heartbeat cannot be written: %s", error)

    @property
    def _every(self) -> "tuple[Heart, ...]":
        return (self, *self.more)

    async def beat(self, now: datetime) -> None:
        """One turn of this account."""
        try:
            await self._turn(now)
        except (QuantMatrixError, OSError) as error:
            self.engine.measures.count("ticks", good=False)
            if str(error) not in self._failing:
                self._failing.add(str(error))
                LOG.error("The desk could not take its turn: %s", error)  # noqa: TRY400 - the sentence says it all
                self.engine.page("The desk could not take its turn", str(error))
        except Exception as error:  # the edge of this loop: the next turn must come
            self.engine.measures.count("ticks", good=False)
            LOG.exception("The desk could not take its turn")
            self.engine.page("The desk could not take its turn", f"{type(error).__name__}; the log says why")
        else:
            self.engine.measures.count("ticks", good=True)
            self._failing.clear()

    async def _turn(self, now: datetime) -> None:
        session = self.engine.sessions.at(now)
        if session is not None and self.broker is not None:
            await self._street(self.broker, session, now)
        await self.jobs.run(now)
        if (session is not None and session.holds(now)) or self.engine.books.pending:
            await self.engine.tick()
        else:
            await self.engine.audit()
        if self.paces and isinstance(self.engine.clock, SimulatedClock):
            await self._pace(self.engine.clock, session)

    async def _street(self, broker: PaperBroker, session: Session, now: datetime) -> None:
        if self._morning != session.day:
            await street.morning(broker, self.actions(session.day), await self.engine.market.view())
            self._morning = session.day
        if now >= session.close and self._evening != session.day:
            await street.evening(broker, session.day, await self.engine.market.view())
            self._evening = session.day
            await self.engine.tick()

    async def _pace(self, clock: SimulatedClock, session: Session | None) -> None:
        """Real speed while a card waits for people; nights and holidays are skipped once everything is told."""
        waiting = any(heart.engine.books.pending for heart in self._every)
        clock.set_speed(1.0 if waiting else self.demo.speed)
        clock.settle()
        now = clock.now()
        morning = session is not None and now < session.close + EVENING
        if waiting or morning:
            return
        for heart in self._every:
            if await heart.engine.journal.pending_notes(1):
                return
        clock.skip_to(upcoming(JOBS, now, self.engine.sessions).at - BEFORE_NEXT)
