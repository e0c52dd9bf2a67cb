"""`python -m bot watchdog`: what keeps an eye on the desk from outside of it."""

import asyncio
import os
import signal
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from bot import pager, pulse, settings
from bot.clock import SystemClock
from bot.pulse import Pulse
from bot.redact import set_up
from bot.settings import Settings
from bot.watchdog import Watchdog
from bot.wiring import calendar
from brokers.paper import PaperSettings, Surroundings
from core.engine.halt import OURS
from core.engine.wire import ask
from core.feeds.simulated import SimulatedSettings
from core.journal.journal import open_journal
from core.model.errors import QuantMatrixError
from core.model.instruments import Instrument
from core.model.kill import Level
from core.model.market import Quote, Session
from core.model.signals import Intent
from core.ports.broker import Broker, Opening
from core.ports.clock import Clock
from core.ports.journal import Journal


def watch(config: Path | None) -> int:
    """Watch the desk of a settings file until Ctrl-C or SIGTERM."""
    chosen = _settings(config)
    set_up(chosen.log_level.value, chosen.secrets)
    asyncio.run(_watch(chosen))
    return 0


def _settings(config: Path | None) -> Settings:
    return settings.load("", dict(os.environ)) if config is None else settings.read(config, dict(os.environ))


async def _watch(chosen: Settings) -> None:
    folder, stop = chosen.folder, asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    folder.mkdir(parents=True, exist_ok=True)
    pages = pager.Pages(pager.paths(chosen.pager, chosen.pager_secrets), 60 * chosen.pager.repeat_minutes)
    clock = SystemClock()
    simulated = isinstance(chosen.feed, SimulatedSettings)  # its market has a time of its own, and nobody else fills its orders
    sessions = calendar(clock.now().date(), clock.now().date())

    def in_session(now: datetime, beat: Pulse | None) -> bool:
        if simulated:
            return beat is not None and beat.in_session
        session = sessions.at(now)
        return session is not None and session.holds(now)

    cancel = None if simulated else lambda: cancel_entries(chosen, clock)
    dog = Watchdog(folder, chosen.watchdog, pages, clock, in_session, cancel)
    tasks = [asyncio.ensure_future(work) for work in (dog.run(), pages.run(), stop.wait())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pages.rest()


async def cancel_entries(chosen: Settings, clock: Clock) -> str:
    """Cancel every order at the broker that is ours and opens something, account by account; answers one sentence.

    The desk must not go on where it was: the file KILL lets it reduce only when it comes back.
    """
    pulse.pull(chosen.folder, Level.REDUCE_ONLY, "the watchdog cancelled open entry orders")
    said = []
    for one in (chosen, *chosen.accounts):
        try:
            said.append(f"{one.engine.account}: {await _cancel_one(one, chosen.folder, clock)}")
        except (QuantMatrixError, OSError) as error:
            said.append(f"{one.engine.account}: open entry orders could not be cancelled ({error}); do it at the broker by hand")
    return ". ".join(said)


async def _cancel_one(chosen: Settings, folder: Path, clock: Clock) -> str:
    journal = await open_journal(chosen.database_url)
    try:
        broker = await _open_broker(chosen, folder, clock)
        try:
            keys = await _entries(broker, journal)
            for key in keys:
                await ask(broker.cancel(key))
        finally:
            await broker.close()  # type: ignore[attr-defined]  # every adapter has it; the port does not, the engine never closes one
    finally:
        await journal.close()
    return f"cancelled {', '.join(keys)}" if keys else "no entry order is open at the broker"


async def _entries(broker: Broker, journal: Journal) -> list[str]:
    """Keys of our open orders that open something; one that the journal does not know counts as such."""
    found = []
    for report in await ask(broker.open_orders()):
        if report.key is None or not report.key.startswith(OURS):
            continue
        order = await journal.order(report.key)
        envelope = await journal.envelope(order.envelope_id) if order else None
        if envelope is None or envelope.intent is Intent.OPEN:
            found.append(report.key)
    return found


async def _open_broker(chosen: Settings, folder: Path, clock: Clock) -> Broker:
    """Open the adapter for reading and cancelling; a paper ledger gets no quotes, so nothing trades meanwhile."""
    account = chosen.engine.account
    if not isinstance(chosen.broker, PaperSettings):
        opened: Broker = await chosen.broker.open(Opening(account, chosen.live, clock, chosen.broker_secrets))
        return opened
    name = "paper.jsonl" if account == "paper" else f"paper-{account}.jsonl"
    return await chosen.broker.open(account, chosen.engine.start_cash, folder / name, Surroundings(clock, _no_quotes, _no_session))


async def _no_quotes(_instruments: Collection[Instrument]) -> Mapping[str, Quote]:
    return {}


def _no_session(_instant: datetime) -> Session | None:
    return None
