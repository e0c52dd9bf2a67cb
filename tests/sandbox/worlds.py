"""Worlds in memory, with time turned by hand."""

from datetime import UTC, datetime
from pathlib import Path

from bot.clock import HandClock
from bot.sandbox import genesis, interactions, messages
from bot.sandbox.errors import JSON
from bot.sandbox.interactions import Deed
from bot.sandbox.messages import Draft
from bot.sandbox.state import Message
from bot.sandbox.store import Store
from bot.sandbox.uploads import Body
from bot.sandbox.world import World

START = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def world(path: Path | None = None) -> World:
    """A first world at a fixed instant with a fixed secret; the clock stands still."""
    made = World(Store(path), HandClock(START))
    if not made.open():
        genesis.found(made, "secret")
    return made


def turn(made: World, seconds: float) -> None:
    """Let time pass."""
    assert isinstance(made.clock, HandClock)
    made.clock.elapsed += seconds
    made.clock.instant = datetime.fromtimestamp(made.clock.instant.timestamp() + seconds, UTC)


def room(made: World, name: str = "trades") -> str:
    """Snowflake of a channel."""
    return str(made.state.ids["channels"][name])


def person(made: World, name: str = "owner") -> str:
    """Snowflake of a user."""
    return str(made.state.ids["users"][name])


def send(made: World, **fields: object) -> Message:
    """The bot sends a message."""
    return messages.create(made, Draft(made.bot_id, room(made), Body(dict(fields))))


def use(made: World, kind: int = interactions.SLASH, message: Message | None = None, who: str = "owner") -> JSON:
    """Somebody does something; gives the interaction."""
    data: JSON = {"id": "1", "name": "ping", "type": 1} if kind == interactions.SLASH else {"custom_id": "x", "component_type": 2}
    identity = interactions.start(made, Deed(kind, person(made, who), room(made), data, message))
    return made.state.interactions[identity]


def answer(made: World, record: JSON, kind: int, **data: object) -> JSON:
    """The bot's first answer."""
    return interactions.answer(made, record["id"], record["token"], Body({"type": kind, "data": data}))
