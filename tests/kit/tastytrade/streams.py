"""The two websockets of the loopback broker: the account streamer, and DXLink."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from aiohttp import WSMsgType, web

from tests.kit.tastytrade import shapes
from tests.kit.tastytrade.books import JSON
from tests.kit.tastytrade.rest import Desk

#: Greeks of every option on this DXLink.
GREEKS = {"volatility": 0.3, "delta": 0.5, "gamma": 0.02, "theta": -0.05, "rho": 0.1, "vega": 0.12}


@dataclass(slots=True)
class Manners:
    """How the streams misbehave.

    Attributes
    ----------
    silent : bool
        Half open: nothing is sent any more, nothing is answered, the socket stays.
    drop, copies : int
        So many next messages are lost; each message is sent so many times.
    hold : int
        So many messages are held back and then sent in reverse order.
    replay : bool
        A new connection first gets every order of the day again.
    """

    silent: bool = False
    drop: int = 0
    copies: int = 1
    hold: int = 0
    replay: bool = False


@dataclass(slots=True)
class AccountStream:
    """The account streamer."""

    desk: Desk
    manners: Manners = field(default_factory=Manners)
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    heartbeats: int = 0
    _held: list[str] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and not self.manners.silent:
                    await self._hear(socket, json.loads(message.data))
        finally:
            self.sockets.discard(socket)
        return socket

    async def _hear(self, socket: web.WebSocketResponse, asked: JSON) -> None:
        action = asked.get("action")
        told: JSON = {"status": "ok", "action": action, "web-socket-session-id": "5b6e2799", "request-id": asked.get("request-id")}
        if not self.desk.credentials.let_in(str(asked.get("auth-token", "")), self.desk.now()):
            told |= {"status": "error", "message": "not_authorized"}
        elif action == "connect":
            told["value"] = asked.get("value")
            self.sockets.add(socket)
        elif socket not in self.sockets:
            told |= {"status": "error", "message": "connect-not-completed"}
        self.heartbeats += action == "heartbeat"
        await socket.send_str(json.dumps(told))
        if action == "connect" and self.manners.replay:
            for order in self.desk.books.orders.values():
                await socket.send_str(self._message("Order", self.desk.order(order)))

    def changed(self, what: str, order_id: int) -> None:
        """Something happened in the books."""
        if what in ("place", "turn", "fill") and order_id in self.desk.books.orders:
            placed = self.desk.books.orders[order_id]
            self._tell(self._message("Order", self.desk.order(placed)))
        if what in ("fill", "move"):
            for symbol, held in self.desk.books.positions.items():
                row = shapes.position(symbol, held, self.desk.account, self.desk.now())
                self._tell(self._message("CurrentPosition", row))

    def _message(self, kind: str, body: JSON) -> str:
        return json.dumps({"type": kind, "data": body, "timestamp": round(self.desk.now().timestamp() * 1000)})

    def _tell(self, text: str) -> None:
        manners = self.manners
        if manners.silent:
            return
        if manners.drop:
            manners.drop -= 1
            return
        self._held.append(text)
        if len(self._held) <= manners.hold:
            return
        waiting, self._held = list(reversed(self._held)) if manners.hold else self._held, []
        for socket in list(self.sockets):
            for one in waiting * manners.copies:
                task = asyncio.get_running_loop().create_task(_send(socket, one))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def drop_all(self) -> None:
        """The server ends every connection."""
        for socket in list(self.sockets):
            await socket.close(code=1012)


@dataclass(slots=True)
class DXLink:
    """Quotes and Greeks as dxFeed speaks them, COMPACT."""

    desk: Desk
    silent: bool = False
    fields: dict[int, list[str]] = field(default_factory=dict)
    channels: dict[int, str] = field(default_factory=dict)
    wanted: dict[web.WebSocketResponse, set[tuple[int, str]]] = field(default_factory=dict)
    keepalives: int = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.wanted[socket] = set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and not self.silent:
                    await self._hear(socket, json.loads(message.data))
        finally:
            self.wanted.pop(socket, None)
        return socket

    async def _hear(self, socket: web.WebSocketResponse, asked: JSON) -> None:
        channel = int(asked.get("channel", 0))
        match asked["type"]:
            case "SETUP":
                await socket.send_json({"type": "SETUP", "channel": 0, "keepaliveTimeout": 60, "version": "1.0"})
                await socket.send_json({"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"})
            case "AUTH":
                word = "AUTHORIZED" if asked["token"] == "loopback-quote-token" else "UNAUTHORIZED"
                await socket.send_json({"type": "AUTH_STATE", "channel": 0, "state": word})
            case "CHANNEL_REQUEST":
                await socket.send_json({"type": "CHANNEL_OPENED", "channel": channel, "service": "FEED"})
            case "FEED_SETUP":
                ((kind, names),) = asked["acceptEventFields"].items()
                self.channels[channel], self.fields[channel] = kind, names
                await socket.send_json({"type": "FEED_CONFIG", "channel": channel, "dataFormat": "COMPACT"})
            case "FEED_SUBSCRIPTION":
                await self._subscribe(socket, channel, asked)
            case "KEEPALIVE":
                self.keepalives += 1
                await socket.send_json({"type": "KEEPALIVE", "channel": 0})

    async def _subscribe(self, socket: web.WebSocketResponse, channel: int, asked: JSON) -> None:
        for row in asked.get("add", []):
            self.wanted[socket].add((channel, row["symbol"]))
            await self._tell(socket, channel, row["symbol"])
        for row in asked.get("remove", []):
            self.wanted[socket].discard((channel, row["symbol"]))

    async def show(self, streamer: str) -> None:
        """A quote changed."""
        for socket, wanted in list(self.wanted.items()):
            for channel, symbol in list(wanted):
                if symbol == streamer and not self.silent:
                    await self._tell(socket, channel, symbol)

    async def _tell(self, socket: web.WebSocketResponse, channel: int, streamer: str) -> None:
        values = self._event(self.channels[channel], streamer)
        if values is not None:
            row = [values.get(name, 0) for name in self.fields[channel]]
            with contextlib.suppress(ConnectionError):
                await socket.send_json({"type": "FEED_DATA", "channel": channel, "data": [self.channels[channel], row]})

    def _event(self, kind: str, streamer: str) -> Mapping[str, object] | None:
        symbol = next((key for key in self.desk.market.shown if streamer_symbol(key) == streamer), None)
        if symbol is None:
            return None
        shown = self.desk.market.shown[symbol]
        at = round(shown.at.timestamp() * 1000)
        common = {"eventSymbol": streamer, "event_symbol": streamer, "eventTime": 0, "event_time": 0}
        if kind == "Quote":
            told = {"bidTime": at, "askTime": at, "bidExchangeCode": "Q", "askExchangeCode": "Q", "bidPrice": _price(shown.bid),
                    "askPrice": _price(shown.ask), "bidSize": shown.left["Sell"], "askSize": shown.left["Buy"]}  # fmt: skip
        else:
            told = {"time": at, "price": _price((shown.bid + shown.ask) / 2), **GREEKS}
        return common | told | {_snake(name): value for name, value in told.items()}


async def _send(socket: web.WebSocketResponse, text: str) -> None:
    with contextlib.suppress(ConnectionError):
        await socket.send_str(text)


def _price(value: Decimal) -> float | str:
    return float(value) if value.is_finite() else "NaN"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def streamer_symbol(key: str) -> str:
    """dxFeed's name of an instrument: ``.SPY261218C600`` for an option."""
    if len(key) != 21:
        return key
    strike = f"{Decimal(int(key[13:])) / 1000:f}".rstrip("0").rstrip(".") if key[18:] != "000" else str(int(key[13:18]))
    return f".{key[:6].strip()}{key[6:13]}{strike}"
