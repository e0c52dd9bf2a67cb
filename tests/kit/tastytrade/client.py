"""Reaching a loopback broker in its own process: starting it, and its hand inside."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

ROOT = Path(__file__).parents[3]


@dataclass(slots=True)
class Distant:
    """A loopback broker in another process."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def act(self, do: str, **asked: Any) -> Any:
        """One verb of `control`."""
        async with ClientSession() as session, session.post(f"{self.url}/control", json={"do": do, **asked}) as answer:
            told = await answer.json()
        if "error" in told:
            raise ValueError(told["error"])
        return told["answer"]

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process.returncode is None:
            self.process.kill()


@asynccontextmanager
async def raised(ledger: Path, *arguments: str) -> AsyncIterator[Distant]:
    """Start one; it is killed at the end."""
    command = ("-m", "tests.kit.tastytrade", "--ledger", str(ledger), *arguments)
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=PIPE)
    assert process.stdout is not None
    distant = Distant(process, 0)
    try:
        async with asyncio.timeout(30):
            distant.port = json.loads(await process.stdout.readline())["port"]
        yield distant
    finally:
        distant.kill()
        await process.communicate()
