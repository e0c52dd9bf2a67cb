"""The process in trouble: killed again and again while it recovers, out of memory, blocked, cancelled, without file handles."""

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from bot import cards
from brokers.paper import PaperBroker
from brokers.paper.remote import RemoteLine
from core.model.errors import QuantMatrixError, RetryError
from core.model.orders import DOUBTFUL, OrderState
from core.model.proposals import ProposalState
from tests.engine.door import faulty
from tests.engine.rig import desk


class Dead(BaseException):
    """The process ends here."""


def dies_at(wanted: str) -> Callable[[str], None]:
    def at(point: str) -> None:
        if point == wanted:
            raise Dead

    return at


async def test_f012_recovery_that_dies_fifty_times_ends_where_one_would(tmp_path: Path) -> None:
    async with desk(tmp_path, at=dies_at("W8+")) as one:
        card = await one.begin()
        with pytest.raises(Dead):
            await one.react(card)
    died = 0
    for point in (*["W9"] * 20, "W9+", *["W10"] * 20, "W10+", *["W11"] * 8):
        async with faulty(tmp_path, since=one.clock.now(), at=dies_at(point)) as (again, door):
            with suppress(Dead):
                await again.engine.start()
                died -= 1
            died += 1
            assert door.submits == {}
    assert died >= 48
    async with desk(tmp_path, since=one.clock.now()) as last:
        await last.engine.start()
        await last.tick(seconds=1)
        (order,) = await last.orders()
        assert order.state is OrderState.FILLED
        assert last.engine.books.envelopes == {}
        await last.agrees()


async def test_f015_running_out_of_memory_while_sending_is_doubt_and_the_desk_goes_on(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()

        async def empty() -> None:
            raise MemoryError

        door.before["submit"] = empty
        await one.react(card)
        (order,) = await one.orders()
        assert order.state in DOUBTFUL
        assert door.submits[order.key] == 1
        door.before.clear()
        await one.tick()
        assert door.submits[order.key] == 1
        assert one.engine.books.kill.level == 0


async def test_f016_a_loop_that_was_blocked_acts_on_nothing_that_it_read_before(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        read_at = one.clock.now()
        one.later(seconds=30)
        with pytest.raises(RetryError, match="too old"):
            await one.react(card, read_at=read_at)
        assert await one.orders() == []
        assert await one.state(card) is ProposalState.OPEN
        one.market.quoted_at = read_at
        await one.react(card)
        assert await one.state(card) is ProposalState.GATE_DENIED, "quotes from before the block price nothing"
        assert await one.orders() == []


async def test_f018_a_decision_cancelled_at_any_await_is_whole_or_never_was(tmp_path: Path) -> None:
    for steps in range(0, 60, 6):
        folder = tmp_path / str(steps)
        folder.mkdir()
        async with desk(folder) as one:
            card = await one.begin()
            task = asyncio.ensure_future(one.react(card))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await one.engine.rest()
            orders = await one.orders()
            assert [order.state for order in orders] in ([], [OrderState.FILLED])
            assert len(one.engine.books.positions) == len(orders)
            await one.tick()
            await one.agrees()


@contextmanager
def few_handles() -> Iterator[None]:
    """No file and no socket can be opened any more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def distant_ledger(folder: Path) -> AsyncIterator[RemoteLine]:
    command = [sys.executable, "-m", "brokers.paper", "--ledger", str(folder / "distant.jsonl")]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield RemoteLine("127.0.0.1", json.loads(await process.stdout.readline())["port"])
    finally:
        process.kill()
        await process.wait()


async def test_f022_without_file_handles_nothing_is_sent_by_halves(tmp_path: Path) -> None:
    async with distant_ledger(tmp_path) as line, faulty(tmp_path) as (one, door):
        card = await one.begin()
        door.inner = PaperBroker(line, door.inner._around)
        with few_handles(), suppress(QuantMatrixError):
            await one.react(card)
        orders = await one.orders()
        assert [order.state for order in orders] in ([], [OrderState.DENIED], [OrderState.REJECTED])
        assert await door.inner.open_orders() == ()
        assert await door.inner.positions() == {}
        await one.tick()
        assert not one.engine.books.doubtful()


@pytest.mark.parametrize(
    "text", ["note " * 200_000, "a" * 1_000_000, "· note " + "x" * 1_000_000, "\n" * 1_000_000, "\u202e" * 500_000]
)
def test_f023_text_of_any_length_is_looked_through_in_bounded_time(text: str) -> None:
    began = time.perf_counter()
    cards.key_in(text)
    assert time.perf_counter() - began < 1.0
