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
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from bot import client, reference, settings
from bot.access import Access
from bot.app_branch import Ground, open_branch, open_journal_of
from bot.app_kit import Kit, open_kit
from bot.clock import SimulatedClock, SystemClock
from bot.hardening import forget, harden
from bot.heart import Heart
from bot.jobs import Jobs
from bot.redact import catch_all, set_up
from bot.settings import Settings
from bot.wiring import calendar, failpoint
from brokers.paper import PaperBroker
from core.engine.settings import EngineSettings
from core.feeds.simulated import SimulatedSettings
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
    desk: client.Desk
    heart: Heart
    kit: Kit


def run(config: Path) -> int:
    """Serve with the settings of a file until Ctrl-C or SIGTERM.

    Raises
    ------
    OperatorError
        Settings, journal, feed, broker or Discord need the operator.
    """
    chosen = settings.read(config, dict(os.environ))
    set_up(chosen.log_level.value, chosen.secrets)
    catch_all()
    harden()
    forget(os.environ, chosen.secrets)
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
        opened.kit.listen()
        tasks = [client.supervise(opened.desk, chosen.token), opened.heart.run(), *opened.kit.tasks(opened.desk)]
        for branch in opened.desk.branches:
            tasks += [branch.notifier.run(), branch.approvals.run()]
        clock, server = opened.desk.engine.clock, chosen.engine.gate.time_server
        if server and isinstance(clock, SystemClock):
            tasks.append(reference.watch(clock, server, [branch.engine.books.skew for branch in opened.desk.branches]))
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
    """Open everything in order, account after account; the stack closes it."""
    at = failpoint(os.environ)
    every = (chosen, *chosen.accounts)
    journals = [await open_journal_of(one, stack, at) for one in every]
    kit = await open_kit(chosen, stack)
    clock = _clock(chosen, folder)
    today = clock.now().date()
    sessions = calendar(min(today, _first_day(chosen)), today)
    market = await asyncio.to_thread(chosen.feed.open, clock, sessions)
    access = Access(chosen.discord)
    ground = Ground(clock, market, sessions, access, folder, at, kit.equip)
    branches, hearts = [], []
    for one, journal in zip(every, journals, strict=True):
        decided = engine if engine is not None and one is chosen else one.engine
        label = decided.account if chosen.accounts else ""
        branch, broker = await open_branch(one, decided, journal, ground, stack, label=label)
        branches.append(branch)
        jobs = Jobs(branch.engine, {post.name: post for post in one.posts}, clock.now() - LOOK_BACK)
        paper = broker if isinstance(broker, PaperBroker) else None
        hearts.append(Heart(branch.engine, jobs, paper, market.actions, chosen.demo, paces=one is chosen))
    patience = 0.0 if chosen.discord.loopback else 5.0
    desk = client.Desk(tuple(branches), access, SystemClock(), patience)
    return Opened(chosen, desk, replace(hearts[0], more=tuple(hearts[1:]), beaten=kit.beat), kit)


def _clock(chosen: Settings, folder: Path) -> Clock:
    """The simulated market has its own time; any other market has the machine's."""
    if not isinstance(chosen.feed, SimulatedSettings):
        return SystemClock()
    begin = datetime.combine(chosen.feed.start, time(8, 28), NEW_YORK).astimezone(UTC)
    return SimulatedClock(folder / "clock.json", begin)


def _first_day(chosen: Settings) -> date:
    """The earliest day that the calendar must reach back to, warm-up left aside."""
    return chosen.feed.start if isinstance(chosen.feed, SimulatedSettings) else date(2020, 1, 2)
