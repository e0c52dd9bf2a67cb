"""A ledger in another process, reached over loopback: each call is one connection, one question, one answer.

A question that was written and not answered may have had its effect; a connection that never stood had none.
"""

import asyncio
import struct
from typing import Self, cast

from brokers.paper.codec import dumps, loads
from core.model import errors
from core.model.errors import BadDataError, OperatorError, OutcomeUnknownError, QuantMatrixError, RefusedError, RetryError

LARGEST = 1 << 26
_DOUBTFUL = frozenset({"submit", "cancel"})


class RemoteLine:
    """A line to ``python -m brokers.paper``."""

    def __init__(self, host: str, port: int, timeout_seconds: float = 10.0) -> None:
        self._host = host
        self._port = port
        self._timeout = timeout_seconds

    @classmethod
    def to(cls, address: str) -> Self:
        """Read ``host:port``; only this machine is allowed, the line has no lock.

        Raises
        ------
        OperatorError
            The address is not a loopback host and a port.
        """
        host, _, port = address.rpartition(":")
        if host not in {"127.0.0.1", "localhost"} or not port.isdigit():
            raise OperatorError(f"the paper ledger's address {address!r} must be 127.0.0.1 and a port, like 127.0.0.1:7497")
        return cls(host, int(port))

    async def call(self, verb: str, *arguments: object) -> object:
        """Ask once.

        Raises
        ------
        RefusedError
            A submit whose connection never stood: nothing was sent.
        OutcomeUnknownError
            A submit or cancel that was sent and not answered.
        RetryError
            Anything else that got no answer.
        """
        place = f"the paper ledger at {self._host}:{self._port}"
        try:
            async with asyncio.timeout(self._timeout):
                reader, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError) as error:
            kind = RefusedError if verb == "submit" else RetryError
            raise kind(f"{place} is not there, nothing was sent; start it with `python -m brokers.paper`") from error
        try:
            async with asyncio.timeout(self._timeout):
                await write(writer, (verb, *arguments))
                answer = await read(reader)
        except (OSError, EOFError, TimeoutError, BadDataError) as error:
            doubt = OutcomeUnknownError if verb in _DOUBTFUL else RetryError
            raise doubt(f"{place} was asked to {verb} and gave no answer ({type(error).__name__})") from error
        finally:
            writer.close()
        return _opened(answer)

    async def close(self) -> None:
        """Nothing is kept open between calls."""


async def write(writer: asyncio.StreamWriter, value: object) -> None:
    """Send one message: four bytes of length, then JSON."""
    body = dumps(value).encode()
    writer.write(struct.pack(">I", len(body)) + body)
    await writer.drain()


async def read(reader: asyncio.StreamReader) -> object:
    """Receive one message.

    Raises
    ------
    EOFError
        The other side hung up.
    BadDataError
        Too long, or not ours.
    """
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    if length > LARGEST:
        raise BadDataError(f"a message of {length} bytes is too long for the paper ledger")
    return loads(await reader.readexactly(length))


def _opened(answer: object) -> object:
    """The value of an answer, or the error that it carries."""
    kind, value = cast("tuple[str, object]", answer)
    if kind == "answer":
        return value
    found = getattr(errors, kind, QuantMatrixError)
    raise found(str(value))
