"""The paper broker: its ledger in a process of its own, over its own wire."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

from brokers.paper import FillModel, PaperBroker, Surroundings
from brokers.paper.ledger import Ledger, Terms
from brokers.paper.remote import RemoteLine
from core.model.orders import Fill, Report
from core.ports.broker import Account, Broker
from core.quant.fees import FeeSchedule
from tests.kill.hand import Ports, Ready
from tests.kill.kept import ACCOUNT, LONG_AGO, AtBroker
from tests.kill.paper_street import Street
from tests.kill.world import Road, dice

OPENED = datetime(2000, 1, 1, tzinfo=UTC)
MODEL = FillModel(partial=0.3, mid_fill=0.5)
PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Paper:
    """See `tests.kill.venues.Venue`."""

    name: str = "paper"

    def imported(self) -> None:
        """Everything is imported already."""

    def serve(self, road: Road, ready: Ready) -> None:
        asyncio.run(_serve(road, ready))

    @asynccontextmanager
    async def adapter(self, road: Road, ports: Ports, around: Surroundings) -> AsyncIterator[Broker]:
        broker = PaperBroker(RemoteLine("127.0.0.1", ports[0], PATIENCE), around)
        yield broker
        await broker.close()

    async def look(self, ports: Ports, now: datetime, prices: Mapping[str, float]) -> None:
        """The paper ledger sees what the desk shows it."""

    async def calm(self, ports: Ports) -> None:
        await RemoteLine("127.0.0.1", ports[0]).call("calm")

    async def truth(self, ports: Ports) -> AtBroker:
        call = RemoteLine("127.0.0.1", ports[0]).call
        return AtBroker(
            reports=cast("Sequence[Report]", await call("reports", LONG_AGO)),
            fills=cast("Sequence[Fill]", await call("fills", LONG_AGO)),
            account=cast("Account", await call("account", LONG_AGO)),
            held=cast("Mapping[str, int]", await call("positions")),
        )


async def _serve(road: Road, ready: Ready) -> None:
    terms = Terms(ACCOUNT, Decimal(100_000), MODEL, FeeSchedule())
    street = Street(Ledger.open(terms, road.folder / "paper.jsonl", OPENED), dice(road.seed, "street"), harsh=road.harsh)
    server = await asyncio.start_server(street.serve, "127.0.0.1", 0)
    ready(server.sockets[0].getsockname()[1], 0)
    await server.serve_forever()


VENUE = Paper()
