"""The world: state, clock, ids, file and listeners in one hand. Every change is one event, written before it counts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox import shapes
from bot.sandbox.errors import JSON
from bot.sandbox.snowflakes import Snowflakes
from bot.sandbox.state import Message, State, apply
from bot.sandbox.store import Store
from core.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Something that happened, for those who listen.

    Attributes
    ----------
    name : str
        Gateway event name.
    data : dict
        Its payload, as the bot gets it.
    to_bot : bool
        False for what only one user sees (ephemeral messages).
    touched : (channel id, message id) or None
        The message that looks different now.
    """

    name: str
    data: JSON
    to_bot: bool = True
    touched: tuple[str, str] | None = None


Listener = Callable[[Dispatch], None]


class World:
    """One guild with its people, and the bot that works in it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.state = State()
        self.clock = clock
        self.store = store
        self.base = ""
        self._snowflakes = Snowflakes()
        self._listeners: list[Listener] = []

    def open(self) -> bool:
        """Rebuild the state from the file; answers whether there was a world in it.

        Raises
        ------
        OperatorError
            The file cannot be used.
        """
        events = self.store.open()
        for event in events:
            apply(self.state, event)
        self._snowflakes.seen(self.state.last_id)
        return bool(events)

    @property
    def bot_id(self) -> str:
        """Snowflake of the bot's user, which is that of its application too."""
        return str(self.state.ids["bot"])

    @property
    def guild_id(self) -> str:
        """Snowflake of the one guild."""
        return str(self.state.guild["id"])

    def now(self) -> datetime:
        """Time of the world's clock (aware UTC)."""
        return self.clock.now()

    def stamp(self) -> str:
        """Time in wire form."""
        return self.clock.now().isoformat(timespec="microseconds")

    def next_id(self) -> str:
        """Give a new snowflake."""
        return self._snowflakes.next(self.clock.now())

    def skip_ids(self, count: int) -> None:
        """Set the next ids aside: a crowd takes a run of them."""
        self._snowflakes.seen(int(self.next_id()) + count)

    def listen(self, listener: Listener) -> None:
        """Be told of every change from now on."""
        self._listeners.append(listener)

    def commit(self, event: JSON, *dispatches: Dispatch) -> None:
        """Write the event, apply it and tell the listeners."""
        event["last_id"] = self._snowflakes.last
        self.store.append(event)
        apply(self.state, event)
        for dispatch in dispatches:
            self.tell(dispatch)

    def tell(self, dispatch: Dispatch) -> None:
        """Tell the listeners without changing anything (typing, interactions)."""
        for listener in self._listeners:
            listener(dispatch)

    def render(self, message: Message, viewer: str | None = None) -> JSON:
        """Message as this user (default: the bot) gets it."""
        return shapes.message(self.state, message, viewer or self.bot_id, self.base)
