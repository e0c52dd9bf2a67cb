"""`python -m bot demo`: the whole desk on a simulated market, beside a loopback Discord with a page. No account, no token."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from bot import settings
from bot.app import Opened, serve
from bot.clock import SystemClock
from bot.redact import set_up
from bot.sandbox.redirect import redirect_discord
from bot.sandbox.server import Sandbox
from bot.sandbox.server import Settings as SandboxSettings
from bot.settings import JournalSettings, Settings
from bot.settings_discord import Channels, DiscordSettings, Person
from bot.settings_secret import Secret
from core.engine.settings import Tiers
from core.journal.lease import FileLock
from core.model.errors import AlreadyRunningError, OperatorError
from core.model.notes import Topic

#: The simulated market is worth no patience: two steps of the walk.
QUICK = (0.5, 1.0)


def demo(config: Path | None, *, fresh: bool) -> int:
    """Run the demo until Ctrl-C.

    Raises
    ------
    AlreadyRunningError
        Another demo runs in the folder; nothing of it is touched.
    OperatorError
        The folder or the port cannot be used.
    """
    chosen = settings.load("", {}) if config is None else settings.read(config, {})
    if chosen.feed.name != "simulated":
        raise OperatorError(f"feed.name: the demo runs on the simulated market, not on {chosen.feed.name}; use `run` for that")
    folder = chosen.demo.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder)
    try:
        lock.take()
    except AlreadyRunningError:
        raise AlreadyRunningError(f"another demo runs in {folder}; stop it first, or name another demo.folder") from None
    try:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        set_up(chosen.log_level.value, (), folder / "desk.log")
        asyncio.run(_demo(chosen))
    finally:
        lock.drop()
    return 0


async def _demo(chosen: Settings) -> None:
    folder = chosen.demo.folder
    async with AsyncExitStack() as stack:
        sandbox = Sandbox(SandboxSettings(world=folder / "chat.jsonl", port=chosen.demo.port), SystemClock())
        await sandbox.start()
        stack.push_async_callback(sandbox.stop)
        redirect_discord(sandbox.api_base, sandbox.gateway_url)
        walk = chosen.engine.walk or QUICK
        alone = replace(chosen.engine.approval, tiers=Tiers.OFF)  # one person at the page plays everybody
        engine = replace(chosen.engine, card_seconds=chosen.demo.card_seconds, walk=walk, approval=alone)
        await serve(_with(chosen, sandbox), folder=folder, engine=engine, ready=_announce(sandbox))


def _with(chosen: Settings, sandbox: Sandbox) -> Settings:
    """The demo: ids of the loopback server, the owner and a second person as approvers, everything in the demo folder."""
    channels = Channels(**{topic.value: sandbox.channels[topic.value.replace("_", "-")] for topic in Topic})
    people = tuple(Person(name, (sandbox.users[name],)) for name in ("owner", "approver"))
    discord = DiscordSettings(sandbox.guild_id, channels, people, sandbox.roles["approver"], loopback=sandbox.page_url.rstrip("/"))
    journal = JournalSettings(path=chosen.demo.folder / "journal.db")
    return replace(chosen, discord=discord, journal=journal, token=Secret(sandbox.token), database=None)


def _announce(sandbox: Sandbox) -> Callable[[Opened], Awaitable[None]]:
    async def announce(_opened: Opened) -> None:
        print(f"The desk is open: {sandbox.page_url}  (Ctrl-C stops it, the same command goes on)", flush=True)  # noqa: T201 - the one line of the demo

    return announce
