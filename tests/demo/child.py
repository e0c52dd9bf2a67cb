"""`python -m bot demo` as a process of its own, and the hands and eyes of the people at its page."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import yaml

from bot.sandbox.actors import Actor, Control, connect

ROOT = Path(__file__).parents[2]
#: A session that ends at 13:00, with four signals from the completed bar before it.
MARKET: Mapping[str, object] = {"name": "simulated", "seed": 5, "symbols": 60, "start": "2026-11-27"}
#: Generous: how long a loaded machine may take for what takes a second on an idle one.
PATIENCE = 60.0
#: Ctrl-C is answered within a few seconds; a loaded machine gets more.
GOODBYE = 15.0
JSON = dict[str, Any]
T = TypeVar("T")


def settings(folder: Path, *, speed: float = 1_500.0, port: int = 0, sessions: int = 60) -> Path:
    """Write the settings of a demo that keeps everything in the folder; a card lives longer than any pause of the machine."""
    file = folder / "config.yaml"
    tree = {
        "feed": dict(MARKET),
        "strategies": {"atr_matrix": {"max_sessions": sessions}},
        "demo": {"folder": "demo", "speed": speed, "card_seconds": 600, "port": port},
    }
    file.write_text(yaml.safe_dump(tree))
    return file


@dataclass(slots=True)
class Demo:
    """One life of the demo."""

    folder: Path
    process: Process
    line: str
    address: str
    control: Control

    def user(self, who: str) -> Actor:
        """One of the people."""
        return self.control.user(who)

    async def stop(self) -> tuple[int, str, str]:
        """Press Ctrl-C; answers the exit status, the rest of the output, and the errors."""
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(GOODBYE):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()

    async def online(self) -> None:
        """Wait until the bot answers."""

        async def there() -> bool | None:
            return (await self.user("stranger").slash("status show")).state == "answered" or None

        await until(there, "an answer of the bot")

    async def posted(self, channel: str, words: str, count: int = 1) -> list[JSON]:
        """Wait until so many messages of a channel hold the words in their title or text; oldest first."""

        async def there() -> list[JSON] | None:
            found = [message for message in await self.user("owner").see(channel) if words in text(message)]
            return found if len(found) >= count else None

        return await until(there, f"{words!r} in #{channel}")

    async def cards(self) -> list[JSON]:
        """Wait until a card with both reactions and both buttons is open; all of them, oldest first."""

        async def there() -> list[JSON] | None:
            seen = await self.user("owner").see("trades")
            found = [message for message in seen if message["components"] and len(message.get("reactions", ())) == 2]
            return found or None

        return await until(there, "an open card in #trades")

    async def audited(self, action: str) -> list[str]:
        """Wait for audit rows of an action; their bodies."""

        async def there() -> list[str] | None:
            return [row[0] for row in self.asked("SELECT body FROM audit WHERE action = ?", action)] or None

        return await until(there, f"an audit row {action!r}")

    def asked(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the journal, as another process does."""
        with closing(sqlite3.connect(f"file:{self.folder}/demo/journal.db?mode=ro", uri=True)) as journal:
            return journal.execute(question, values).fetchall()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Demo]:
    """Start a demo and wait for its line; whatever happens, it does not outlive this."""
    async with AsyncExitStack() as stack:
        process = await spawn(folder, "demo", "--config", "config.yaml")
        stack.push_async_callback(_end, process)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, f"the demo said {line!r} and {await _last_words(process)!r}"
        control = await stack.enter_async_context(connect(f"{found[0]}_control", await _control_token(found[0])))
        yield Demo(folder, process, line, found[0], control)


async def spawn(folder: Path, *arguments: str, **environment: str) -> Process:
    """`python -m bot …` with the folder as its working directory."""
    around = {name: value for name, value in os.environ.items() if name not in {"DISCORD_TOKEN", "PYTHONDONTWRITEBYTECODE"}}
    command = (sys.executable, "-m", "bot", *arguments)
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**around, "PYTHONPATH": str(ROOT), **environment},
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )


async def said(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command to its end; answers exit status, output and errors."""
    process = await spawn(folder, *arguments, **environment)
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    finally:
        await _end(process)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def _last_words(process: Process) -> str:
    assert process.stderr is not None
    await _end(process)
    return (await process.stderr.read()).decode()


async def _control_token(address: str) -> str:
    """The page carries the token with which it acts for people."""
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        found = re.search(r'name="control-token" content="([^"]+)"', await answer.text())
    assert found
    return found[1]


async def until(ask: Callable[[], Awaitable[T | None]], what: str) -> T:
    """Ask until there is an answer."""
    try:
        async with asyncio.timeout(PATIENCE):
            while (found := await ask()) is None:  # noqa: ASYNC110 - the thing that is waited for lives in another process
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


def text(message: JSON) -> str:
    """Everything that a message says."""
    said_so = [message["content"]]
    for embed in message["embeds"]:
        said_so += [embed.get("title", ""), embed.get("description", "")]
        said_so += [f"{field['name']}: {field['value']}" for field in embed.get("fields", ())]
        said_so.append(embed.get("footer", {}).get("text", ""))
    return "\n".join(said_so)


def note_ids(messages: list[JSON]) -> list[str]:
    """Ids of the notes that the messages tell, from their footers."""
    return re.findall(r"(?:^| · )note (\S+)", json.dumps([text(message) for message in messages]))
