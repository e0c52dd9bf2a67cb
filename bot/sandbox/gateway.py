"""The gateway: HELLO, IDENTIFY, RESUME, heartbeats and events, with faults on demand."""

import asyncio
import json
import zlib
from collections import Counter, deque
from dataclasses import dataclass, field

from aiohttp import WSMessage, WSMsgType, web

from bot.sandbox import shapes
from bot.sandbox.errors import JSON
from bot.sandbox.intents import KNOWN, PRIVILEGED, Intent, trimmed, wants
from bot.sandbox.sessions import Connection, Session, packed, session_id
from bot.sandbox.world import Dispatch, World

HEARTBEAT_MS = 41_250
ACK_AFTER = 0.02
REMEMBERED_SESSIONS = 16
LOGGED = 5_000
LINK = "SANDBOX_LINK"
DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, RECONNECT, MEMBERS, INVALID, HELLO, ACK = 0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11


@dataclass(slots=True)
class Trouble:
    """Faults of the gateway.

    Attributes
    ----------
    held : names of events that wait until they are released (`*`: all); they keep their order in `waiting`.
    dropped, doubled : how many of the next events of a name are lost, or told twice.
    refused : how many of the next connections get `refused_status` instead.
    hello, acks : whether HELLO and heartbeat answers are sent.
    heartbeat_ms : pause between heartbeats that HELLO asks for.
    """

    held: set[str] = field(default_factory=set)
    waiting: list[Dispatch] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    refused_status: int = 503
    hello: bool = True
    heartbeat_ms: int = HEARTBEAT_MS
    acks: bool = True


class Gateway:
    """All sessions and connections of the bot. `allowed` are the privileged intents that the application has."""

    def __init__(self, world: World, allowed: int = 0) -> None:
        self.world = world
        self.allowed = allowed
        self.trouble = Trouble()
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.log: deque[JSON] = deque(maxlen=LOGGED)
        self.identifies = 0
        world.listen(self._hear)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection of a client, until it ends."""
        if self.trouble.refused:
            self.trouble.refused -= 1
            return web.Response(status=self.trouble.refused_status)
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        connection = Connection(request, socket)
        self.connections.add(connection)
        writer = asyncio.create_task(connection.write())
        if self.trouble.hello:
            connection.send(packed(HELLO, {"heartbeat_interval": self.trouble.heartbeat_ms, "_trace": ["loopback"]}))
        try:
            async for message in socket:
                await self._receive(connection, message)
        finally:
            writer.cancel()
            self._left(connection)
        return socket

    @property
    def linked(self) -> bool:
        """Whether a bot is connected with a session."""
        return any(session.connection is not None for session in self.sessions.values())

    def _left(self, connection: Connection) -> None:
        self.connections.discard(connection)
        session = self._session(connection)
        if session is not None:
            session.connection = None
            if connection.socket.close_code in {1000, 1001} and not connection.closed_by_us:
                self.sessions.pop(session.id, None)
        self._tell_link()

    def _tell_link(self) -> None:
        self.world.tell(Dispatch(LINK, {"linked": self.linked}, to_bot=False))

    def _session(self, connection: Connection) -> Session | None:
        return next((session for session in self.sessions.values() if session.connection is connection), None)

    async def _receive(self, connection: Connection, message: WSMessage) -> None:
        if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
            return
        try:
            payload = json.loads(_text(message))
            op, data = int(payload["op"]), payload.get("d")
        except (ValueError, KeyError, TypeError, zlib.error):
            await connection.close(4002, "Error while decoding payload.")
            return
        self.log.append({"at": self.world.stamp(), "op": op, "d": data})
        if op == HEARTBEAT:
            self._acknowledge(connection)
        elif op == IDENTIFY:
            await self._identify(connection, data)
        elif op == RESUME:
            await self._resume(connection, data)
        elif op == MEMBERS:
            self._members(connection, data)

    def _acknowledge(self, connection: Connection) -> None:
        if self.trouble.acks:
            loop = asyncio.get_running_loop()
            loop.call_later(ACK_AFTER, connection.send, packed(ACK, None))

    async def _identify(self, connection: Connection, data: JSON) -> None:
        self.identifies += 1
        problem = self._refusal(connection, data)
        if problem is not None:
            await connection.close(*problem)
            return
        session = Session(session_id(str(data["token"]) + self.world.stamp(), self.identifies), int(data["intents"]))
        session.connection = connection
        self.sessions[session.id] = session
        for old in list(self.sessions)[:-REMEMBERED_SESSIONS]:
            del self.sessions[old]
        present = self.world.bot_id in self.world.state.members
        session.dispatch("READY", self._ready(session, data, present=present))
        if present:
            session.dispatch("GUILD_CREATE", self._guild(session.intents, int(data.get("large_threshold") or 50)))
        self._tell_link()

    def _refusal(self, connection: Connection, data: JSON) -> tuple[int, str] | None:
        intents = data.get("intents")
        if str(data.get("token")).removeprefix("Bot ") != self.world.state.ids["token"]:
            return 4004, "Authentication failed."
        if self._session(connection) is not None:
            return 4005, "Already authenticated."
        if not isinstance(intents, int) or intents & ~KNOWN:
            return 4013, "Invalid intent(s)."
        if intents & PRIVILEGED & ~self.allowed:
            return 4014, "Disallowed intent(s)."
        return None

    async def _resume(self, connection: Connection, data: JSON) -> None:
        if str(data.get("token")).removeprefix("Bot ") != self.world.state.ids["token"]:
            await connection.close(4004, "Authentication failed.")
            return
        session = self.sessions.get(str(data.get("session_id")))
        after = int(data.get("seq") or 0)
        if session is None or not session.can_replay(after):
            connection.send(packed(INVALID, data=False))
            return
        if session.connection is not None and session.connection is not connection:
            session.connection.abort()
        session.connection = connection
        session.replay(after)
        session.dispatch("RESUMED", {"_trace": ["loopback"]})
        self._tell_link()

    def _ready(self, session: Session, data: JSON, *, present: bool) -> JSON:
        world = self.world
        url = world.base.replace("http://", "ws://", 1) + "/gateway"
        application = {"id": world.state.ids["application"], "flags": world.state.ids["application_flags"]}
        ready: JSON = {
            "v": 10,
            "user": world.state.users[world.bot_id] | {"mfa_enabled": True, "verified": True, "email": None, "locale": "en-US"},
            "user_settings": {},
            "guilds": [{"id": world.guild_id, "unavailable": True}] if present else [],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": url,
            "application": application,
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "guild_join_requests": [],
            "_trace": ["loopback"],
        }
        if "shard" in data:
            ready["shard"] = data["shard"]
        return ready

    def _guild(self, intents: int, large: int) -> JSON:
        state = self.world.state
        every = list(state.members)
        shown = every if intents & Intent.GUILD_MEMBERS and len(every) <= large else [self.world.bot_id]
        return state.guild | {
            "joined_at": state.members[self.world.bot_id]["joined_at"],
            "large": len(every) > large,
            "unavailable": False,
            "member_count": len(every),
            "roles": list(state.roles.values()),
            "channels": [channel for channel in state.channels.values() if channel["type"] == 0],
            "threads": [channel for channel in state.channels.values() if channel["type"] == 11],
            "members": [shapes.member_of(state, identity) for identity in shown],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def _members(self, connection: Connection, data: JSON) -> None:
        session, state = self._session(connection), self.world.state
        if session is None or str(data.get("guild_id")) != self.world.guild_id:
            return
        wanted = [str(identity) for identity in data.get("user_ids") or []]
        prefix = str(data.get("query") or "").lower()
        found = wanted or [identity for identity in state.members if state.users[identity]["username"].lower().startswith(prefix)]
        found = found[: int(data.get("limit") or 0) or None]
        chunks = [found[start : start + 1000] for start in range(0, len(found), 1000)] or [[]]
        for number, chunk in enumerate(chunks):
            members = [shapes.member_of(state, identity) for identity in chunk if identity in state.members]
            told: JSON = {"guild_id": self.world.guild_id, "members": members, "chunk_index": number, "chunk_count": len(chunks)}
            told["not_found"] = [identity for identity in chunk if identity not in state.members]
            session.dispatch("GUILD_MEMBERS_CHUNK", told | ({"nonce": data["nonce"]} if "nonce" in data else {}))

    def _hear(self, dispatch: Dispatch) -> None:
        if not dispatch.to_bot:
            return
        name, trouble = dispatch.name, self.trouble
        if trouble.held & {name, "*"}:
            trouble.waiting.append(dispatch)
            return
        for key in (name, "*"):
            if trouble.dropped[key] > 0:
                trouble.dropped[key] -= 1
                return
        twice = trouble.doubled[name] > 0
        trouble.doubled[name] -= twice
        self.deliver(dispatch)
        if twice:
            self.deliver(dispatch)

    def deliver(self, dispatch: Dispatch) -> None:
        """Give an event to every session that wants it, connected or not."""
        name, data, world = dispatch.name, dispatch.data, self.world
        for session in self.sessions.values():
            if wants(session.intents, name, data, world.bot_id):
                session.dispatch(name, trimmed(world, session.intents, name, data))


def _text(message: WSMessage) -> str | bytes:
    if message.type is WSMsgType.BINARY:
        content: bytes = message.data
        return zlib.decompress(content) if content[:1] == b"\x78" else content
    return str(message.data)
