"""The time of somebody else: asks a time server (SNTP, RFC 4330) how far the clock of this machine is off, and lets the gate know.

A server that does not answer changes nothing for an hour; after that the clock counts as unknown and nothing new is opened.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from core.engine.skew import Skew
from core.model.errors import RetryError
from core.ports.clock import Clock

LOG = logging.getLogger(__name__)
PORT = 123
#: Seconds between two questions, and how long an answer is waited for.
PAUSE, PATIENCE = 300.0, 3.0
_BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
_PACKET = struct.Struct(">BBBb11I")
#: Version 4, from a client; what a server answers with; strata of servers that know the time.
_ASK, _SERVER, _STRATA = 0x23, 4, range(1, 16)


@dataclass(slots=True)
class _Answer:
    """Waits for the first datagram, and remembers when it came."""

    clock: Clock
    came: "asyncio.Future[tuple[bytes, datetime]]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing to do."""

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - what asyncio hands over
        """The answer, and when it came."""
        if not self.came.done():
            self.came.set_result((data, self.clock.now()))

    def error_received(self, exc: Exception) -> None:
        """Nobody is there."""
        if not self.came.done():
            self.came.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - what asyncio hands over
        """Nothing comes any more."""
        if not self.came.done():
            self.came.cancel()


async def ahead(clock: Clock, server: str) -> float:
    """Seconds by which the clock is ahead of the server's; negative when it is behind.

    Parameters
    ----------
    server : str
        Name or address, with a port after a colon where it is not 123.

    Raises
    ------
    RetryError
        No sound answer came in time.
    """
    host, _, port = server.partition(":")
    loop, answer = asyncio.get_running_loop(), _Answer(clock)
    try:
        async with asyncio.timeout(PATIENCE):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: cast("asyncio.DatagramProtocol", answer), remote_addr=(host, int(port or PORT))
            )
            with contextlib.closing(transport):
                sent = clock.now()
                transport.sendto(_PACKET.pack(_ASK, 0, 0, 0, *([0] * 9), *_fixed(sent)))
                told, came = await answer.came
    except (OSError, ValueError) as error:
        raise RetryError(f"the time server {server} did not answer ({type(error).__name__}); it is asked again") from error
    heard, spoke = _times(told, sent, server)
    return ((sent - heard) + (came - spoke)).total_seconds() / 2


def _times(told: bytes, sent: datetime, server: str) -> tuple[datetime, datetime]:
    """When the server heard the question and when it answered."""
    if len(told) < _PACKET.size:
        raise RetryError(f"the time server {server} answered {len(told)} bytes, which is no time")
    fields = _PACKET.unpack(told[: _PACKET.size])
    first, stratum, origin = fields[0], fields[1], fields[9:11]
    sound = first & 7 == _SERVER and first >> 6 != 3 and stratum in _STRATA and origin == _fixed(sent)
    if not sound:
        raise RetryError(f"the time server {server} does not know the time or answered somebody else; it is asked again")
    return _instant(*fields[11:13]), _instant(*fields[13:15])


def _fixed(instant: datetime) -> tuple[int, int]:
    """Seconds since 1900, and their fraction in parts of 2**32."""
    since = instant - _BEGINNING
    whole = since // timedelta(seconds=1)
    return whole % 2**32, ((since - timedelta(seconds=whole)) // timedelta(microseconds=1) << 32) // 1_000_000


def _instant(whole: int, fraction: int) -> datetime:
    return _BEGINNING + timedelta(seconds=whole, microseconds=fraction * 1_000_000 / 2**32)


async def watch(clock: Clock, server: str, skews: Iterable[Skew]) -> None:
    """Ask again and again, and let everybody know who must not trade by a wrong clock."""
    told = tuple(skews)
    for skew in told:
        skew.compared(0.0, clock.monotonic())
    while True:
        try:
            off = await ahead(clock, server)
        except RetryError as error:
            LOG.warning("%s", error)
        else:
            for skew in told:
                skew.compared(off, clock.monotonic())
        await clock.sleep(PAUSE)
