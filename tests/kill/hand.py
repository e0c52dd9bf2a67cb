"""The hand inside a loopback broker, from the process of the desk: one line of JSON asks, one answers."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from core.model.instruments import Side, instrument
from core.model.orders import Fill, OrderEvent, Report
from core.ports.broker import Account
from tests.kill.kept import ACCOUNT, AtBroker

LARGEST = 1 << 24


@dataclass(slots=True)
class Now:
    """The broker's own time: set from outside, never backwards."""

    instant: datetime = datetime(2024, 1, 2, tzinfo=UTC)

    def set(self, instant: datetime) -> None:
        self.instant = max(self.instant, instant)

    def now(self) -> datetime:
        return self.instant


class Held(Protocol):
    """What the hand does inside one kind of broker."""

    async def look(self, now: str, prices: Mapping[str, float]) -> None:
        """It is now; the market stands there. Open orders trade."""
        ...

    async def calm(self) -> None:
        """Nothing goes wrong any more."""
        ...

    async def truth(self) -> dict[str, Any]:
        """The broker's own books, see `read`."""
        ...


async def serve(held: Held) -> int:
    """Listen on 127.0.0.1; answers the port."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        answer = await getattr(held, asked.pop("do"))(**asked)
        writer.write(json.dumps(answer, default=str).encode() + b"\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    return int(server.sockets[0].getsockname()[1])


async def ask(port: int, do: str, **values: Any) -> Any:
    """One command."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LARGEST)
    writer.write(json.dumps({"do": do, **values}).encode() + b"\n")
    answer = json.loads(await reader.readline())
    writer.close()
    return answer


def order(key: str | None, number: object, event: OrderEvent | None) -> dict[str, Any]:
    """An order as the books have it."""
    return {"key": key, "id": str(number), "event": event}


def execution(key: str | None, exec_id: str, leg: tuple[int, str, bool], done: tuple[int, Decimal, Decimal]) -> dict[str, Any]:
    """An execution as the books have it: (place, instrument, bought) and (quantity, price, fee)."""
    place, thing, bought = leg
    quantity, price, fee = done
    return {"key": key, "exec": exec_id, "leg": place, "thing": thing, "bought": bought, "quantity": quantity, "price": price,
            "fee": fee}  # fmt: skip


def read(told: Mapping[str, Any]) -> AtBroker:
    """The books as nouns: `orders`, `executions`, `cash`, `held`."""
    at = datetime(2024, 1, 2, tzinfo=UTC)
    reports = [Report(one["key"], one["id"], one["event"] and OrderEvent(one["event"]), at) for one in told["orders"]]
    fills = [_fill(one, at) for one in told["executions"]]
    cash = Decimal(told["cash"])
    return AtBroker(reports, fills, Account(ACCOUNT, cash, cash, at), told["held"])


def _fill(one: Mapping[str, Any], at: datetime) -> Fill:
    side = Side.BUY if one["bought"] else Side.SELL
    price, fee, many = Decimal(one["price"]), Decimal(one["fee"]), instrument(one["thing"]).multiplier
    return Fill(one["exec"], one["key"] or "", ACCOUNT, one["leg"], one["thing"], side, one["quantity"], price, fee, at, many)


Ready = Callable[[int, int], None]
Ports = Sequence[int]
