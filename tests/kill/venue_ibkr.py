"""Interactive Brokers: the real library over TWS's own wire format to a loopback TWS."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from brokers.ibkr import IbkrSettings
from brokers.paper import Surroundings
from core.model.orders import OrderEvent
from core.ports.broker import Broker, Opening
from tests.kill.hand import Now, Ports, Ready, ask, execution, order, read, serve
from tests.kill.kept import ACCOUNT, AtBroker
from tests.kill.world import Road
from tests.kit.ibkr import world
from tests.kit.ibkr.control import Control
from tests.kit.ibkr.server import Tws

EVENTS = {"Filled": OrderEvent.FULL_FILL, "Cancelled": OrderEvent.CANCEL}
CHANCE, HARSH = 0.55, 0.8
SPREAD, SIZE = 0.01, 30
PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class _Hand:
    """See `tests.kill.hand.Held`."""

    tws: Tws
    now: Now

    async def look(self, now: str, prices: Mapping[str, float]) -> None:
        self.now.set(datetime.fromisoformat(now))
        for symbol, price in prices.items():
            Control(self.tws).do("quote", key=symbol, bid=f"{price - SPREAD:.2f}", ask=f"{price + SPREAD:.2f}", size=SIZE)

    async def calm(self) -> None:
        Control(self.tws).do("plan", seed=0, chance=0.0)
        for one in self.tws.world.orders.values():
            one.seen_from = 0.0

    async def truth(self) -> dict[str, Any]:
        books = self.tws.world
        orders = [order(one.ref or None, one.perm, EVENTS.get(one.status)) for one in books.orders.values()]
        executions = [
            execution(
                books.orders[one.perm].ref or None,
                one.exec_id.rpartition(".")[0],
                (0, one.key, one.side == "BOT"),
                (one.shares, Decimal(one.price), Decimal(one.commission)),
            )
            for one in books.executions
            if one.key
        ]
        return {"orders": orders, "executions": executions, "cash": str(books.cash), "held": books.held}


@dataclass(frozen=True, slots=True)
class Ibkr:
    """See `tests.kill.venues.Venue`."""

    name: str = "ibkr"

    def imported(self) -> None:
        importlib.import_module("ib_async")

    def serve(self, road: Road, ready: Ready) -> None:
        asyncio.run(_serve(road, ready))

    @asynccontextmanager
    async def adapter(self, road: Road, ports: Ports, around: Surroundings) -> AsyncIterator[Broker]:
        settings = IbkrSettings(port=ports[0], account=world.ACCOUNT, sent=str(road.folder / "sent"), timeout_seconds=PATIENCE)
        broker = await settings.open(Opening(ACCOUNT, live=False, clock=around.clock, secrets={}))
        yield broker
        await broker.close()

    async def look(self, ports: Ports, now: datetime, prices: Mapping[str, float]) -> None:
        await ask(ports[1], "look", now=now.isoformat(), prices=prices)

    async def calm(self, ports: Ports) -> None:
        await ask(ports[1], "calm")

    async def truth(self, ports: Ports) -> AtBroker:
        return read(await ask(ports[1], "truth"))


async def _serve(road: Road, ready: Ready) -> None:
    now = Now()
    tws = Tws(road.folder / "tws.jsonl", now.now)
    port = await tws.start()
    tws.faults.plan(road.seed, HARSH if road.harsh else CHANCE)
    ready(port, await serve(_Hand(tws, now)))
    await asyncio.Event().wait()


VENUE = Ibkr()
