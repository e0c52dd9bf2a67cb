"""The brokers that the harness can trade with. One more is one file `venue_<name>.py` that holds a `VENUE`, and its name here."""

import importlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, cast

from brokers.paper import Surroundings
from core.ports.broker import Broker
from tests.kill.hand import Ports, Ready
from tests.kill.kept import AtBroker
from tests.kill.world import Road

NAMES = ("paper", "tastytrade", "ibkr")


class Venue(Protocol):
    """A loopback broker in a process of its own, how the real adapter reaches it, and how the judge reads its ledger."""

    @property
    def name(self) -> str: ...

    def imported(self) -> None:
        """Import what the adapter imports late."""
        ...

    def serve(self, road: Road, ready: Ready) -> None:
        """Be the loopback broker until killed: call `ready` with its two ports, roll the dice of the road for faults."""
        ...

    def adapter(self, road: Road, ports: Ports, around: Surroundings) -> AbstractAsyncContextManager[Broker]:
        """The real adapter over its real wire, opened and closed."""
        ...

    async def look(self, ports: Ports, now: datetime, prices: Mapping[str, float]) -> None:
        """The broker's own time and market."""
        ...

    async def calm(self, ports: Ports) -> None:
        """No faults from now on; whatever was under way has arrived when this returns."""
        ...

    async def truth(self, ports: Ports) -> AtBroker:
        """The ledger's own word, past the adapter."""
        ...


def venue(name: str) -> Venue:
    """Find a broker by name."""
    return cast("Venue", importlib.import_module(f"tests.kill.venue_{name}").VENUE)
