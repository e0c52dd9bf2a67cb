"""The control verbs over HTTP: loopback and a token, so that no web page elsewhere can use them."""

import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.control import Verbs
from bot.sandbox.loopback import is_loopback
from bot.sandbox.world import World
from core.model.errors import RefusedError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def mount_control(app: web.Application, world: World, verbs: Verbs) -> None:
    """Register `POST /_control/{verb}` with a JSON object of arguments."""

    async def serve(request: web.Request) -> web.StreamResponse:
        admit(request, world)
        try:
            args = await request.json() if request.can_read_body else {}
            result = await verbs.call(request.match_info["verb"], args)
        except RefusedError as error:
            return web.json_response({"error": str(error)}, status=400)
        except ValueError:
            return web.json_response({"error": "the arguments are not JSON"}, status=400)
        return web.json_response({"result": result})

    app.router.add_post("/_control/{verb}", serve)


def admit(request: web.Request, world: World) -> None:
    """Let pass who knows the token and addresses us by our own name.

    Raises
    ------
    HTTPForbidden
        A foreign host name (a web page that had its name point here) or a wrong token.
    """
    own_host(request)
    given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("token", "")
    if not hmac.compare_digest(given.encode(), str(world.state.ids["control_token"]).encode()):
        raise web.HTTPForbidden(text="wrong control token")


def own_host(request: web.Request) -> None:
    """Refuse requests that name another host than this machine.

    Raises
    ------
    HTTPForbidden
        Naming the host.
    """
    name = request.url.host or ""
    if not is_loopback(name):
        raise web.HTTPForbidden(text=f"{name} is not this machine")
