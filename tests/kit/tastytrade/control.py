"""The hand inside the loopback broker: one POST to ``/control`` with ``{"do": ..., ...}``, answered with JSON."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.kit.tastytrade.books import JSON, Placed
from tests.kit.tastytrade.market import parts
from tests.kit.tastytrade.streams import streamer_symbol

if TYPE_CHECKING:
    from tests.kit.tastytrade.server import Loopback


async def act(loopback: "Loopback", asked: JSON) -> Any:
    """Do one thing; see `VERBS`."""
    return await _answer(VERBS[asked["do"]](loopback, asked))


async def _answer(told: Any) -> Any:
    return await told if hasattr(told, "__await__") else told


async def show(loopback: "Loopback", asked: JSON) -> None:
    """Set a quote: symbol, bid, ask, size. Open orders trade on it."""
    desk = loopback.desk
    desk.market.show(asked, desk.now())
    for order in list(desk.books.orders.values()):
        desk.market.match(order, desk.now())
    await loopback.dxlink.show(streamer_symbol(asked["symbol"]))


def turn(loopback: "Loopback", asked: JSON) -> None:
    """Turn an order (id or key) to a status."""
    record = {"do": "turn", "id": _order(loopback, asked).id, "status": asked["status"], "reason": asked.get("reason")}
    loopback.desk.books.commit(record | {"at": loopback.desk.now(), "replacing": asked.get("replacing")})


def fill(loopback: "Loopback", asked: JSON) -> None:
    """Execute (leg, quantity, price) rows of an order, whatever its status is."""
    rows = [(int(leg), int(quantity), Decimal(str(price))) for leg, quantity, price in asked["rows"]]
    loopback.desk.market.execute(_order(loopback, asked), rows, loopback.desk.now())


def place(loopback: "Loopback", asked: JSON) -> int:
    """An order of somebody else: the body that would be sent, and a status."""
    desk = loopback.desk
    record = {
        "do": "place",
        "id": desk.books.next_id,
        "at": desk.now(),
        "status": asked.get("status", "Live"),
        **parts(asked["body"]),
    }
    desk.books.commit(record | {"visible": desk.now(), "replaces": asked.get("replaces")})
    desk.market.match(desk.books.orders[record["id"]], desk.now())
    return int(record["id"])


def move(loopback: "Loopback", asked: JSON) -> None:
    """Rows of the transaction history: kind, sub, and as needed symbol, change, action, price, value."""
    loopback.desk.books.commit({"do": "move", "at": loopback.desk.now(), "rows": asked["rows"]})


def expire(loopback: "Loopback", asked: JSON) -> None:
    """Settle what expires by the day at closing prices of the underlyings."""
    spots = {symbol: Decimal(str(price)) for symbol, price in asked["spots"].items()}
    loopback.desk.market.expire(date.fromisoformat(asked["day"]), spots, loopback.desk.now())


def close_session(loopback: "Loopback", asked: JSON) -> None:
    """The session ends: every open order expires."""
    for order in [order for order in loopback.desk.books.orders.values() if order.open]:
        loopback.desk.books.commit({"do": "turn", "id": order.id, "status": "Expired", "at": loopback.desk.now()})


def wipe(loopback: "Loopback", asked: JSON) -> None:
    """The sandbox is cleared, as it is every night."""
    loopback.desk.books.commit({"do": "wipe", "at": loopback.desk.now()})


def plan(loopback: "Loopback", asked: JSON) -> None:
    """A seeded plan of faults; see `faults.Rule`."""
    loopback.desk.faults.plan(asked["rules"], asked.get("seed", 0))


def change(loopback: "Loopback", asked: JSON) -> None:
    """Set fields: of the desk (lag, status, per_page, shift, rules), the market (fill, part), the streams, the credentials."""
    parties = {
        "desk": loopback.desk,
        "market": loopback.desk.market,
        "stream": loopback.stream.manners,
        "dxlink": loopback.dxlink,
        "credentials": loopback.desk.credentials,
    }
    for name, value in asked["set"].items():
        if not hasattr(parties[asked["of"]], name):
            raise KeyError(name)
        setattr(parties[asked["of"]], name, value)


def clock(loopback: "Loopback", asked: JSON) -> None:
    """Set the broker's time, and its pace."""
    loopback.time.set(datetime.fromisoformat(asked["now"]), float(asked.get("speed", 1.0)))


async def drop(loopback: "Loopback", asked: JSON) -> None:
    """End every connection of the account streamer."""
    await loopback.stream.drop_all()


def ledger(loopback: "Loopback", asked: JSON) -> list[JSON]:
    """Every line of the true ledger."""
    return loopback.desk.books.lines()


def orders(loopback: "Loopback", asked: JSON) -> list[JSON]:
    """Every order as it stands."""
    return [loopback.desk.order(order) for order in loopback.desk.books.orders.values()]


def seen(loopback: "Loopback", asked: JSON) -> list[list[Any]]:
    """Every request that was read, by name, with its body."""
    return [list(row) for row in loopback.desk.seen]


VERBS: dict[str, Callable[["Loopback", JSON], Any]] = {
    verb.__name__: verb
    for verb in (show, turn, fill, place, move, expire, close_session, wipe, plan, change, clock, drop, ledger, orders, seen)
}


def _order(loopback: "Loopback", asked: JSON) -> Placed:
    orders = loopback.desk.books.orders
    return orders[asked["id"]] if "id" in asked else next(order for order in orders.values() if order.key == asked["key"])


def add_route(app: web.Application, loopback: "Loopback") -> None:
    async def serve(request: web.Request) -> web.Response:
        try:
            return web.json_response({"answer": await act(loopback, await request.json())})
        except (KeyError, ValueError, ArithmeticError, StopIteration) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    app.router.add_post("/control", serve)
