"""`python -m bot halt`: stop the desk from the shell, whether it runs or not."""

import asyncio
import getpass
import os
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

from bot import pulse, settings
from bot.clock import SystemClock
from bot.settings import Settings
from core.journal.journal import SqlJournal, open_journal
from core.model.errors import AlreadyRunningError
from core.model.kill import Level
from core.ports.journal import Kill

#: How long the shell waits for a running desk to take an order, and what people call the levels there.
TAKEN = timedelta(seconds=5)
LEVELS = {"reduce": Level.REDUCE_ONLY, "halt": Level.HALT, "cancel": Level.CANCEL_ALL}


def halt(config: Path | None, level: str, reason: str) -> int:
    """Stop the desk from the shell, whether it runs or not; answers 0 when it is durably stopped."""
    chosen = settings.load("", dict(os.environ)) if config is None else settings.read(config, dict(os.environ))
    said, stopped = asyncio.run(_halt(chosen, LEVELS[level], f"{getpass.getuser()}: {reason}"))
    print(said)  # noqa: T201 - the answer
    return 0 if stopped else 1


async def _halt(chosen: Settings, level: Level, reason: str) -> tuple[str, bool]:
    folder = chosen.folder
    file = pulse.pull(folder, level, reason)
    accounts = (chosen, *chosen.accounts)
    if any(one.database is None and not one.journal.url and not one.journal.path.exists() for one in accounts):
        return f"There is no journal yet; {file} stands, so the desk will stop as soon as it starts.", True
    journals = [await open_journal(one.database_url) for one in accounts]
    try:
        return await _written(journals, Kill(level, "shell", reason, SystemClock().now()), file)
    except AlreadyRunningError:
        return await _accepted(file, level)
    finally:
        for journal in journals:
            await journal.close()


async def _written(journals: Collection[SqlJournal], kill: Kill, file: Path) -> tuple[str, bool]:
    """No desk runs: write it into the journals ourselves.

    Raises
    ------
    AlreadyRunningError
        One does.
    """
    for journal in journals:
        await journal.take_lease(f"halt {os.getpid()}", kill.at)
    for journal in journals:
        await journal.set_kill(kill)
    await asyncio.to_thread(file.unlink, missing_ok=True)
    return f"The desk does not run. Its journal says {Level(kill.level).words}, so it will start like that.", True


async def _accepted(file: Path, level: Level) -> tuple[str, bool]:
    """The desk runs: it takes the file away when its journal knows."""
    clock, stands = SystemClock(), pulse.exists(file)
    until = clock.now() + TAKEN
    while clock.now() < until:
        if not stands():
            return f"The desk runs and has stopped: {level.words}.", True
        await clock.sleep(0.05)
    return f"The desk runs but did not answer; while {file} stands it sends nothing. Look at the process.", False
