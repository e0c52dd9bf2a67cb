"""The loopback TWS in its own process, killed and begun again from its ledger."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from brokers.ibkr import FLEX_TOKEN, IbkrBroker, IbkrSettings
from core.model.errors import OutcomeUnknownError, RetryError
from core.model.orders import OrderEvent
from core.model.secrets import Secret
from core.ports.broker import Opening
from tests.brokers.bench import LEAD, LONG_AGO, HandClock, approved
from tests.kit.ibkr.flexible import QUERY, TOKEN
from tests.kit.ibkr.ledger import rows
from tests.kit.ibkr.world import ACCOUNT


class Apart:
    """A loopback TWS in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.ports: dict[str, Any] = {"port": 0, "control": 0, "flex": 0}
        self.process: subprocess.Popen[str] | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "tests.kit.ibkr", "--ledger", str(self.folder / "tws.jsonl")]
        command += ["--port", str(self.ports["port"]), "--control", str(self.ports["control"])]
        command += ["--flex", str(self.ports["flex"]).rpartition(":")[2], "--instant", self.clock.now().isoformat()]
        self.process = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ports = json.loads(await asyncio.to_thread(self.process.stdout.readline))
        await self.do("quote", key=LEAD.key, bid="99.99", ask="100.01")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    async def do(self, command: str, **values: Any) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["control"])
        writer.write(json.dumps({"do": command, **values}).encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        return answer

    async def open(self) -> IbkrBroker:
        settings = IbkrSettings(
            port=self.ports["port"],
            account=ACCOUNT,
            sent=str(self.folder / "sent"),
            timeout_seconds=2.0,
            flex_query=QUERY,
            flex_url=self.ports["flex"],
        )
        return await settings.open(Opening("desk", live=False, clock=self.clock, secrets={FLEX_TOKEN: Secret(TOKEN)}))


@pytest.fixture
async def apart(tmp_path: Path) -> AsyncIterator[Apart]:
    made = Apart(tmp_path)
    await made.start()
    yield made
    made.kill()


async def test_a_tws_that_is_killed_comes_back_with_everything_it_had_taken(apart: Apart) -> None:
    broker = await apart.open()
    await broker.submit(approved("-100.05"))
    await broker.submit(approved("-99.00", name="two"))
    await apart.do("fault", on="place", what="cut after")
    with pytest.raises(OutcomeUnknownError):
        await broker.submit(approved("-98.00", name="three"))
    await broker.find("qm1-one-1")
    before = [(row.key, row.event, row.leg_filled, row.fills) for row in await broker.reports(LONG_AGO)]
    apart.kill()
    with pytest.raises(RetryError):
        await broker.positions()
    await apart.start()
    apart.clock.turn(6)
    assert [(row.key, row.event, row.leg_filled, row.fills) for row in await broker.reports(LONG_AGO)] == before
    assert {key for key, *_ in before} == {"qm1-one-1", "qm1-two-1", "qm1-three-1"}
    assert (await broker.cancel("qm1-three-1")).event is OrderEvent.CANCEL
    assert await broker.positions() == {"LEAD": 10}
    assert await broker.transactions(LONG_AGO) == ()
    await broker.close()
    taken = [row["ref"] for row in rows(apart.folder / "tws.jsonl") if row["kind"] == "order"]
    assert taken == ["qm1-one-1", "qm1-two-1", "qm1-three-1"]


async def test_importing_the_adapter_does_not_import_the_library() -> None:
    words = "import sys, brokers.ibkr; print('ib_async' in sys.modules, 'aiohttp' in sys.modules, 'eventkit' in sys.modules)"
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3
