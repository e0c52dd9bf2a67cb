"""The composition root: settings -> feed, broker, journal, engine, Discord; opened in this order, closed in the other.

`serve` runs a desk until it is told to stop. The demo (`bot.app_demo`) is the same desk with a loopback Discord beside it.
"""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from bot import client, settings, street
from bot.access import Access
from bot.approvals import Approvals
from bot.clock import SimulatedClock, SystemClock
from bot.heart import Heart
from bot.jobs import Jobs
from bot.notifier import DiscordNotifier, Outlet, Posted
from bot.redact import set_up
from bot.settings import Settings
from bot.wiring import Adapters, build_engine, calendar, failpoint, surroundings
from brokers.paper import PaperBroker, PaperSettings
from core.charts import draw
from core.engine.engine import Engine
from core.engine.settings import EngineSettings
from core.feeds.simulated import SimulatedSettings
from core.feeds.simulated.market import SimulatedMarket
from core.journal.journal import SqlJournal, open_journal
from core.market.sessions import NEW_YORK
from core.model.errors import OperatorError
from core.ports.clock import Clock

LOG = logging.getLogger(__name__)
#: The timetable looks back so far at a start; what was done before is not done twice.
LOOK_BACK = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Opened:
    """A desk that is ready to serve."""

    settings: Settings
    clock: Clock
    engine: Engine
    market: SimulatedMarket
    broker: PaperBroker
    notifier: DiscordNotifier
    approvals: Approvals
    desk: client.Desk
    heart: Heart


def run(config: Path) -> int:
    """Serve with the settings of a file until Ctrl-C or SIGTERM.

    Raises
    ------
    OperatorError
        Settings, journal, feed, broker or Discord need the operator.
    """
    chosen = settings.read(config, dict(os.environ))
    set_up(chosen.log_level.value, chosen.secrets)
    if chosen.token is None:
        raise OperatorError("discord.token: is missing; set DISCORD_TOKEN, or discord.token_file to a file that holds it")
    if not chosen.discord.guild_id:
        raise OperatorError("discord.guild_id: is 0; set it to the id of your server (`doctor` says what else is missing)")
    asyncio.run(serve(chosen, folder=Path("var")))
    return 0


async def serve(
    chosen: Settings,
    *,
    folder: Path,
    engine: EngineSettings | None = None,
    ready: Callable[[Opened], Awaitable[None]] | None = None,
) -> None:
    """Open a desk and serve until SIGINT, SIGTERM or a task that cannot go on."""
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with AsyncExitStack() as stack:
        opened = await open_desk(chosen, stack, folder, engine)
        gc.freeze()  # what is open now stays; a full collection would stop the desk for a tenth of a second to look at it
        gc.enable()
        assert chosen.token is not None
        if chosen.discord.loopback:
            _redirect(chosen.discord.loopback)
        tasks = (
            opened.notifier.run(),
            opened.approvals.run(),
            client.supervise(opened.desk, chosen.token),
            opened.heart.run(),
        )
        try:
            await _together(tasks, ready and ready(opened), stop)
        except BaseExceptionGroup as group:
            sentence = _sentence(group)
            if sentence is None:
                raise
            raise sentence from group


async def _together(work: Iterable[Coroutine[None, None, None]], ready: Awaitable[None] | None, stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        if ready is not None:
            await ready
        await stop.wait()
        LOG.info("Stopping")
        for task in tasks:
            task.cancel()


def _sentence(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """What the operator must mend, when a task ended for that."""
    found: BaseException | None = group.subgroup(OperatorError)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _redirect(address: str) -> None:
    from bot.sandbox.redirect import redirect_discord  # noqa: PLC0415 - only where a loopback Discord is named

    redirect_discord(f"{address}/api/v10", f"{address.replace('http', 'ws', 1)}/gateway")


async def open_desk(chosen: Settings, stack: AsyncExitStack, folder: Path, engine: EngineSettings | None) -> Opened:
    """Open everything in order; the stack closes it."""
    at = failpoint(os.environ)
    journal = await _journal(chosen, stack, at)
    await journal.take_lease(f"pid {os.getpid()}", SystemClock().now())
    clock = _clock(chosen, folder)
    today = clock.now().date()
    sessions = calendar(min(today, _first_day(chosen)), today)
    market = await asyncio.to_thread(chosen.feed.open, clock, sessions)
    decided = engine or chosen.engine
    around = surroundings(clock, market, sessions)
    broker = await _paper(chosen).open(decided.account, decided.start_cash, folder / "paper.jsonl", around)
    stack.push_async_callback(broker.close)
    served: list[Approvals] = []

    async def posted(card: Posted) -> None:
        await served[0].posted(card)

    notifier = DiscordNotifier(Outlet(journal, clock, chosen.discord.channels, draw, at, posted))
    adapters = Adapters(clock, market, broker, journal, notifier, sessions)
    desk_engine = build_engine(chosen, adapters, engine=decided, at=at)
    await street.morning(broker, market.actions(today), await market.view())
    stack.push_async_callback(desk_engine.rest)
    await desk_engine.start()
    access = Access(chosen.discord)
    approvals = Approvals(desk_engine, access)
    served.append(approvals)
    jobs = Jobs(desk_engine, {post.name: post for post in chosen.posts}, clock.now() - LOOK_BACK)
    desk = client.Desk(desk_engine, access, approvals, notifier, SystemClock(), 0.0 if chosen.discord.loopback else 5.0)
    heart = Heart(desk_engine, jobs, broker, market.actions, chosen.demo)
    return Opened(chosen, clock, desk_engine, market, broker, notifier, approvals, desk, heart)


async def _journal(chosen: Settings, stack: AsyncExitStack, at: Callable[[str], None]) -> SqlJournal:
    if not chosen.database and not chosen.journal.url:
        chosen.journal.path.parent.mkdir(parents=True, exist_ok=True)
    journal = await open_journal(chosen.database_url, at=at)
    stack.push_async_callback(journal.close)
    return journal


def _clock(chosen: Settings, folder: Path) -> Clock:
    """The simulated market has its own time; any other market has the machine's."""
    if not isinstance(chosen.feed, SimulatedSettings):
        return SystemClock()
    begin = datetime.combine(chosen.feed.start, time(8, 28), NEW_YORK).astimezone(UTC)
    return SimulatedClock(folder / "clock.json", begin)


def _first_day(chosen: Settings) -> date:
    """The earliest day that the calendar must reach back to, warm-up left aside."""
    return chosen.feed.start if isinstance(chosen.feed, SimulatedSettings) else date(2020, 1, 2)


def _paper(chosen: Settings) -> PaperSettings:
    if not isinstance(chosen.broker, PaperSettings):
        raise OperatorError(f"broker.name: {chosen.broker.name} is not supported in this version; use paper")
    return chosen.broker
