"""What a broker streams beside its answers: hints that something changed, and a second source of quotes.

A hint makes the desk look at once, instead of at its next turn; what it then believes is what it reads.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol, runtime_checkable

from core.model.errors import QuantMatrixError
from core.model.instruments import Instrument
from core.model.market import MarketView, Quote
from core.ports.market import MarketData

LOG = logging.getLogger(__name__)
#: How long a decision waits for the second source.
PATIENCE = 0.5


class Hints(Protocol):
    """Tells that something at the broker may have changed."""

    async def run(self) -> None:
        """Listen until cancelled."""
        ...

    async def hints(self) -> Collection[str]:
        """Wait until something may have changed."""
        ...


class Quotes(Protocol):
    """Quotes of another source than the feed."""

    async def run(self) -> None:
        """Listen until cancelled."""
        ...

    async def quotes(self, things: Collection[Instrument], patience: float = ...) -> Mapping[str, Quote]:
        """Last quote of each instrument by key, as far as there are any."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A broker that has both."""

    def stream(self) -> Hints:
        """Hints about the account."""
        ...

    def quotes(self) -> Quotes:
        """Quotes of its own source."""
        ...


@dataclass(frozen=True, slots=True)
class TwoSources:
    """A feed, and beside it what another source quotes for the instruments that a decision is about."""

    feed: MarketData
    other: Quotes

    async def view(self, *, quotes: Collection[Instrument] = (), chains: Collection[str] = ()) -> MarketView:
        """Give the feed's view; `conditions.second` holds what the other source says."""
        view = await self.feed.view(quotes=quotes, chains=chains)
        if not quotes:
            return view
        second = await self.other.quotes(quotes, PATIENCE)
        asked = frozenset(thing.key for thing in quotes)
        return replace(view, conditions=replace(view.conditions, second=second, asked=asked))

    async def past(self, day: date) -> MarketView:
        """Give the feed's view of a past session."""
        return await self.feed.past(day)


async def heed(hints: Hints, look: Callable[[], Awaitable[None]]) -> None:
    """Look whenever something may have changed, until cancelled."""
    while True:
        await hints.hints()
        try:
            await look()
        except QuantMatrixError as error:
            LOG.warning("A hint of the broker could not be followed up: %s; the next turn looks again", error)


def tasks_of(broker: Streaming, quotes: Quotes, look: Callable[[], Awaitable[None]]) -> tuple[Coroutine[None, None, None], ...]:
    """Give what runs as long as the account is open."""
    hints = broker.stream()
    return hints.run(), heed(hints, look), quotes.run()
