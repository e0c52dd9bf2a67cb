"""Everything that tests and the page can do to the world: people, changes from outside, faults, log."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from bot.sandbox import guilds, messages, reactions, shapes
from bot.sandbox.errors import JSON
from bot.sandbox.faults import Fault, rate_limited
from bot.sandbox.gateway import Gateway
from bot.sandbox.gateway_faults import GatewayFaults
from bot.sandbox.messages import Draft
from bot.sandbox.people import People
from bot.sandbox.permissions import BOT_NEEDS
from bot.sandbox.uploads import Body
from bot.sandbox.web import Front
from bot.sandbox.world import World
from core.model.errors import RefusedError

Verb = Callable[[JSON], Awaitable[Any]]


class Verbs:
    """Verbs by name; the public coroutine methods of four rooms."""

    def __init__(self, world: World, gateway: Gateway, front: Front) -> None:
        self.world = world
        self.gateway = gateway
        self.people = People(world)
        rooms = (self.people, Outside(world, self.people), RestFaults(front), GatewayFaults(gateway))
        self._verbs: dict[str, Verb] = {name: getattr(room, name) for room in rooms for name in _verbs_of(room)}

    async def call(self, verb: str, args: JSON) -> Any:  # noqa: ANN401 - any JSON value
        """Do it and give what came of it.

        Raises
        ------
        RefusedError
            No such verb, an argument is missing, or the world says no; one sentence says why.
        """
        found = self._verbs.get(verb)
        if found is None:
            raise RefusedError(f"there is no verb {verb!r}; there are {', '.join(sorted(self._verbs))}")
        try:
            return await found(args)
        except KeyError as error:
            raise RefusedError(f"{verb} needs the argument {error}") from error


def _verbs_of(room: object) -> list[str]:
    helpers = {"user", "channel", "message", "visible"}
    return [name for name in vars(type(room)) if not name.startswith("_") and name not in helpers]


class Outside:
    """Changes that come from elsewhere: moderators, other programs, a thief of the token."""

    def __init__(self, world: World, people: People) -> None:
        self._world = world
        self._people = people

    async def edit_message(self, args: JSON) -> JSON:
        """Change a message as whoever wrote it: message, and content, embeds or components."""
        wanted: JSON = {key: args[key] for key in ("content", "embeds", "components", "attachments") if key in args}
        return self._world.render(messages.edit(self._world, self._people.message(args["message"]), Body(wanted)))

    async def delete_message(self, args: JSON) -> None:
        """Remove a message: message."""
        messages.delete(self._world, self._people.message(args["message"]))

    async def webhook(self, args: JSON) -> JSON:
        """Say something through a webhook, which may bear any name: name, channel, text, embeds."""
        author = shapes.user(self._world.next_id(), str(args["name"]), bot=True)
        self._world.commit({"kind": "user", "user": author})
        body = Body({"content": str(args.get("text") or ""), "embeds": args.get("embeds") or []})
        draft = Draft(author["id"], self._people.channel(args["channel"]), body, extra={"webhook_id": author["id"]})
        return self._world.render(messages.create(self._world, draft))

    async def clear_reactions(self, args: JSON) -> None:
        """Take all reactions away, or those with one emoji: message, emoji."""
        reactions.clear(self._world, self._people.message(args["message"]), args.get("emoji"))

    async def set_roles(self, args: JSON) -> JSON:
        """Give a member exactly these roles: user, roles (names or ids)."""
        named = self._world.state.ids["roles"]
        roles = [str(named.get(str(role), role)) for role in args["roles"]]
        return guilds.change_member(self._world, self._member(args), {"roles": roles})

    async def time_out(self, args: JSON) -> JSON:
        """Time a member out until an instant (ISO), or null to end it: user, until."""
        return guilds.change_member(self._world, self._member(args), {"communication_disabled_until": args["until"]})

    async def join(self, args: JSON) -> JSON:
        """Somebody new comes in: name, bot."""
        return guilds.join(self._world, str(args["name"]), bot=bool(args.get("bot")))

    async def rejoin(self, args: JSON) -> JSON:
        """A known user (or the bot, `bot`) comes back: user."""
        return guilds.rejoin(self._world, self._member(args))

    async def leave(self, args: JSON) -> None:
        """A member leaves, or the bot is kicked: user (`bot` for the bot)."""
        guilds.leave(self._world, self._member(args))

    async def add_channel(self, args: JSON) -> JSON:
        """Make a text channel: name."""
        return guilds.add_channel(self._world, str(args["name"]))

    async def delete_channel(self, args: JSON) -> JSON:
        """Remove a channel: channel."""
        return guilds.delete_channel(self._world, self._people.channel(args["channel"]))

    async def delete_role(self, args: JSON) -> None:
        """Remove a role: role (name or id)."""
        named = self._world.state.ids["roles"]
        guilds.delete_role(self._world, str(named.get(str(args["role"]), args["role"])))

    async def bot_permissions(self, args: JSON) -> JSON:
        """Give the bot bits through its own role and take bits away in every channel: add, remove; nothing: as at first."""
        role_id = self._world.state.members[self._world.bot_id]["roles"][0]
        for channel in [item for item in self._world.state.channels.values() if item["type"] == 0]:
            await self.overwrite({"channel": channel["id"], "user": "bot", "deny": int(args.get("remove", 0))})
        return guilds.set_permissions(self._world, role_id, int(BOT_NEEDS) | int(args.get("add", 0)))

    async def overwrite(self, args: JSON) -> JSON:
        """Allow and deny bits in one channel for a user (`bot`: the bot) or a role: channel, user or role, allow, deny."""
        kind = 1 if "user" in args else 0
        target = self._member(args) if kind else str(args["role"])
        channel_id = self._people.channel(args["channel"])
        kept = [item for item in self._world.state.channels[channel_id]["permission_overwrites"] if item["id"] != target]
        made: JSON = {"id": target, "type": kind, "allow": str(args.get("allow", 0)), "deny": str(args.get("deny", 0))}
        wanted = [*kept, made] if int(made["allow"]) | int(made["deny"]) else kept
        return guilds.change_channel(self._world, channel_id, {"permission_overwrites": wanted})

    def _member(self, args: JSON) -> str:
        return self._world.bot_id if args["user"] == "bot" else self._people.user(args["user"])


class RestFaults:
    """Faults of the REST side, and what it was asked."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def fault(self, args: JSON) -> None:
        """Add a fault: the keys of `Fault`."""
        try:
            self._front.faults.add(Fault(**args))
        except TypeError as error:
            raise RefusedError(f"a fault takes the keys of Fault: {error}") from error

    async def rate_limit(self, args: JSON) -> None:
        """Answer 429: path, method, seconds, scope (user, global, shared), via, count."""
        body, headers = rate_limited(
            float(args.get("seconds", 0.5)), str(args.get("scope", "user")), via=bool(args.get("via", True))
        )
        wanted = {key: args[key] for key in ("path", "method", "count") if key in args}
        self._front.faults.add(Fault(status=429, body=body, headers=headers, **wanted))

    async def clear_faults(self, _: JSON) -> None:
        """No more faults on the REST side."""
        self._front.faults.clear()

    async def faults(self, _: JSON) -> list[JSON]:
        """Faults that wait."""
        return self._front.faults.listed()

    async def log(self, args: JSON) -> list[JSON]:
        """Requests and answers, oldest first: since (number), method, path (part of it), limit (the latest ones)."""
        since, method, path = int(args.get("since", 0)), args.get("method"), str(args.get("path", ""))
        found = [
            asdict(item) for item in self._front.log if item.number > since and method in {None, item.method} and path in item.path
        ]
        return found[-int(args["limit"]) :] if args.get("limit") else found
