"""The loopback Discord as one thing that starts and stops."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.sandbox import genesis, rest_channels, rest_commands, rest_interactions, rest_login, rest_reactions
from bot.sandbox.actors import Control
from bot.sandbox.cdn import serve_file
from bot.sandbox.control import Verbs
from bot.sandbox.control_web import mount_control
from bot.sandbox.gateway import Gateway
from bot.sandbox.loopback import refuse_outside
from bot.sandbox.page import mount_page
from bot.sandbox.store import Store
from bot.sandbox.web import Front, mount
from bot.sandbox.world import World
from core.model.errors import OperatorError
from core.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Settings:
    """How a loopback Discord runs.

    Attributes
    ----------
    world : file of the world; None keeps it in memory only.
    port : 0 takes a free one.
    host : a loopback address; every other is refused.
    page : whether the web page is served.
    rate_limits : whether the real limits hold (slow); off for tests and the demo.
    privileged_intents : privileged gateway intents that the application was granted.
    secret : fixed part of the tokens for tests; None makes an unguessable one for a new world.
    """

    world: Path | None = None
    port: int = 0
    host: str = "127.0.0.1"
    page: bool = True
    rate_limits: bool = False
    privileged_intents: int = 0
    secret: str | None = None


class Sandbox:
    """A loopback Discord in this process."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.world = World(Store(settings.world), clock)
        self.front = Front(self.world, rate_limits=settings.rate_limits)
        self.gateway = Gateway(self.world, settings.privileged_intents)
        self.verbs = Verbs(self.world, self.gateway, self.front)
        self.control = Control(self.verbs.call)
        self._runner: web.AppRunner | None = None
        self._syncing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the world and listen.

        Raises
        ------
        OperatorError
            The host is not loopback, the port is in use, or the world file cannot be used.
        """
        refuse_outside(self.settings.host)
        listening = _listen(self.settings.host, self.settings.port)
        try:
            if not self.world.open():
                genesis.found(self.world, self.settings.secret)
        except OperatorError:
            listening.close()
            raise
        self._syncing = asyncio.create_task(self.world.store.keep_synced())
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        self.world.base = f"http://{host}:{listening.getsockname()[1]}"
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=120 * 1024 * 1024)
        routes = (rest_login, rest_channels, rest_reactions, rest_commands, rest_interactions)
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_get("/gateway/", self.gateway.serve)
        app.router.add_get("/cdn/attachments/{channel_id}/{attachment_id}/{filename}", serve_file(self.world))
        mount_control(app, self.world, self.verbs)
        if self.settings.page:
            mount_page(app, self.world, self.verbs)
        mount(app, self.front, tuple(route for module in routes for route in module.ROUTES))
        return app

    async def stop(self) -> None:
        """Close every connection and the world file."""
        await asyncio.gather(*(connection.close(1001) for connection in list(self.gateway.connections)))
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._syncing is not None:
            self._syncing.cancel()
            self._syncing = None
        self.world.store.close()

    @property
    def api_base(self) -> str:
        """Address below which the REST routes are."""
        return f"{self.world.base}/api/v10"

    @property
    def gateway_url(self) -> str:
        """Address of the WebSocket."""
        return self.world.base.replace("http://", "ws://", 1) + "/gateway"

    @property
    def page_url(self) -> str:
        """Address of the web page."""
        return f"{self.world.base}/"

    @property
    def control_url(self) -> str:
        """Address below which the control verbs are."""
        return f"{self.world.base}/_control"

    @property
    def token(self) -> str:
        """Token of the bot in this world."""
        return str(self.world.state.ids["token"])

    @property
    def control_token(self) -> str:
        """Token for the control verbs."""
        return str(self.world.state.ids["control_token"])

    @property
    def guild_id(self) -> int:
        """Snowflake of the guild."""
        return int(self.world.guild_id)

    @property
    def bot_id(self) -> int:
        """Snowflake of the bot's user."""
        return int(self.world.bot_id)

    @property
    def channels(self) -> Mapping[str, int]:
        """Snowflakes of the first channels by name."""
        return self._named("channels")

    @property
    def users(self) -> Mapping[str, int]:
        """Snowflakes of owner, approver and stranger."""
        return self._named("users")

    @property
    def roles(self) -> Mapping[str, int]:
        """Snowflake of the approver role."""
        return self._named("roles")

    def addresses(self) -> dict[str, object]:
        """Everything that another process needs to use this server."""
        plain = ("api_base", "gateway_url", "page_url", "control_url", "token", "control_token", "guild_id", "bot_id")
        made: dict[str, object] = {name: getattr(self, name) for name in plain}
        return made | {"channels": dict(self.channels), "users": dict(self.users), "roles": dict(self.roles)}

    def _named(self, kind: str) -> Mapping[str, int]:
        return {name: int(identity) for name, identity in self.world.state.ids[kind].items()}


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise OperatorError(
            f"port {port} on {host} cannot be used ({error.strerror}); choose another port, or 0 for a free one"
        ) from error
    return listening
