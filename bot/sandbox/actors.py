"""The hands of tests and the demo: the same calls in process and over HTTP.

owner = sandbox.control.user("owner")
seen = await owner.slash("portfolio summary")
await owner.react(message_id, "✅")
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.sandbox.errors import JSON
from core.model.errors import RefusedError

Caller = Callable[[str, JSON], Awaitable[Any]]
Id = int | str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a user sees of an answer.

    `state`: answered, thinking (deferred, no more patience), modal, choices, failed (no answer within 3 seconds).
    `message` and `followups` are message objects as this user gets them, ephemeral ones included.
    """

    interaction: str
    state: str
    message: JSON | None = None
    followups: tuple[JSON, ...] = ()
    modal: JSON | None = None
    choices: tuple[JSON, ...] = ()
    sentence: str = ""

    @classmethod
    def of(cls, told: JSON) -> "Seen":
        """Read the answer of a verb."""
        return cls(**told | {key: tuple(told[key]) for key in ("followups", "choices") if key in told})

    @property
    def text(self) -> str:
        """Content of the first message."""
        return str(self.message["content"]) if self.message else ""

    @property
    def embeds(self) -> list[JSON]:
        """Embeds of the first message."""
        return list(self.message["embeds"]) if self.message else []

    @property
    def private(self) -> bool:
        """Whether only this user sees it."""
        return bool(self.message and self.message["flags"] & 64)


class Actor:
    """One user; `who` is owner, approver, stranger or an id."""

    def __init__(self, call: Caller, who: Id) -> None:
        self._call = call
        self.who = str(who)

    async def slash(self, command: str, *, in_channel: Id = "playground", patience: float = 15.0, **options: object) -> Seen:
        """Use `/command` (with group and subcommand, as typed)."""
        args = {"command": command, "options": options, "channel": str(in_channel), "patience": patience}
        return Seen.of(await self._do("slash", args))

    async def autocomplete(
        self, command: str, option: str, *, in_channel: Id = "playground", **options: object
    ) -> tuple[JSON, ...]:
        """Type into an option; the choices that are offered."""
        args = {"command": command, "option": option, "options": options, "channel": str(in_channel)}
        return Seen.of(await self._do("autocomplete", args)).choices

    async def click(self, message: Id, custom_id: str, *, values: list[str] | None = None, patience: float = 15.0) -> Seen:
        """Click a button, or choose values in a menu."""
        args = {"message": str(message), "custom_id": custom_id, "values": values, "patience": patience}
        return Seen.of(await self._do("click", args))

    async def submit(self, seen: Seen, *, patience: float = 15.0, **values: str) -> Seen:
        """Send the modal that an answer opened; values by custom id."""
        return Seen.of(await self._do("submit", {"interaction": seen.interaction, "values": values, "patience": patience}))

    async def again(self, seen: Seen) -> Seen:
        """Look at an answer again: what it shows by now."""
        return Seen.of(await self._do("seen", {"interaction": seen.interaction}))

    async def react(self, message: Id, emoji: str) -> bool:
        """Add a reaction; False when it was there."""
        return bool((await self._do("react", {"message": str(message), "emoji": emoji}))["changed"])

    async def unreact(self, message: Id, emoji: str) -> bool:
        """Take an own reaction back; False when there was none."""
        return bool((await self._do("unreact", {"message": str(message), "emoji": emoji}))["changed"])

    async def say(self, text: str, *, in_channel: Id = "playground", reply_to: Id | None = None) -> JSON:
        """Write a message."""
        told: JSON = await self._do("say", {"text": text, "channel": str(in_channel), "reply_to": reply_to})
        return told

    async def see(self, channel: Id, limit: int = 50) -> list[JSON]:
        """Messages that this user sees in a channel, oldest first."""
        told: list[JSON] = await self._do("see", {"channel": str(channel), "limit": limit})
        return told

    async def look(self, message: Id) -> JSON:
        """One message as this user sees it."""
        told: JSON = await self._do("look", {"message": str(message)})
        return told

    async def _do(self, verb: str, args: JSON) -> Any:  # noqa: ANN401 - any JSON value
        return await self._call(verb, args | {"user": self.who})


class Control:
    """All verbs: those of users through `user`, every other through `do` (see `control.Verbs`)."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def user(self, who: Id) -> Actor:
        """Hands of one user."""
        return Actor(self._call, who)

    async def do(self, verb: str, **args: object) -> Any:  # noqa: ANN401 - any JSON value
        """Any verb by name."""
        return await self._call(verb, args)

    async def fault(self, method: str = "*", path: str = "", **what: object) -> None:
        """Add a fault of the REST side; see `faults.Fault` for the keys."""
        await self._call("fault", {"method": method, "path": path, **what})

    async def burst(self, message: Id, emoji: str, count: int) -> None:
        """So many strangers react at once."""
        await self._call("burst", {"message": str(message), "emoji": emoji, "count": count})

    async def log(self, since: int = 0, method: str | None = None, path: str = "") -> list[JSON]:
        """Requests and answers, oldest first."""
        told: list[JSON] = await self._call("log", {"since": since, "method": method, "path": path})
        return told


@asynccontextmanager
async def connect(control_url: str, control_token: str) -> AsyncIterator[Control]:
    """Hands over a server in another process."""
    headers = {"Authorization": f"Bearer {control_token}"}
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:

        async def call(verb: str, args: JSON) -> Any:  # noqa: ANN401 - any JSON value
            async with session.post(f"{control_url}/{verb}", json=args) as response:
                told = await response.json()
            if "error" in told:
                raise RefusedError(told["error"])
            return told["result"]

        yield Control(call)
