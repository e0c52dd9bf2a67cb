"""Days of trouble from a seed: most answers go wrong, the adapter dies now and then, and the broker's own ledger judges."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.model.errors import OutcomeUnknownError, QuantMatrixError, RefusedError, RetryError
from core.model.orders import OrderEvent
from tests.brokers.bench import BUY_LEAD, LEAD, LONG_AGO, approved
from tests.brokers.bench_tastytrade import TastytradeBench, outside

#: What goes wrong, and with what probability for each request.
TROUBLE: list[dict[str, Any]] = [
    {"on": "submit", "kind": "lose", "after": True, "chance": 0.10},
    {"on": "submit", "kind": "lose", "after": False, "chance": 0.10},
    {"on": "submit", "kind": "status", "status": 503, "after": True, "chance": 0.05},
    {"on": "submit", "kind": "status", "status": 422, "after": False, "chance": 0.05},
    {"on": "submit", "kind": "truncated", "chance": 0.05},
    {"on": "submit", "kind": "html", "after": False, "chance": 0.05},
    {"on": "cancel", "kind": "lose", "after": True, "chance": 0.15},
    {"on": "cancel", "kind": "lose", "after": False, "chance": 0.15},
    {"on": "cancel", "kind": "status", "status": 500, "after": True, "chance": 0.10},
    {"on": "read", "kind": "lose", "chance": 0.10},
    {"on": "read", "kind": "truncated", "chance": 0.05},
    {"on": "read", "kind": "status", "status": 502, "chance": 0.05},
    {"on": "read", "kind": "patch", "patch": {"status": "Teleported"}, "chance": 0.05},
    {"on": "token", "kind": "lose", "chance": 0.2},
]


@dataclass
class Day:
    """One day at the desk, and what the adapter answered about each order."""

    bench: TastytradeBench
    draw: random.Random
    sent: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)

    async def submit(self) -> None:
        order = approved(self.draw.choice(["-100.05", "-99.00", "-98.00"]), self.draw.randint(1, 20), number=len(self.sent) + 1)
        self.sent.append(order.key)
        try:
            await self.bench.broker.submit(order)
            self.accepted.add(order.key)
        except RefusedError:
            self.refused.add(order.key)
        except OutcomeUnknownError:
            self.unknown.add(order.key)

    async def cancel(self) -> None:
        if not self.sent:
            return
        key = self.draw.choice(self.sent)
        try:
            if (await self.bench.broker.cancel(key)).event is OrderEvent.CANCEL:
                self.cancelled.add(key)
        except QuantMatrixError:
            return

    async def look(self) -> None:
        """What was found is at the broker; a failed look says nothing."""
        if not self.sent:
            return
        key = self.draw.choice(self.sent)
        try:
            report = await self.bench.broker.find(key)
        except RetryError:
            return
        taken = Counter(await self.bench.taken())
        assert (report is not None) is (taken[key] > 0)

    async def market(self) -> None:
        price = self.draw.choice([97.90, 98.50, 99.50, 100.00])
        await self.bench.show(LEAD, f"{price - 0.02:.2f}", f"{price:.2f}", self.draw.randint(1, 30))

    async def stranger(self) -> None:
        await self.bench.loopback.act("place", body=outside(BUY_LEAD, 1, "-101.00"))

    async def die(self) -> None:
        await self.bench.broker.close()
        while True:
            try:
                self.bench.broker = await self.bench.open()
            except RetryError:
                await self.bench.turn(60)
            else:
                return

    async def live(self, steps: int) -> None:
        deeds = [self.submit] * 5 + [self.cancel] * 2 + [self.look] * 3 + [self.market] * 3 + [self.stranger, self.die]
        for _ in range(steps):
            await self.draw.choice(deeds)()
            await self.bench.turn(self.draw.choice([0.1, 1.0, 20.0]))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TastytradeBench]:
    made = TastytradeBench(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize("seed", range(4))
async def test_days_of_trouble_duplicate_nothing_lose_nothing_and_refuse_nothing_that_was_taken(
    bench: TastytradeBench, seed: int
) -> None:
    await bench.loopback.act("plan", rules=[{"times": 10_000, **rule} for rule in TROUBLE], seed=seed)
    day = Day(bench, random.Random(seed))
    await day.live(120)
    doubtful = len(day.unknown) / len(day.sent)
    await bench.loopback.act("plan", rules=[])
    await bench.turn(100)
    await day.die()
    taken = Counter(key for key in await bench.taken() if key)
    assert doubtful >= 0.15, "the day was too easy"
    assert set(taken.values()) <= {1}, "an order was sent twice"
    assert day.accepted <= set(taken) <= day.accepted | day.unknown
    assert not day.refused & set(taken), "an order that the broker took was called refused"
    for key in day.sent:
        report = await bench.broker.find(key)
        assert (report is not None) is (key in taken)
        assert report is None or key not in day.cancelled or report.event is OrderEvent.CANCEL
    await agree(bench)


async def agree(bench: TastytradeBench) -> None:
    """Executions, positions and cash as the adapter reads them are those of the ledger."""
    rows = [(line["id"], row) for line in await bench.loopback.act("ledger") if line["do"] == "fill" for row in line["fills"]]
    fills = await bench.broker.fills(LONG_AGO)
    assert {fill.exec_id: (fill.quantity, str(fill.price)) for fill in fills} == {
        row["exec"]: (row["quantity"], row["price"]) for _, row in rows
    }
    assert len(fills) == len(rows)
    assert sum(fill.quantity for fill in fills) == (await bench.broker.positions()).get("LEAD", 0)
    assert (await bench.broker.account()).cash == bench.loopback.desk.books.cash
    assert {report.broker_order_id for report in await bench.broker.reports(LONG_AGO)} == {
        str(order["id"]) for order in await bench.loopback.act("orders")
    }
