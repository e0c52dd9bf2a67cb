"""tastytrade: the real SDK over HTTP to the loopback broker, which loses, delays and garbles answers."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from brokers.paper import Surroundings
from brokers.tastytrade import CLIENT_SECRET, REFRESH_TOKEN, TastytradeSettings
from core.model.orders import OrderEvent
from core.model.secrets import Secret
from core.ports.broker import Broker, Opening
from tests.kill.hand import Now, Ports, Ready, ask, execution, order, read, serve
from tests.kill.kept import ACCOUNT, AtBroker
from tests.kill.world import Road
from tests.kit.tastytrade import rest
from tests.kit.tastytrade.server import Loopback

SECRETS = {CLIENT_SECRET: Secret("loopback-client-secret"), REFRESH_TOKEN: Secret("loopback-refresh-token")}
EVENTS = {
    "Filled": OrderEvent.FULL_FILL, "Cancelled": OrderEvent.CANCEL, "Expired": OrderEvent.EXPIRE, "Rejected": OrderEvent.REFUSE,
    "Removed": OrderEvent.REMOVE,
}  # fmt: skip
MANY, HARSH = 10**9, 2.5
#: (request, what happens to it, after it was done, probability, more)
FAULTS: tuple[tuple[str, str, bool, float, Mapping[str, object]], ...] = (
    ("submit", "lose", False, 0.06, {}), ("submit", "lose", True, 0.08, {}), ("submit", "status", True, 0.05, {"status": 502}),
    ("submit", "html", True, 0.03, {}), ("submit", "truncated", True, 0.03, {}), ("submit", "delay", True, 0.05, {"seconds": 0.01}),
    ("cancel", "lose", False, 0.1, {}), ("cancel", "lose", True, 0.1, {}),
    ("read", "lose", False, 0.005, {}), ("read", "delay", True, 0.02, {"seconds": 0.005}), ("read", "html", True, 0.003, {}),
)  # fmt: skip
SPREAD, SIZE = 0.01, 30
PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class _Hand:
    """See `tests.kill.hand.Held`."""

    loopback: Loopback
    now: Now

    async def look(self, now: str, prices: Mapping[str, float]) -> None:
        self.now.set(datetime.fromisoformat(now))
        for symbol, price in prices.items():
            bid, ask_ = f"{price - SPREAD:.2f}", f"{price + SPREAD:.2f}"
            await self.loopback.act("show", symbol=symbol, bid=bid, ask=ask_, size=SIZE)

    async def calm(self) -> None:
        await self.loopback.act("plan", rules=[])

    async def truth(self) -> dict[str, Any]:
        books = self.loopback.desk.books
        executions = [
            execution(one.key, fill.id, (place, part.symbol, part.sign > 0), (fill.quantity, fill.price, fill.fee))
            for one in books.orders.values()
            for place, part in enumerate(one.parts)
            for fill in part.fills
        ]
        orders = [order(one.key, one.id, EVENTS.get(one.status)) for one in books.orders.values()]
        return {"orders": orders, "executions": executions, "cash": str(books.cash), "held": books.positions}


@dataclass(frozen=True, slots=True)
class Tastytrade:
    """See `tests.kill.venues.Venue`."""

    name: str = "tastytrade"

    def imported(self) -> None:
        for module in ("tastytrade", "brokers.tastytrade.tickets"):
            importlib.import_module(module)

    def serve(self, road: Road, ready: Ready) -> None:
        asyncio.run(_serve(road, ready))

    @asynccontextmanager
    async def adapter(self, road: Road, ports: Ports, around: Surroundings) -> AsyncIterator[Broker]:
        settings = TastytradeSettings(account=rest.ACCOUNT, seconds=PATIENCE, loopback=f"http://127.0.0.1:{ports[0]}")
        broker = await settings.open(Opening(ACCOUNT, live=False, clock=around.clock, secrets=SECRETS))
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
    loopback = Loopback(road.folder / "tastytrade.jsonl", now=now.now)
    await loopback.start()
    worse = HARSH if road.harsh else 1.0
    rules = [
        {"on": on, "kind": kind, "after": after, "times": MANY, "chance": chance * (worse if on == "submit" else 1.0), **more}
        for on, kind, after, chance, more in FAULTS
    ]
    await loopback.act("plan", rules=rules, seed=road.seed)
    ready(loopback.port, await serve(_Hand(loopback, now)))
    await asyncio.Event().wait()


VENUE = Tastytrade()
