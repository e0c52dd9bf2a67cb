"""The time of somebody else: a time server on the loopback, right, wrong, silent or talking nonsense."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from bot import reference
from bot.clock import SystemClock
from core.engine.skew import Skew
from core.model.errors import RetryError

Change = Callable[[bytearray], bytes]
SINCE = datetime(1900, 1, 1, tzinfo=UTC)


def stamp(instant: datetime) -> bytes:
    """Seconds since 1900 as a time server writes them."""
    passed = instant - SINCE
    whole = int(passed.total_seconds())
    return struct.pack(">II", whole, int((passed - timedelta(seconds=whole)).microseconds * 2**32 / 1_000_000))


class Server(asyncio.DatagramProtocol):
    """Answers every question with its own time; `change` spoils the answer."""

    def __init__(self, fast: float, change: Change) -> None:
        self.fast, self.change, self.asked, self.often = fast, change, 0, asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if self.asked > 2:
            self.often.set()
        now = stamp(SystemClock().now() + timedelta(seconds=self.fast))
        answer = bytearray(struct.pack(">BBBb", 0x24, 2, 0, -20) + bytes(20) + data[40:48] + now + now)
        if told := self.change(answer):
            self.transport.sendto(told, addr)


@asynccontextmanager
async def serving(fast: float = 0.0, change: Change = bytes) -> AsyncIterator[tuple[str, Server]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Server(fast, change), local_addr=("127.0.0.1", 0))
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}", server
    finally:
        transport.close()


@pytest.mark.parametrize("fast", [0.0, 0.4, -0.4, 3600.0, -86_400.0])
async def test_f078_the_clock_is_compared_with_a_time_server(fast: float) -> None:
    async with serving(fast) as (address, _):
        assert await reference.ahead(SystemClock(), address) == pytest.approx(-fast, abs=0.1)


def put(place: int, *values: int) -> Change:
    def change(answer: bytearray) -> bytes:
        answer[place : place + len(values)] = bytes(values)
        return bytes(answer)

    return change


@pytest.mark.parametrize(
    "change",
    [put(0, 0xE4), put(0, 0x23), put(1, 0), put(1, 16), put(24, 1, 2, 3, 4, 5, 6, 7, 8), lambda answer: bytes(answer[:20])],
    ids=["not synchronised", "a client", "kiss of death", "no stratum", "another question", "short"],
)
async def test_an_answer_that_is_no_time_is_not_believed(change: Change) -> None:
    async with serving(5.0, change) as (address, _):
        with pytest.raises(RetryError):
            await reference.ahead(SystemClock(), address)


async def test_f078_a_time_server_out_of_reach_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "PATIENCE", 0.2)
    async with serving(change=lambda _: b"") as (address, server):
        with pytest.raises(RetryError, match="did not answer"):
            await reference.ahead(SystemClock(), address)
        assert server.asked == 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for server_name in (f"127.0.0.1:{port}", "no.such.host.invalid", "127.0.0.1:much"):
        with pytest.raises(RetryError):
            await reference.ahead(SystemClock(), server_name)


async def test_what_was_measured_reaches_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "PAUSE", 0.01)
    skews = (Skew(), Skew())
    async with serving(-1.5) as (address, server):
        task = asyncio.create_task(reference.watch(SystemClock(), address, skews))
        await asyncio.wait_for(server.often.wait(), 5)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    for skew in skews:
        assert skew.off(SystemClock().monotonic()) == pytest.approx(1.5, abs=0.1)
