"""From a reaction to a paper order, over the loopback wire: how long it takes, where the time goes, and what a crowd does to it."""

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

import discord
import numpy as np

from bot.access import Standing
from bot.client import DeskClient
from bot.evidence import Reader
from core.model.market import SymbolView
from core.model.proposals import Evidence
from core.ports.journal import StoredProposal
from core.strategies.atr_matrix import AtrMatrix
from tests.bench.report import Row, percentile, progress
from tests.bot.rig import YES, Office, loopback, office, until
from tests.kit import nouns

#: Cards of one desk: what fits into one session under every rule as shipped.
CARDS = 20
SECTORS = ("Energy", "Industrials", "Technology", "Utilities", "Materials")
#: Names of the stages between the marks of a stopwatch.
STAGES = (
    ("gateway", "start", "seen"),
    ("evidence and W4", "seen", "read"),
    ("quotes and rules", "read", "W5"),
    ("W5 commit", "W5", "W5+"),
    ("dry run", "W5+", "W7"),
    ("W7 commit", "W7", "W7+"),
    ("submit", "W8", "W8+"),
)


@dataclass(slots=True)
class Stopwatch:
    """Remembers when each write point was first passed since the start."""

    marks: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    accepted: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, point: str) -> None:
        self.marks.setdefault(point, perf_counter())
        self.processor.setdefault(point, process_time())
        if point == "W8+":
            self.accepted.set()

    def start(self) -> None:
        self.accepted.clear()
        self.marks, self.processor = {"start": perf_counter()}, {"start": process_time()}

    async def seen(self, event: discord.RawReactionActionEvent) -> None:
        """Listener of the client, beside the desk's own."""
        if event.member is not None and not event.member.bot:
            self.at("seen")

    @property
    def taken(self) -> float:
        """Milliseconds from the start to the accepted order."""
        return self.stage("start", "W8+")[0]

    def stage(self, first: str, last: str) -> tuple[float, float]:
        """Milliseconds between two marks, and how many of them the processor worked for this process."""
        return 1000 * (self.marks[last] - self.marks[first]), 1000 * (self.processor[last] - self.processor[first])


@dataclass(frozen=True, slots=True)
class Timed:
    """The desk's own reader of evidence, with a mark where it is done."""

    reader: Reader
    watch: Stopwatch

    @property
    def me(self) -> int | None:
        return self.reader.me

    async def read(self, stored: StoredProposal, clicked: Standing | None = None) -> Evidence:
        found = await self.reader.read(stored, clicked)
        self.watch.at("read")
        return found


def leaders(count: int, seed: int) -> dict[str, SymbolView]:
    """So many names that pass every gate, with bars of their own and in different sectors."""
    random = np.random.default_rng(seed)
    found = {}
    for number in range(count):
        symbol = f"N{number:02d}"
        closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, 260))[::-1])
        found[symbol] = nouns.symbol_view(symbol, bars=nouns.bars(closes), sector=SECTORS[number % len(SECTORS)])
    return found


@asynccontextmanager
async def cards(folder: Path, count: int, seed: int, watch: Stopwatch) -> AsyncIterator[tuple[Office, list[StoredProposal]]]:
    """A connected desk with so many cards standing in their channel, each with its two reactions."""
    async with (
        loopback(folder / "chat.jsonl") as sandbox,
        office(folder, sandbox, at=watch.at, risk_per_trade=0.002, max_cards=count) as one,
    ):
        one.desk.market.names = leaders(count, seed)
        one.desk.engine.strategies = {"atr_matrix": AtrMatrix(max_signals=count)}
        await one.desk.engine.scan()
        one.desk.open_market()
        await one.desk.engine.entries()

        async def standing() -> list[StoredProposal] | None:
            waiting = await one.desk.journal.pending_notes(1)
            pending = [stored for stored in await one.desk.engine.pending() if stored.message_id is not None]
            return pending if len(pending) == count and not waiting else None

        found = await until(standing, 60)
        await one.quiet(0.5)
        yield one, found


def watched(one: Office, watch: Stopwatch) -> None:
    """Mark also when the client hears of a reaction and when its evidence is read."""
    reader, client = one.approvals.reader, one.notifier.client
    assert reader is not None
    assert isinstance(client, DeskClient)
    one.approvals.reader = Timed(reader, watch)  # type: ignore[assignment]  # the same two names are all that is asked of it
    client.add_listener(watch.seen, "on_raw_reaction_add")


async def approve(one: Office, card: StoredProposal, watch: Stopwatch) -> None:
    """One reaction, until its order is accepted and everything about it is told."""
    assert card.message_id is not None
    watch.start()
    await one.user("owner").react(card.message_id, YES)
    async with asyncio.timeout(30):
        await watch.accepted.wait()
    await calm(one)


async def calm(one: Office) -> None:
    """Wait until nothing is left to be told."""

    async def told() -> bool | None:
        return None if await one.desk.journal.pending_notes(1) else True

    await until(told, 30)
    await one.quiet(0.05)


def bare(folder: Path) -> float:
    """Milliseconds that two appends of 2 kB take that are waited for, which is what the journal and the ledger cannot avoid."""
    with (folder / "bare").open("ab", buffering=0) as file:
        started = perf_counter()
        for _ in range(2):
            file.write(b"x" * 2048)
            os.fdatasync(file.fileno())
        return 1000 * (perf_counter() - started)


@dataclass(slots=True)
class Samples:
    """Milliseconds of every reaction: all in all, of the processor alone, by stage (both), and of two bare appends."""

    taken: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    stages: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {name: [] for name, _, _ in STAGES})

    def take(self, watch: Stopwatch) -> None:
        taken, worked = watch.stage("start", "W8+")
        self.taken.append(taken)
        self.worked.append(worked)
        for stage, first, last in STAGES:
            self.stages[stage].append(watch.stage(first, last))


async def _measure(desks: int) -> Samples:
    samples = Samples()
    for seed in range(desks):
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as name:
            async with cards(Path(name), CARDS, seed, watch) as (one, found):
                watched(one, watch)
                for card in found:
                    samples.limits.append(bare(Path(name)))
                    await approve(one, card, watch)
                    samples.take(watch)
    return samples


def reaction_rows(quick: bool) -> Iterator[Row]:
    """Time from a reaction to the accepted order, and its parts."""
    progress("reaction to paper order")
    logging.disable(logging.WARNING)
    samples = asyncio.run(_measure(1 if quick else 5))
    low, high = percentile(samples.limits, 0.5), percentile(samples.limits, 0.99)
    what = "reaction to paper order accepted"
    worked = percentile(samples.worked, 0.5)
    yield Row(f"{what}, p50", percentile(samples.taken, 0.5), "ms", f"{len(samples.taken)} reactions; processor {worked:.1f} ms")
    bound = f"two bare appends with fdatasync: p50 {low:.1f} ms, p99 {high:.1f} ms"
    yield Row.promised(f"{what}, p99", percentile(samples.taken, 0.99), "ms", "<= 50", bound)
    for name, pairs in samples.stages.items():
        share = 100 * sum(wall for wall, _ in pairs) / sum(samples.taken)
        processor = percentile([work for _, work in pairs], 0.5)
        told = (
            f"{share:.0f} % of the time; processor {processor:.1f} ms; p99 {percentile([wall for wall, _ in pairs], 0.99):.1f} ms"
        )
        yield Row(f"  of it {name}, p50", percentile([wall for wall, _ in pairs], 0.5), "ms", told)


async def _crowd(count: int) -> tuple[float, Stopwatch]:
    """Milliseconds that an approver needs alone, and the watch of one who reacts at the same moment as a crowd."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as name:
        async with cards(Path(name), 3, 99, watch) as (one, found):
            for card in found[:2]:
                await approve(one, card, watch)
            alone, card = watch.taken, found[2]
            assert card.message_id is not None
            watch.start()
            await one.sandbox.control.burst(card.message_id, YES, count)
            watch.at("burst")
            await one.user("owner").react(card.message_id, YES)
            async with asyncio.timeout(60):
                await watch.accepted.wait()
            await calm(one)
            return alone, watch


def crowd_rows(quick: bool) -> Iterator[Row]:
    """What a burst of strangers costs an approver who reacts at the same moment."""
    count = 1_000 if quick else 10_000
    progress(f"{count:,} reactions of strangers")
    alone, watch = asyncio.run(_crowd(count))
    worked, made = watch.stage("start", "W8+")[1], watch.stage("start", "burst")[1]
    bound = f"without them {alone:.0f} ms; processor {worked:.0f} ms, {made:.0f} of them the loopback Discord making the burst"
    what = f"approver behind {count:,} reactions of strangers, delay"
    yield Row.promised(what, (watch.taken - alone) / 1000, "s", "<= 2", bound)
