"""The way in for REST: who asks, faults, limits, log and the form of answers."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.buckets import Buckets
from bot.sandbox.errors import WireError
from bot.sandbox.faults import Fault, Faults, rate_limited
from bot.sandbox.uploads import Body, read_body
from bot.sandbox.world import World

PREFIX = "/api/v10"
LOGGED = 5_000


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON body (none with 204)."""

    status: int
    body: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a route sees it: parts of the path, query, decoded body."""

    world: World
    path: dict[str, str]
    query: dict[str, str]
    body: Body


Route = tuple[str, str, Callable[[Call], Answer]]


@dataclass(slots=True)
class Exchange:
    """One request and its answer, for the log."""

    number: int
    at: str
    method: str
    path: str
    query: dict[str, str]
    request: Any
    files: list[str]
    route: str = ""
    status: int = 0
    response: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    fault: bool = False


class Front:
    """Everything that a request passes before and after its route."""

    def __init__(self, world: World, *, rate_limits: bool) -> None:
        self.world = world
        self.faults = Faults()
        self.buckets = Buckets() if rate_limits else None
        self.log: deque[Exchange] = deque(maxlen=LOGGED)
        self._count = 0

    def handler(self, route: str, serve: Callable[[Call], Answer]) -> Callable[[web.Request], Any]:
        """Wrap a route for aiohttp."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(request, route, serve)

        return handle

    async def not_found(self, request: web.Request) -> web.StreamResponse:
        """Answer for paths that Discord has and we do not, and for all others."""
        return await self._handle(request, "", _no_such_route)

    async def _handle(self, request: web.Request, route: str, serve: Callable[[Call], Answer]) -> web.StreamResponse:
        path = request.path.removeprefix(PREFIX)
        exchange = self._logged(request, path, route)
        try:
            body = await read_body(request)
        except WireError as error:
            return self._reply(exchange, Answer(error.status, error.body()))
        exchange.request = body.items if body.items is not None else body.json
        exchange.files = [file.filename for file in body.files]
        fault = self.faults.take(request.method, path)
        if fault is not None:
            exchange.fault = True
            if fault.delay:
                await self.world.clock.sleep(fault.delay)
            if fault.when == "before" and (fault.status or fault.cut):
                return self._fail(request, exchange, fault)
        answer = self._serve(request, exchange, Call(self.world, dict(request.match_info), dict(request.query), body), serve)
        if fault is not None and fault.when == "after" and (fault.status or fault.cut):
            return self._fail(request, exchange, fault)
        return self._reply(exchange, answer)

    def _logged(self, request: web.Request, path: str, route: str) -> Exchange:
        self._count += 1
        exchange = Exchange(self._count, self.world.stamp(), request.method, path, dict(request.query), None, [], route)
        self.log.append(exchange)
        return exchange

    def _serve(self, request: web.Request, exchange: Exchange, call: Call, serve: Callable[[Call], Answer]) -> Answer:
        try:
            self._admit(request)
            if self.buckets is not None:
                grant = self.buckets.take(request.method, exchange.path, self.world.clock.monotonic(), self.world.now())
                exchange.headers = grant.headers
                if not grant.allowed:
                    body, headers = rate_limited(round(grant.retry_after, 3), grant.scope)
                    exchange.headers = grant.headers | headers
                    return Answer(429, body)
            return serve(call)
        except WireError as error:
            return Answer(error.status, error.body())

    def _admit(self, request: web.Request) -> None:
        path = request.path.removeprefix(PREFIX)
        if path.startswith(("/interactions/", "/webhooks/")) or path == "/gateway":
            return
        if request.headers.get("Authorization") != f"Bot {self.world.state.ids['token']}":
            raise WireError(401, 0, "401: Unauthorized")

    def _fail(self, request: web.Request, exchange: Exchange, fault: Fault) -> web.StreamResponse:
        if fault.cut:
            exchange.response = "connection cut"
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        body = fault.body if fault.body is not None else {"message": f"{fault.status}: fault", "code": 0}
        exchange.headers = fault.headers
        return self._reply(exchange, Answer(fault.status, body))

    @staticmethod
    def _reply(exchange: Exchange, answer: Answer) -> web.Response:
        exchange.status, exchange.response = answer.status, answer.body
        if answer.status == 204:
            return web.Response(status=204, headers=exchange.headers)
        content = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
        return web.Response(status=answer.status, body=content, content_type="application/json", headers=exchange.headers)


def _no_such_route(_: Call) -> Answer:
    raise WireError(404, 0, "404: Not Found")


def mount(app: web.Application, front: Front, routes: tuple[Route, ...]) -> None:
    """Register the routes below `/api/v10`."""
    for method, path, serve in routes:
        app.router.add_route(method, PREFIX + path, front.handler(path, serve))
    app.router.add_route("*", "/api/{rest:.*}", front.not_found)
