"""Faults of the gateway, as verbs."""

from bot.sandbox.errors import JSON
from bot.sandbox.gateway import Gateway
from bot.sandbox.sessions import packed
from bot.sandbox.world import Dispatch


class GatewayFaults:
    """Verbs that reach into connections, sessions and the stream of events."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def op(self, args: JSON) -> None:
        """Send any payload to every connection: op, d (7 reconnect, 9 invalid session, 1 heartbeat request)."""
        for connection in self._gateway.connections:
            connection.send(packed(int(args["op"]), args.get("d"), args.get("t"), args.get("s")))

    async def event(self, args: JSON) -> None:
        """Send any event, numbered, to every session that wants it: name, data."""
        self._gateway.deliver(Dispatch(str(args["name"]), args["data"]))

    async def close(self, args: JSON) -> None:
        """Close every connection with a code: code."""
        for connection in list(self._gateway.connections):
            await connection.close(int(args["code"]))

    async def abort(self, _: JSON) -> None:
        """Cut every connection without a word."""
        for connection in list(self._gateway.connections):
            connection.abort()

    async def forget(self, _: JSON) -> None:
        """Forget every session: a RESUME gets op 9 false."""
        self._gateway.sessions.clear()

    async def hold(self, args: JSON) -> None:
        """Keep events back: names (`*` for all)."""
        self._gateway.trouble.held |= set(args["names"])

    async def release(self, args: JSON) -> int:
        """Let the held events go, in reverse order when asked: reverse; gives how many."""
        trouble = self._gateway.trouble
        waiting, trouble.waiting, trouble.held = trouble.waiting, [], set()
        for dispatch in reversed(waiting) if args.get("reverse") else waiting:
            self._gateway.deliver(dispatch)
        return len(waiting)

    async def drop(self, args: JSON) -> None:
        """Lose the next events of a name: name, count."""
        self._gateway.trouble.dropped[str(args["name"])] += int(args.get("count", 1))

    async def double(self, args: JSON) -> None:
        """Tell the next events of a name twice: name, count."""
        self._gateway.trouble.doubled[str(args["name"])] += int(args.get("count", 1))

    async def refuse(self, args: JSON) -> None:
        """Refuse the next connections: count, status."""
        self._gateway.trouble.refused = int(args.get("count", 1))
        self._gateway.trouble.refused_status = int(args.get("status", 503))

    async def silence(self, args: JSON) -> None:
        """Switch HELLO and heartbeat answers: hello, acks (true or false); heartbeat_ms for the next HELLO."""
        trouble = self._gateway.trouble
        trouble.hello = bool(args.get("hello", trouble.hello))
        trouble.acks = bool(args.get("acks", trouble.acks))
        trouble.heartbeat_ms = int(args.get("heartbeat_ms", trouble.heartbeat_ms))

    async def gateway_log(self, args: JSON) -> list[JSON]:
        """What clients sent over the gateway: op."""
        return [item for item in self._gateway.log if args.get("op") in {None, item["op"]}]

    async def gateway_state(self, _: JSON) -> JSON:
        """Connections, sessions with their last number, IDENTIFYs so far."""
        sessions = [
            {"id": item.id, "number": item.number, "connected": item.connection is not None, "intents": item.intents}
            for item in self._gateway.sessions.values()
        ]
        return {"connections": len(self._gateway.connections), "sessions": sessions, "identifies": self._gateway.identifies}
