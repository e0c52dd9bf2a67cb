"""Where prices come from."""

from collections.abc import Collection
from datetime import date
from typing import Protocol

from core.model.instruments import Instrument
from core.model.market import MarketView


class MarketData(Protocol):
    """A feed. Every answer carries its `as_of`; a failed query raises, it is never an empty answer."""

    async def view(self, *, quotes: Collection[Instrument] = (), chains: Collection[str] = ()) -> MarketView:
        """Give the whole market at the clock's instant.

        Parameters
        ----------
        quotes : instruments whose quotes must be fresh in the view (feeds that fetch use this to prefetch).
        chains : underlyings whose chains must be in the view.

        Raises
        ------
        RetryError
            The vendor did not answer.
        """
        ...

    async def past(self, day: date) -> MarketView:
        """Give the market as it stood after the close of a past session: its completed bar and features, no live quotes needed.

        Raises
        ------
        RefusedError
            The day is no session, or lies outside of what the feed keeps.
        """
        ...
