"""The parties of the road, each a process of its own: a loopback Discord, a paper ledger, and the desk that is killed."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.sandbox.actors import Control, connect
from bot.wiring import FAILPOINT
from brokers.paper.remote import RemoteLine
from core.model.notes import Topic

ROOT = Path(__file__).parents[2]
#: A session that ends at 13:00, with four signals from the completed bar before it.
MARKET = {"name": "simulated", "seed": 5, "symbols": 60, "start": "2026-11-27"}
SPEED = 3000
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Script:
    """What is out of the ordinary in one run: settings of the engine, extra arguments of the ledger."""

    engine: Mapping[str, object] = field(default_factory=dict)
    ledger: tuple[str, ...] = ()


@dataclass(slots=True)
class Stage:
    """Everything that is up. The desk comes and goes; the others stay."""

    folder: Path
    addresses: Mapping[str, Any]
    control: Control
    ledger: RemoteLine
    desk: Process | None = None
    lives: int = 0

    @property
    def database(self) -> Path:
        """The journal of the desk."""
        return self.folder / "journal.db"

    async def start(self, failpoint: str = "") -> None:
        """Bring the desk up; with a failpoint it kills itself there."""
        self.lives += 1
        environment = _environment() | {"DISCORD_TOKEN": str(self.addresses["token"]), FAILPOINT: failpoint}
        command = (sys.executable, "-m", "bot", "run", "--config", "config.yaml")
        with (self.folder / f"desk-{self.lives}.log").open("wb") as log:
            self.desk = await asyncio.create_subprocess_exec(
                *command, cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    async def stop(self) -> int:
        """Let the desk end in good order; answers its exit status."""
        assert self.desk is not None
        self.desk.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            return await self.desk.wait()

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.desk is not None and self.desk.returncode is None:
            self.desk.kill()

    def logs(self) -> str:
        """The last lines that each life of the desk wrote."""
        return "\n".join(
            f"--- life {life}\n" + "\n".join((self.folder / f"desk-{life}.log").read_text().splitlines()[-12:])
            for life in range(1, self.lives + 1)
        )


def _environment() -> dict[str, str]:
    """The parent's, with a place where compiled modules are kept so that only the first life compiles."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(ROOT)}


@asynccontextmanager
async def raised(folder: Path, script: Script | None = None) -> AsyncIterator[Stage]:
    """Start the loopback Discord and the ledger, and write the settings of the desk."""
    script = script or Script()
    async with AsyncExitStack() as stack:
        discord, ledger = await asyncio.gather(
            _party(stack, folder, "bot.sandbox", "--world", "world.jsonl"),
            _party(stack, folder, "brokers.paper", "--ledger", "paper.jsonl", *script.ledger),
        )
        address = f"127.0.0.1:{ledger['port']}"
        (folder / "config.yaml").write_text(yaml.safe_dump(_settings(discord, address, script.engine)))
        control = await stack.enter_async_context(connect(discord["control_url"], discord["control_token"]))
        stage = Stage(folder, discord, control, RemoteLine.to(address))
        stack.callback(stage.kill)
        yield stage


async def _party(stack: AsyncExitStack, folder: Path, module: str, *arguments: str) -> dict[str, Any]:
    """Start one party; its first line of output says where it is."""
    with (folder / f"{module}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments, cwd=folder, env=_environment(), stdout=PIPE, stderr=log
        )
    stack.push_async_callback(_end, process)
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        line = await process.stdout.readline()
    told: dict[str, Any] = json.loads(line)
    return told


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


def _settings(discord: Mapping[str, Any], ledger: str, engine: Mapping[str, object]) -> dict[str, object]:
    channels = {topic.value: discord["channels"][topic.value.replace("_", "-")] for topic in Topic}
    return {
        "discord": {
            "guild_id": discord["guild_id"],
            "channels": channels,
            "approvers": [{"name": "owner", "user_ids": [discord["users"]["owner"]]}],
            "approver_role": discord["roles"]["approver"],
            "loopback": discord["page_url"].rstrip("/"),
        },
        "engine": {"expression": "stock", "max_cards": 3, "walk": [1.0], "charts": False, "card_seconds": 600, **engine},
        "feed": MARKET,
        "broker": {"name": "paper", "address": ledger},
        "journal": {"path": "journal.db"},
        "demo": {"speed": SPEED},
    }
