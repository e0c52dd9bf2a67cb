"""Gateway sessions: numbered events with a ring buffer to replay, and the way they are compressed on a connection."""

import asyncio
import hashlib
import json
import zlib
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web

from bot.sandbox.errors import JSON

REMEMBERED = 25_000


def packed(op: int, data: object, name: str | None = None, number: int | None = None) -> str:
    """One payload as text."""
    return json.dumps({"op": op, "d": data, "s": number, "t": name}, ensure_ascii=False, separators=(",", ":"))


class Connection:
    """One WebSocket: payloads go out in order, compressed when the client asked for it."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.closed_by_us = False
        self._request = request
        compressed = request.query.get("compress") == "zlib-stream"
        self._compressor = zlib.compressobj(level=1) if compressed else None
        self._waiting: deque[str] = deque()
        self._something = asyncio.Event()

    def send(self, text: str) -> None:
        """Queue one payload."""
        self._waiting.append(text)
        self._something.set()

    async def close(self, code: int, reason: str = "") -> None:
        """Close with a code."""
        self.closed_by_us = True
        await self.socket.close(code=code, message=reason.encode(), drain=False)

    def abort(self) -> None:
        """Cut the connection without a word."""
        self.closed_by_us = True
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Write what is queued until the socket closes."""
        while not self.socket.closed:
            await self._something.wait()
            self._something.clear()
            while self._waiting and not self.socket.closed:
                await self._write(self._waiting.popleft())

    async def _write(self, text: str) -> None:
        if self._compressor is None:
            await self.socket.send_str(text)
            return
        content = self._compressor.compress(text.encode()) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        await self.socket.send_bytes(content)


@dataclass(slots=True)
class Session:
    """What the server remembers of one client between connections."""

    id: str
    intents: int
    number: int = 0
    connection: Connection | None = None
    past: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def dispatch(self, name: str, data: JSON) -> None:
        """Number an event, remember it and send it when somebody is connected."""
        self.number += 1
        text = packed(0, data, name, self.number)
        self.past.append((self.number, text))
        if self.connection is not None:
            self.connection.send(text)

    def can_replay(self, after: int) -> bool:
        """Whether every event after this number is remembered."""
        return after <= self.number and (after == self.number or (bool(self.past) and self.past[0][0] <= after + 1))

    def replay(self, after: int) -> None:
        """Send again what came after this number."""
        assert self.connection is not None
        for number, text in self.past:
            if number > after:
                self.connection.send(text)


def session_id(seed: str, count: int) -> str:
    """Id of the n-th session of a run."""
    return hashlib.sha256(f"{seed} {count}".encode()).hexdigest()[:32]
