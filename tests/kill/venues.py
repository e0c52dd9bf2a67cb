"""The brokers that the harness can trade with. One more is one file `venue_<name>.py` that holds a `VENUE`, and its name here."""

import importlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, cast

from brokers.paper import Surroundings
from core.ports.broker import Broker
from tests.kill.kept import AtBroker
from tests.kill.world import Road

NAMES = ("paper",)


class Venue(Protocol):
    """A loopback broker in a process of its own, how the real adapter reaches it, and how the judge reads its ledger."""

    name: str

    def serve(self, road: Road, ready: Callable[[int], None]) -> None:
        """Be the loopback broker until killed: call `ready` with the port, roll the dice of the road for faults."""
        ...

    def adapter(self, port: int, around: Surroundings) -> AbstractAsyncContextManager[Broker]:
        """The real adapter over its real wire, opened and closed."""
        ...

    async def calm(self, port: int) -> None:
        """No faults from now on; whatever was under way has arrived when this returns."""
        ...

    async def truth(self, port: int) -> AtBroker:
        """The ledger's own word, past the adapter."""
        ...


def venue(name: str) -> Venue:
    """Find a broker by name."""
    return cast("Venue", importlib.import_module(f"tests.kill.venue_{name}").VENUE)
