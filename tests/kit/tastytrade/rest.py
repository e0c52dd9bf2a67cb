"""The REST side of the loopback broker."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from aiohttp import web

from tests.kit.tastytrade import shapes
from tests.kit.tastytrade.books import JSON, Books, Placed
from tests.kit.tastytrade.faults import Faults
from tests.kit.tastytrade.market import Market, parts

NEW_YORK = ZoneInfo("America/New_York")
ACCOUNT = "5WT00001"
Handler = Callable[["Desk", web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Credentials:
    """What this side of the broker lets in. Sandbox and production know different ones."""

    secret: str = "loopback-client-secret"
    refresh: str = "loopback-refresh-token"
    lifetime: int = 900
    logins: int = 0
    tokens: dict[str, datetime] = field(default_factory=dict)

    def let_in(self, header: str, now: datetime) -> bool:
        """Whether an Authorization header is good now."""
        until = self.tokens.get(header.removeprefix("Bearer "))
        return until is not None and now < until


@dataclass(slots=True)
class Desk:
    """Everything behind the REST side.

    Attributes
    ----------
    lag : float
        Seconds until a new order is seen in any list.
    status : str
        Status of a new order: ``Live``, or ``Routed`` when the market is to come later.
    shift, vanish : int, bool
        How lists change between their pages.
    seen : list of (name, JSON)
        Every request that was read, with its body.
    """

    books: Books
    market: Market
    faults: Faults
    now: Callable[[], datetime]
    credentials: Credentials
    account: str = ACCOUNT
    production: bool = False
    lag: float = 0.0
    status: str = "Live"
    per_page: int = 250
    shift: int = 0
    vanish: bool = False
    rules: JSON = field(default_factory=dict)
    seen: list[tuple[str, JSON]] = field(default_factory=list)

    def order(self, placed: Placed) -> JSON:
        return shapes.order(placed, self.account)

    def listed(self) -> list[Placed]:
        return [order for order in self.books.orders.values() if order.visible <= self.now()]


def data(body: object, context: str, **more: object) -> web.Response:
    return web.json_response({"data": body, "api-version": "v1", "context": context, **more})


def refused(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


async def token(desk: Desk, request: web.Request) -> web.StreamResponse:
    body = await request.json()
    known = desk.credentials
    known.logins += 1
    if (body.get("client_secret"), body.get("refresh_token")) != (known.secret, known.refresh):
        return web.json_response({"error": {"code": "invalid_grant", "message": "Grant revoked"}}, status=401)
    fresh = f"access-{known.logins}-{'production' if desk.production else 'sandbox'}"
    known.tokens[fresh] = desk.now() + timedelta(seconds=known.lifetime)
    return web.json_response({"access_token": fresh, "token_type": "Bearer", "expires_in": known.lifetime})


async def accounts(desk: Desk, request: web.Request) -> web.StreamResponse:
    items = [{"account": shapes.customer_account(desk.account), "authority-level": "owner"}]
    return data({"items": items}, "/customers/me/accounts")


async def status(desk: Desk, request: web.Request) -> web.StreamResponse:
    return data(shapes.trading_status(desk.account, desk.now(), **desk.rules), request.path)


async def balances(desk: Desk, request: web.Request) -> web.StreamResponse:
    return data(shapes.balance(desk.books, desk.account, desk.market.power, desk.now()), request.path)


async def positions(desk: Desk, request: web.Request) -> web.StreamResponse:
    rows = [shapes.position(symbol, held, desk.account, desk.now()) for symbol, held in sorted(desk.books.positions.items())]
    return data({"items": rows}, request.path)


async def live(desk: Desk, request: web.Request) -> web.StreamResponse:
    today = desk.now().astimezone(NEW_YORK).date()
    rows = [order for order in desk.listed() if order.open or order.updated.astimezone(NEW_YORK).date() == today]
    return data({"items": [desk.order(order) for order in reversed(rows)]}, request.path)


async def history(desk: Desk, request: web.Request) -> web.StreamResponse:
    first = date.fromisoformat(request.query.get("start-date", "1999-01-01"))
    rows = [order for order in desk.listed() if order.received.astimezone(NEW_YORK).date() >= first]
    return _page(desk, request, [desk.order(order) for order in _sorted(request, rows)])


async def transactions(desk: Desk, request: web.Request) -> web.StreamResponse:
    first = date.fromisoformat(request.query.get("start-date", "1999-01-01"))
    rows = [moved for moved in desk.books.moves if moved.at.astimezone(NEW_YORK).date() >= first]
    if request.query.get("sort", "Desc") == "Desc":
        rows.reverse()
    return _page(desk, request, [shapes.transaction(moved, desk.account) for moved in rows])


def _sorted(request: web.Request, rows: list[Placed]) -> list[Placed]:
    return sorted(rows, key=lambda order: order.id, reverse=request.query.get("sort", "Desc") == "Desc")


def _page(desk: Desk, request: web.Request, rows: list[JSON]) -> web.Response:
    """One page. `shift` rows slip from the page before onto this one; with `vanish` the first row is gone after the first page."""
    size = min(int(request.query.get("per-page", "10")), desk.per_page)
    number = int(request.query.get("page-offset", "0"))
    rows = rows[1:] if number and desk.vanish else rows
    total = len(rows)
    if number and desk.shift:
        rows = rows[: number * size - desk.shift] + rows[number * size - desk.shift * 2 :]
    items = rows[number * size : (number + 1) * size]
    pages = {
        "per-page": size,
        "page-offset": number,
        "item-offset": number * size,
        "total-items": total,
        "total-pages": -(-total // size),
        "current-item-count": len(items),
        "previous-link": None,
        "next-link": None,
        "paging-link-template": None,
    }
    return data({"items": items}, request.path, pagination=pages)


async def one(desk: Desk, request: web.Request) -> web.StreamResponse:
    placed = desk.books.orders.get(int(request.match_info["id"]))
    if placed is None or placed.visible > desk.now():
        return refused(404, "record_not_found", "Couldn't find Order")
    return data(desk.order(placed), request.path)


async def dry_run(desk: Desk, request: web.Request) -> web.StreamResponse:
    return _judged(desk, await request.json()) or _told(desk, await request.json(), None)


async def submit(desk: Desk, request: web.Request) -> web.StreamResponse:
    body = await request.json()
    refusal = _judged(desk, body)
    if refusal is not None:
        return refusal
    now, books = desk.now(), desk.books
    record = {"do": "place", "id": books.next_id, "at": now, "status": desk.status, **parts(body)}
    books.commit(record | {"visible": now + timedelta(seconds=desk.lag), "sent": body})
    placed = books.orders[record["id"]]
    told = _told(desk, body, placed)
    desk.market.match(placed, now)
    return told


def _judged(desk: Desk, body: JSON) -> web.Response | None:
    try:
        asked = parts(body)
    except (KeyError, ValueError, ArithmeticError):
        return refused(400, "validation_error", "Request validation failed")
    if not asked["price"].is_finite() or body.get("price-effect") not in ("Debit", "Credit"):
        return refused(400, "validation_error", "price-effect is missing")
    found = desk.market.refusal(asked, desk.now().astimezone(NEW_YORK).date())
    if found is None:
        return None
    code, message = found
    inner = [{"code": code, "message": message}]
    body = {"error": {"code": "preflight_check_failure", "message": "One or more preflight checks failed", "errors": inner}}
    return web.json_response(body, status=422)


def _told(desk: Desk, body: JSON, placed: Placed | None) -> web.Response:
    asked = parts(body)
    need, fees = desk.market.need(asked) or Decimal(0), desk.market.fees(asked)
    told = shapes.dry_run(asked, body, desk.account, (need, desk.market.power), fees)
    if placed is not None:
        told["order"] = desk.order(placed) | {"status": "Routed"}
    return web.json_response({"data": told, "context": f"/accounts/{desk.account}/orders"}, status=201 if placed else 200)


async def cancel(desk: Desk, request: web.Request) -> web.StreamResponse:
    placed = desk.books.orders.get(int(request.match_info["id"]))
    if placed is None:
        return refused(404, "record_not_found", "Couldn't find Order")
    desk.market.match(placed, desk.now())
    if not placed.open:
        return refused(422, "order_not_cancellable", f"Order is {placed.status} and cannot be cancelled")
    before = placed.status
    desk.books.commit({"do": "turn", "id": placed.id, "at": desk.now(), "status": "Cancel Requested"})
    told = data(desk.order(placed), request.path)
    if before != "Cancel Requested" and not desk.rules.get("slow-cancel"):
        desk.books.commit({"do": "turn", "id": placed.id, "at": desk.now(), "status": "Cancelled"})
    return told


async def quote_token(desk: Desk, request: web.Request) -> web.StreamResponse:
    url = f"ws://{request.host}/dxlink"
    return data({"dxlink-url": url, "level": "demo", "token": "loopback-quote-token"}, "/api-quote-tokens")


ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("POST", "/oauth/token", "token", token),
    ("GET", "/customers/me/accounts", "accounts", accounts),
    ("GET", "/accounts/{account}/trading-status", "status", status),
    ("GET", "/accounts/{account}/balances/USD", "balances", balances),
    ("GET", "/accounts/{account}/positions", "positions", positions),
    ("GET", "/accounts/{account}/orders/live", "live", live),
    ("GET", "/accounts/{account}/orders", "history", history),
    ("GET", "/accounts/{account}/orders/{id:\\d+}", "order", one),
    ("POST", "/accounts/{account}/orders/dry-run", "dry_run", dry_run),
    ("POST", "/accounts/{account}/orders", "submit", submit),
    ("DELETE", "/accounts/{account}/orders/{id:\\d+}", "cancel", cancel),
    ("GET", "/accounts/{account}/transactions", "transactions", transactions),
    ("GET", "/api-quote-tokens", "quote_token", quote_token),
)


def add_routes(app: web.Application, desk: Desk) -> None:
    for method, path, name, handler in ROUTES:
        app.router.add_route(method, path, _served(desk, name, handler))


def _served(desk: Desk, name: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        text = await request.text()
        desk.seen.append((name, json.loads(text) if text else {}))
        refusal = _stranger(desk, name, request)
        answer = refusal or await desk.faults.serve(name, request, lambda: handler(desk, request))
        if "gzip" in request.headers.get("Accept-Encoding", "") and not answer.prepared:
            answer.enable_compression()
        return answer

    return serve


def _stranger(desk: Desk, name: str, request: web.Request) -> web.Response | None:
    """Who is not let in: no product in the user agent, no valid token, another account."""
    if "/" not in request.headers.get("User-Agent", ""):
        return refused(401, "invalid_user_agent", "A User-Agent of the form product/version is needed")
    if desk.production != ("Accept-Version" in request.headers):
        return refused(406, "not_acceptable", "Accept-Version does not fit this host")
    if name == "token":
        return None
    if not desk.credentials.let_in(request.headers.get("Authorization", ""), desk.now()):
        return refused(401, "invalid_token", "This token is invalid or has expired")
    if request.match_info.get("account", desk.account) != desk.account:
        return refused(403, "not_permitted", "User not permitted access")
    return None
