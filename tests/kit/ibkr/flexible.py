"""The loopback's Flex web service: the movements of the world as a statement, over HTTP."""

from datetime import date, datetime
from decimal import Decimal
from xml.sax.saxutils import quoteattr

from aiohttp import web

from core.model.instruments import Option, Right, instrument
from tests.kit.ibkr.faults import Fault
from tests.kit.ibkr.server import Tws
from tests.kit.ibkr.world import World

TOKEN, QUERY, REFERENCE = "a-flex-token", "123456", "4242424242"


class Flexible:
    """Answers SendRequest and GetStatement."""

    def __init__(self, tws: Tws) -> None:
        self.tws = tws
        self.asked: list[str] = []
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1; answers the address."""
        app = web.Application()
        app.router.add_get("/SendRequest", self._send)
        app.router.add_get("/GetStatement", self._get)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _send(self, request: web.Request) -> web.Response:
        self.asked.append("SendRequest")
        if request.query["t"] != TOKEN:
            return _answer("Fail", "<ErrorCode>1015</ErrorCode><ErrorMessage>Token is invalid.</ErrorMessage>")
        if request.query["q"] != QUERY:
            return _answer("Fail", "<ErrorCode>1014</ErrorCode><ErrorMessage>Query is invalid.</ErrorMessage>")
        return _answer("Success", f"<ReferenceCode>{REFERENCE}</ReferenceCode><Url>http://127.0.0.1:1/elsewhere</Url>")

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("GetStatement")
        fault = self.tws.faults.next("flex")
        if fault.what:
            return self._faulty(request, fault)
        assert (request.query["t"], request.query["q"], request.query["v"]) == (TOKEN, REFERENCE, "3")
        return web.Response(text=statement(self.tws.world, self.tws.account), content_type="text/xml")

    def _faulty(self, request: web.Request, fault: Fault) -> web.Response:
        if fault.what == "code":
            return _answer("Warn", f"<ErrorCode>{fault.code}</ErrorCode><ErrorMessage>not now</ErrorMessage>")
        if fault.what == "cut" and request.transport is not None:
            request.transport.abort()
        if fault.what == "status":
            return web.Response(status=fault.code, headers={"Location": "http://127.0.0.1:1/"} if fault.code == 302 else {})
        return web.Response(text="<html><body>Please log in<br></html>", content_type="text/html")


def _answer(status: str, rest: str) -> web.Response:
    words = f"<FlexStatementResponse timestamp='12 June, 2024 11:00 AM EDT'><Status>{status}</Status>{rest}</FlexStatementResponse>"
    return web.Response(text=words, content_type="text/xml")


def statement(world: World, account: str) -> str:
    """Every movement so far as an activity statement."""
    rows = "".join(
        f"<OptionEAE {' '.join(f'{name}={quoteattr(str(value))}' for name, value in {'accountId': account, **row}.items())}/>"
        for row in world.events
    )
    head = f"<FlexStatement accountId='{account}' fromDate='20240101' toDate='20241231' period='' whenGenerated='20240613;063000'>"
    return (
        "<FlexQueryResponse queryName='movements' type='AF'><FlexStatements count='1'>"
        f"{head}<OptionEAE>{rows}</OptionEAE></FlexStatement></FlexStatements></FlexQueryResponse>"
    )


def settle(world: World, day: date, spots: dict[str, Decimal]) -> None:
    """Exercise, assign and remove what has expired."""
    for key, held in sorted(world.held.items()):
        thing = instrument(key)
        if not isinstance(thing, Option) or thing.expiry > day:
            continue
        inside = spots[thing.underlying] - thing.strike
        worth = (inside if thing.right is Right.CALL else -inside) > 0
        kind = ("Exercise" if held > 0 else "Assignment") if worth else "Expiration"
        _event(world, key, -held, kind, Decimal(0), Decimal(0))
        if worth:
            shares = (held if thing.right is Right.CALL else -held) * thing.multiplier
            _event(world, thing.underlying, shares, "Buy" if shares > 0 else "Sell", thing.strike, -shares * thing.strike)


def _event(world: World, key: str, quantity: int, kind: str, price: Decimal, proceeds: Decimal) -> None:
    thing = instrument(key)
    option = isinstance(thing, Option)
    day = datetime.strftime(world.now(), "%Y%m%d")
    row = {
        "currency": "USD", "assetCategory": "OPT" if option else "STK", "symbol": key, "description": key,
        "conid": world.con_id(key), "underlyingSymbol": thing.underlying if option else "", "multiplier": thing.multiplier,
        "strike": thing.strike if isinstance(thing, Option) else "", "putCall": thing.right if isinstance(thing, Option) else "",
        "date": day, "transactionType": kind, "quantity": quantity, "tradePrice": f"{price:.4f}", "proceeds": f"{proceeds:,.2f}",
        "tradeID": f"{len(world.events) + 1:07d}",
    }  # fmt: skip
    world.record("event", row=row)
    world.move(key, quantity, proceeds)
