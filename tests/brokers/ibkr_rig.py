"""An Interactive Brokers account on a loopback TWS in this process, reached with the real library over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from brokers.ibkr import FLEX_TOKEN, IbkrBroker, IbkrSettings
from core.model.secrets import Secret
from core.ports.broker import Opening
from tests.brokers.bench import LEAD, HandClock
from tests.kit.ibkr.control import Control
from tests.kit.ibkr.flexible import TOKEN, Flexible
from tests.kit.ibkr.server import Tws
from tests.kit.ibkr.world import ACCOUNT


class IbkrRig:
    """Loopback and adapter; the clock of both is turned by hand."""

    broker: IbkrBroker
    tws: Tws
    broker_client = IbkrSettings().client_id

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.settings = {
            "account": ACCOUNT,
            "timeout_seconds": 2.0,
            "answer_seconds": 0.3,
            "sent": str(folder / "sent"),
            **settings,
        }

    def do(self, command: str, **values: Any) -> Any:
        return Control(self.tws).do(command, **values)

    def hide(self, ref: str, seconds: float) -> None:
        self.tws.world.by_ref(ref).seen_from = asyncio.get_running_loop().time() + seconds

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def start(self) -> None:
        self.tws = Tws(self.folder / "tws.jsonl", self.clock.now)
        self.settings["port"] = await self.tws.start()
        self.flex = Flexible(self.tws)
        self.settings["flex_url"] = await self.flex.start()
        self.do("quote", key=LEAD.key, bid="99.99", ask="100.01")
        self.broker = await self.open()

    async def open(self, *, live: bool = False, **settings: Any) -> IbkrBroker:
        made = IbkrSettings(**{**self.settings, **settings})
        return await made.open(Opening("desk", live, self.clock, {FLEX_TOKEN: Secret(TOKEN)}))

    async def restart(self) -> None:
        """Our side dies and comes back."""
        await self.broker.close()
        self.broker = await self.open()

    async def restart_tws(self) -> None:
        """The loopback dies and comes back on the same port with what its ledger says."""
        market = self.tws.world.market
        await self.tws.stop()
        self.tws = Tws(self.folder / "tws.jsonl", self.clock.now)
        self.tws.world.market.update(market)
        await self.tws.start(self.settings["port"])

    async def stop(self) -> None:
        await self.broker.close()
        await self.flex.stop()
        await self.tws.stop()


@asynccontextmanager
async def up(folder: Path, **settings: Any) -> AsyncIterator[IbkrRig]:
    """A rig that runs."""
    made = IbkrRig(folder, **settings)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
