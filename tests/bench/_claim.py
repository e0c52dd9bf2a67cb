"""From the claim to the first byte at the broker, beside what two durable appends cost on the same disk in the same run."""

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from core.model.orders import Report
from core.model.proposals import ApprovedOrder
from core.strategies.atr_matrix import AtrMatrix
from tests.bench._reactions import bare, leaders
from tests.bench.report import Row, percentile, progress
from tests.engine.rig import Desk, desk

CARDS = 20


@dataclass(slots=True)
class Wire:
    """A broker behind a loopback socket: each submit is written there first, and the far end notes its first byte."""

    inner: Any
    port: int
    arrived: list[float] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def submit(self, order: ApprovedOrder) -> Report:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(repr(order).encode())
        await writer.drain()
        await reader.readexactly(1)
        writer.close()
        report: Report = await self.inner.submit(order)
        return report

    async def far_end(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        self.arrived.append(perf_counter())
        writer.write(b".")
        writer.close()


@dataclass(slots=True)
class Marked:
    """The journal; notes when each claim begins."""

    inner: Any
    begun: list[float] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def claim(self, *arguments: Any) -> None:
        self.begun.append(perf_counter())
        await self.inner.claim(*arguments)


async def _measure(desks: int) -> tuple[list[float], list[float]]:
    """Milliseconds from claim to first byte, and of two bare appends before each."""
    taken, limits = [], []
    for seed in range(desks):
        with tempfile.TemporaryDirectory() as name:
            wires: list[Wire] = []

            def wired(broker: Any, wires: list[Wire] = wires) -> Any:
                wires.append(Wire(broker, 0))
                return wires[0]

            async with desk(Path(name), wrap=wired, risk_per_trade=0.002, max_cards=CARDS) as one:
                server = await asyncio.start_server(wires[0].far_end, "127.0.0.1", 0)
                wires[0].port = server.sockets[0].getsockname()[1]
                marked = Marked(one.engine.journal)
                one.engine.journal = marked
                limits += await _approve_all(one, Path(name), seed)
                server.close()
                taken += [1000 * (last - first) for first, last in zip(marked.begun, wires[0].arrived, strict=True)]
    return taken, limits


async def _approve_all(one: Desk, folder: Path, seed: int) -> list[float]:
    one.market.names = leaders(CARDS, seed)
    one.engine.strategies = {"atr_matrix": AtrMatrix(max_signals=CARDS)}
    await one.engine.start()
    await one.engine.scan()
    one.open_market()
    await one.engine.entries()
    limits = []
    for card in await one.cards():
        assert card.proposal_id is not None
        await one.post(card.proposal_id)
        limits.append(bare(folder))
        await one.react(card.proposal_id)
    return limits


def claim_rows(quick: bool) -> Iterator[Row]:
    """Claim, durable intent, first byte."""
    progress("claim to first byte")
    logging.disable(logging.WARNING)
    taken, limits = asyncio.run(_measure(1 if quick else 5))
    low, high = percentile(taken, 0.5), percentile(taken, 0.99)
    ratio = low / percentile(limits, 0.5)
    beside = f"{len(taken)} claims: p50 {low:.1f} ms, p99 {high:.1f} ms; two bare appends p50 {percentile(limits, 0.5):.2f} ms"
    yield Row.promised("claim, durable intent and first byte, p50 against two durable appends", ratio, "x", "<= 8", beside)
    yield Row.promised("claim, durable intent and first byte, p99", high, "ms", "<= 200", "the promise to the user")
