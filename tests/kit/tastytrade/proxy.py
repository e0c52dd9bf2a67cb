"""A bad network between adapter and broker: it cuts, slows and slices what passes, on 127.0.0.1."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Proxy:
    """Passes bytes on to a port.

    Attributes
    ----------
    cut_up, cut_down : int or None
        Reset the connection after so many bytes to, or from, the broker.
    slice : int
        Pass at most so many bytes at a time; 0: as they come.
    delay : float
        Seconds before each piece.
    connections : int
        How many were made so far.
    """

    to: int
    cut_up: int | None = None
    cut_down: int | None = None
    slice: int = 0
    delay: float = 0.0
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = field(default=None)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        above_reader, above_writer = await asyncio.open_connection("127.0.0.1", self.to)
        pair = (writer, above_writer)
        for source, sink, cut in ((reader, above_writer, self.cut_up), (above_reader, writer, self.cut_down)):
            task = asyncio.create_task(self._pass(source, sink, cut, pair))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        cut: int | None,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        left = cut
        try:
            while piece := await source.read(self.slice or 65_536):
                await asyncio.sleep(self.delay)
                sink.write(piece if left is None else piece[:left])
                await sink.drain()
                left = None if left is None else left - len(piece)
                if left is not None and left <= 0:
                    for writer in pair:
                        writer.transport.abort()
                    return
            sink.close()
        except (ConnectionError, asyncio.CancelledError):
            for writer in pair:
                writer.transport.abort()
