"""The web page: static files, what a user sees, and a stream of what changes."""

import asyncio
import html
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from bot.sandbox import commands, interactions, messages
from bot.sandbox.control import Verbs
from bot.sandbox.control_web import admit, own_host
from bot.sandbox.errors import JSON, WireError
from bot.sandbox.gateway import LINK
from bot.sandbox.permissions import Permission, permissions
from bot.sandbox.world import Dispatch, World
from core.model.errors import RefusedError

FOLDER = Path(__file__).parent / "page"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
GATHER = 0.04
ALIVE = 15.0


def mount_page(app: web.Application, world: World, verbs: Verbs) -> None:
    """Register the page, its files and its data."""
    page = Page(world, verbs)
    app.router.add_get("/", page.index)
    app.router.add_get("/page/{name}", page.file)
    app.router.add_get("/_page/state", page.guarded(page.state))
    app.router.add_get("/_page/messages", page.guarded(page.messages))
    app.router.add_get("/_page/events", page.events)


class Page:
    """Handlers of the page. Each viewer is one of the people of the world."""

    def __init__(self, world: World, verbs: Verbs) -> None:
        self._world = world
        self._people = verbs.people
        self._verbs = verbs
        self._viewers: set[Viewer] = set()
        world.listen(self._hear)

    async def index(self, request: web.Request) -> web.StreamResponse:
        """The page itself, with the control token inside; only for those who call us by our own name."""
        own_host(request)
        text = (FOLDER / "index.html").read_text(encoding="utf-8")
        token = html.escape(str(self._world.state.ids["control_token"]))
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return web.Response(text=text.replace("{{token}}", token), content_type="text/html", headers=headers)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """One static file."""
        path = FOLDER / Path(request.match_info["name"]).name
        if path.suffix not in KINDS or path.name == "index.html" or not path.is_file():
            raise web.HTTPNotFound
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
        return web.Response(text=path.read_text(encoding="utf-8"), content_type=KINDS[path.suffix], headers=headers)

    def guarded(self, give: Callable[[str, web.Request], object]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Wrap a data handler: token, viewer, JSON."""

        async def serve(request: web.Request) -> web.StreamResponse:
            admit(request, self._world)
            try:
                return web.json_response(give(self._people.user(request.query.get("user", "owner")), request))
            except (RefusedError, WireError) as error:
                return web.json_response({"error": str(error)}, status=400)

        return serve

    def state(self, user_id: str, _: web.Request) -> JSON:
        """Everything but messages: guild, channels that this user sees, people, roles, commands, link."""
        world = self._world
        state = world.state
        seen = [item for item in state.channels.values() if self._sees(user_id, item)]
        named = state.ids["users"]
        return {
            "guild": {"id": world.guild_id, "name": state.guild["name"]},
            "bot": state.users[world.bot_id],
            "me": user_id,
            "people": [self._person(name, identity) for name, identity in named.items()],
            "users": {
                identity: state.users[identity]
                for identity in state.members
                if state.users[identity]["username"][:9] != "passer-by"
            },
            "roles": {key: {"name": role["name"], "color": role["color"]} for key, role in state.roles.items()},
            "channels": seen,
            "commands": commands.visible(world),
            "linked": self._verbs.gateway.linked,
        }

    def _person(self, name: str, identity: str) -> JSON:
        state = self._world.state
        member = state.members.get(identity)
        roles = [state.roles[role]["name"] for role in member["roles"] if role in state.roles] if member else ["left"]
        return {"name": name, "id": identity, "shown": state.users[identity]["global_name"], "roles": roles}

    def _sees(self, user_id: str, channel: JSON) -> bool:
        if channel["type"] == 1:
            return any(person["id"] == user_id for person in channel["recipients"])
        return bool(permissions(self._world.state, user_id, channel["id"]) & Permission.VIEW_CHANNEL)

    def messages(self, user_id: str, request: web.Request) -> list[JSON]:
        """Messages of one channel as this user sees them, oldest first."""
        channel_id = self._people.channel(request.query["channel"])
        if not self._sees(user_id, self._world.state.channels[channel_id]):
            return []
        found = messages.history(self._world, channel_id, user_id, dict(request.query))
        return [self._world.render(message, user_id) for message in reversed(found)]

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events for one viewer: `message`, `gone`, `state`, `link`."""
        admit(request, self._world)
        viewer = Viewer(self._people.user(request.query.get("user", "owner")))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        self._viewers.add(viewer)
        try:
            await response.write(b"retry: 1000\n\n")
            while True:
                await viewer.wait()
                await response.write(self._told(viewer))
        except (ConnectionError, asyncio.CancelledError):
            return response
        finally:
            self._viewers.discard(viewer)

    def _told(self, viewer: "Viewer") -> bytes:
        lines = [f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in viewer.news]
        for channel_id, message_id in viewer.touched:
            message = self._world.state.message(channel_id, message_id)
            if message is None:
                lines.append(f"event: gone\ndata: {json.dumps({'channel_id': channel_id, 'id': message_id})}\n\n")
            elif message.visible_to(viewer.user_id) and self._sees(viewer.user_id, self._world.state.channels[channel_id]):
                lines.append(f"event: message\ndata: {json.dumps(self._world.render(message, viewer.user_id))}\n\n")
        viewer.clear()
        return "".join(lines).encode() or b": alive\n\n"

    def _hear(self, dispatch: Dispatch) -> None:
        for viewer in self._viewers:
            if dispatch.touched is not None:
                viewer.touch(dispatch.touched)
            if dispatch.name == LINK:
                viewer.tell("link", dispatch.data)
            elif dispatch.name == "TYPING_START":
                viewer.tell("typing", dispatch.data)
            elif dispatch.name.startswith(("CHANNEL_", "THREAD_", "GUILD_", commands.CHANGED)):
                viewer.tell("state", {})
            elif dispatch.name == interactions.CHANGED:
                viewer.tell("interaction", dispatch.data)


class Viewer:
    """One open page: what it was not told yet. Messages that change often are gathered and told once."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.touched: dict[tuple[str, str], None] = {}
        self.news: list[tuple[str, JSON]] = []
        self._something = asyncio.Event()

    def touch(self, place: tuple[str, str]) -> None:
        """A message looks different."""
        self.touched[place] = None
        self._something.set()

    def tell(self, name: str, data: JSON) -> None:
        """Something else happened."""
        if (name, data) not in self.news:
            self.news.append((name, data))
        self._something.set()

    async def wait(self) -> None:
        """Return when there is something to tell (gathered for a moment), or to show that the stream lives."""
        try:
            async with asyncio.timeout(ALIVE):
                await self._something.wait()
        except TimeoutError:
            return
        gather = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(GATHER, gather.set_result, None)
        await gather

    def clear(self) -> None:
        """All told."""
        self.touched, self.news = {}, []
        self._something.clear()
