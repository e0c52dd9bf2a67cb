"""What people do, and what they see of the answers."""

import asyncio
from datetime import timedelta
from typing import Any

from bot.sandbox import guilds, interactions, messages, reactions, slash
from bot.sandbox.errors import JSON
from bot.sandbox.interactions import Deed
from bot.sandbox.limits import LOADING
from bot.sandbox.messages import Draft
from bot.sandbox.permissions import channel_for, sending_in
from bot.sandbox.snowflakes import instant
from bot.sandbox.state import Message
from bot.sandbox.uploads import Body
from bot.sandbox.world import Dispatch, World
from core.model.errors import RefusedError

SHOWN = 12
NO_ANSWER = "The application did not respond"


class People:
    """Verbs of users; every one takes JSON arguments and gives JSON."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._changed: dict[str, asyncio.Event] = {}
        world.listen(self._hear)

    def user(self, who: object) -> str:
        """Snowflake of a user given by name (`owner`) or id."""
        known = self.world.state.ids["users"]
        identity = str(known.get(str(who), who))
        if identity not in self.world.state.users:
            raise RefusedError(f"there is no user {who!r}; known names are {', '.join(known)}")
        return identity

    def channel(self, which: object) -> str:
        """Snowflake of a channel given by name or id."""
        named = {channel["name"]: identity for identity, channel in self.world.state.channels.items() if "name" in channel}
        identity = str(named.get(str(which), which))
        if identity not in self.world.state.channels:
            raise RefusedError(f"there is no channel {which!r}; there are {', '.join(named)}")
        return identity

    def message(self, message_id: object) -> Message:
        """Message by id, in whichever channel it is."""
        for channel in self.world.state.messages.values():
            if str(message_id) in channel:
                return channel[str(message_id)]
        raise RefusedError(f"there is no message {message_id}; it may be deleted")

    def visible(self, message_id: object, user_id: str) -> Message:
        """Message that this user can see."""
        message = self.message(message_id)
        if not message.visible_to(user_id):
            raise RefusedError(f"this user does not see the message {message_id}")
        channel_for(self.world.state, user_id, message.channel_id)
        return message

    async def slash(self, args: JSON) -> JSON:
        """Use a slash command: user, command, options, channel, patience (seconds to wait for a deferred answer)."""
        user_id, channel_id = self.user(args["user"]), self.channel(args.get("channel", "playground"))
        data = slash.command_data(self.world, str(args["command"]), args.get("options") or {})
        slash.may_use(self.world, user_id, channel_id, data)
        return await self._do(Deed(interactions.SLASH, user_id, channel_id, data), args)

    async def autocomplete(self, args: JSON) -> JSON:
        """Type into an option: user, command, option, options, channel; gives the choices."""
        user_id, channel_id = self.user(args["user"]), self.channel(args.get("channel", "playground"))
        data = slash.command_data(self.world, str(args["command"]), args.get("options") or {}, str(args["option"]))
        return await self._do(Deed(interactions.AUTOCOMPLETE, user_id, channel_id, data), args)

    async def click(self, args: JSON) -> JSON:
        """Click a button or choose in a menu: user, message, custom_id, values, patience."""
        user_id = self.user(args["user"])
        message = self.visible(args["message"], user_id)
        data = slash.component_data(message, str(args["custom_id"]), args.get("values"))
        return await self._do(Deed(interactions.COMPONENT, user_id, message.channel_id, data, message), args)

    async def submit(self, args: JSON) -> JSON:
        """Send a modal: user, interaction (the one that opened it), values by custom id, patience."""
        user_id = self.user(args["user"])
        opened = self.world.state.interactions.get(str(args["interaction"]))
        if opened is None or "modal" not in opened or opened["user_id"] != user_id:
            raise RefusedError(f"no modal of the interaction {args['interaction']} is open for this user")
        data = slash.modal_data(opened["modal"], args.get("values") or {})
        message = self.message(opened["message_id"]) if opened["message_id"] else None
        return await self._do(Deed(interactions.MODAL_SUBMIT, user_id, opened["channel_id"], data, message, opened["id"]), args)

    async def react(self, args: JSON) -> JSON:
        """Add a reaction: user, message, emoji."""
        user_id = self.user(args["user"])
        message = self.visible(args["message"], user_id)
        return {"changed": reactions.add(self.world, message, user_id, str(args["emoji"]))}

    async def unreact(self, args: JSON) -> JSON:
        """Take an own reaction back: user, message, emoji."""
        user_id = self.user(args["user"])
        message = self.visible(args["message"], user_id)
        return {"changed": reactions.remove(self.world, message, user_id, str(args["emoji"]))}

    async def reactors(self, args: JSON) -> JSON:
        """Who reacted: message, emoji; gives the first names and how many more there are."""
        crowd = list(self.message(args["message"]).reactions.get(str(args["emoji"]), {}))
        users = [self.world.state.users[identity] for identity in crowd[:SHOWN]]
        return {"names": [user["global_name"] or user["username"] for user in users], "more": len(crowd) - len(users)}

    async def burst(self, args: JSON) -> JSON:
        """So many strangers react at once: message, emoji, count."""
        crowd = reactions.burst(self.world, self.message(args["message"]), str(args["emoji"]), int(args["count"]))
        return {"first": crowd[0], "count": len(crowd)}

    async def say(self, args: JSON) -> JSON:
        """Write a message: user, channel, text, reply_to, embeds (only programs can send those, such as a bot that joined)."""
        user_id, channel_id = self.user(args["user"]), self.channel(args.get("channel", "playground"))
        channel = channel_for(self.world.state, user_id, channel_id)
        channel_for(self.world.state, user_id, channel_id, sending_in(channel))
        body: JSON = {"content": str(args["text"]), "embeds": args.get("embeds") or []}
        if args.get("reply_to"):
            body["message_reference"] = {"message_id": str(args["reply_to"])}
        message = messages.create(self.world, Draft(user_id, channel_id, Body(body)))
        return self.world.render(message, user_id)

    async def dm(self, args: JSON) -> JSON:
        """Direct channel of a user with the bot: user."""
        return guilds.open_dm(self.world, self.user(args["user"]))

    async def see(self, args: JSON) -> list[JSON]:
        """What a user sees in a channel, oldest first: user, channel, limit."""
        user_id, channel_id = self.user(args["user"]), self.channel(args["channel"])
        channel_for(self.world.state, user_id, channel_id)
        found = messages.history(self.world, channel_id, user_id, {"limit": args.get("limit", 50)})
        return [self.world.render(message, user_id) for message in reversed(found)]

    async def look(self, args: JSON) -> JSON:
        """One message as a user sees it: user, message."""
        user_id = self.user(args["user"])
        return self.world.render(self.visible(args["message"], user_id), user_id)

    async def seen(self, args: JSON) -> JSON:
        """What the user sees of an earlier interaction now: interaction."""
        return seen(self.world, str(args["interaction"]))

    async def _do(self, deed: Deed, args: JSON) -> JSON:
        identity = interactions.start(self.world, deed)
        event = self._changed[identity] = asyncio.Event()
        left = interactions.ANSWER_WITHIN - (self.world.now() - instant(identity))
        try:
            await self._until(event, lambda: self._record(identity)["answer"] is not None, left)
            patience = timedelta(seconds=float(args.get("patience", 15)))
            await self._until(event, lambda: seen(self.world, identity)["state"] != "thinking", patience)
        finally:
            del self._changed[identity]
        return seen(self.world, identity)

    def _record(self, identity: str) -> JSON:
        return self.world.state.interactions[identity]

    async def _until(self, event: asyncio.Event, done: Any, patience: timedelta) -> None:  # noqa: ANN401 - a condition
        if done():
            return
        timeout = asyncio.create_task(self.world.clock.sleep(patience.total_seconds()))
        try:
            while not done() and not timeout.done():
                event.clear()
                change = asyncio.create_task(event.wait())
                await asyncio.wait({change, timeout}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
        finally:
            timeout.cancel()

    def _hear(self, dispatch: Dispatch) -> None:
        if dispatch.name == interactions.CHANGED and dispatch.data["id"] in self._changed:
            self._changed[dispatch.data["id"]].set()


def seen(world: World, identity: str) -> JSON:
    """What the user of an interaction sees of it now."""
    record = world.state.interactions[identity]
    user_id, channel_id = record["user_id"], record["channel_id"]
    found = [world.state.message(channel_id, item) for item in (record["original"], *record["followups"]) if item]
    shown = [world.render(message, user_id) for message in found if message is not None and message.visible_to(user_id)]
    told: JSON = {"interaction": identity, "state": "answered", "message": None, "followups": []}
    if record["answer"] is None:
        late = world.now() - instant(identity) >= interactions.ANSWER_WITHIN
        return told | {"state": "failed" if late else "waiting", "sentence": NO_ANSWER if late else ""}
    if "modal" in record:
        return told | {"state": "modal", "modal": record["modal"]}
    if "choices" in record:
        return told | {"state": "choices", "choices": record["choices"]}
    if shown and record["original"] == shown[0]["id"]:
        told["message"] = shown.pop(0)
        if told["message"]["flags"] & LOADING:
            told["state"] = "thinking"
    return told | {"followups": shown}
