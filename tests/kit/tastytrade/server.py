"""The loopback broker put together and served."""

import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.kit.tastytrade import control
from tests.kit.tastytrade.books import Books
from tests.kit.tastytrade.faults import Faults
from tests.kit.tastytrade.market import Market
from tests.kit.tastytrade.rest import Credentials, Desk, add_routes
from tests.kit.tastytrade.streams import AccountStream, DXLink


class Time:
    """The broker's time: the machine's, or one that was set and runs at a pace."""

    def __init__(self) -> None:
        self._set: tuple[datetime, float, float] | None = None

    def set(self, now: datetime, speed: float = 1.0) -> None:
        self._set = (now, time.monotonic(), speed)

    def now(self) -> datetime:
        if self._set is None:
            return datetime.now(UTC)
        anchor, since, speed = self._set
        return anchor + timedelta(seconds=(time.monotonic() - since) * speed)


class Loopback:
    """A whole broker on 127.0.0.1.

    Parameters
    ----------
    ledger : pathlib.Path
        File of its books; made when it is missing.
    production : bool
        The production side; it and the sandbox know different credentials.
    now : callable, optional
        The broker's time; by default its own, which `control` can set.
    """

    def __init__(self, ledger: Path, *, production: bool = False, now: Callable[[], datetime] | None = None) -> None:
        self.time = Time()
        books = Books(ledger)
        credentials = Credentials("live-client-secret", "live-refresh-token") if production else Credentials()
        self.desk = Desk(books, Market(books), Faults(), now or self.time.now, credentials, production=production)
        self.stream = AccountStream(self.desk)
        self.dxlink = DXLink(self.desk)
        books.listeners.append(self.stream.changed)
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0, *, keepalive: float = 75.0, tls: bool = False) -> "Loopback":
        """Serve; `tls`: behind a certificate that nobody knows."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        add_routes(app, self.desk)
        control.add_route(app, self)
        app.router.add_get("/streamer", self.stream.serve)
        app.router.add_get("/dxlink", self.dxlink.serve)
        self._runner = web.AppRunner(app, keepalive_timeout=keepalive, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=_untrusted() if tls else None).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def act(self, do: str, **asked: Any) -> Any:
        """One verb of `control`."""
        return await control.act(self, {"do": do, **asked})

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def close(self) -> None:
        """Stop and give the ledger's file free."""
        await self.stop()
        self.desk.books.close()


def _untrusted() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("untrusted.pem"))
    return context
