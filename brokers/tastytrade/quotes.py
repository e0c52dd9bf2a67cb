"""DXLink: a second source of quotes and Greeks, beside the feed. Every answer carries the market's own time; old ones look old.

The SDK's queues grow without bound and it does not notice a feed that went silent: events are taken out at once, the last one
per name is kept, and a feed that says nothing while something is wanted is connected anew, less often each time.
"""

import asyncio
import logging
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from tastytrade import DXLinkStreamer
from tastytrade.dxfeed import Event
from tastytrade.dxfeed import Greeks as DxGreeks
from tastytrade.dxfeed import Quote as DxQuote

from brokers.tastytrade.line import Line
from brokers.tastytrade.stream import BACKOFF_SECONDS
from brokers.tastytrade.symbols import streamer
from core.model.errors import BadDataError
from core.model.instruments import Instrument, Option
from core.model.market import Quote

LOG = logging.getLogger(__name__)
CHUNK = 500
SILENT_SECONDS, MOST_SILENT_SECONDS = 15.0, 300.0
LOOK_SECONDS, CONNECT_SECONDS = 0.5, 20.0
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Greeks:
    """Greeks of one option as the stream says them: volatility an annual fraction, theta a calendar day, vega a point (0.01)."""

    price: float
    volatility: float
    delta: float
    gamma: float
    theta: float
    vega: float
    as_of: datetime


class QuoteStream:
    """Quotes and Greeks of what was asked for. `run` is a task that never ends by itself."""

    def __init__(self, line: Line, *, silent: float = SILENT_SECONDS) -> None:
        self._line = line
        self._silent = silent
        self._wanted: dict[str, str] = {}
        self._new = asyncio.Event()
        self._came = asyncio.Condition()
        self._quotes: dict[str, Quote] = {}
        self._greeks: dict[str, Greeks] = {}
        self._heard_at = float("-inf")
        self._failures = 0

    def quiet_for(self) -> float:
        """Seconds since the stream last said anything."""
        return self._line.clock.monotonic() - self._heard_at

    async def quotes(self, things: Collection[Instrument], patience: float = 2.0) -> Mapping[str, Quote]:
        """Last quote of each instrument, by key; those that did not come in time are left out. `as_of` tells their age."""
        return await self._known(things, self._quotes, patience)

    async def greeks(self, options: Collection[Option], patience: float = 2.0) -> Mapping[str, Greeks]:
        """Last Greeks of each option, by key; those that did not come in time are left out."""
        return await self._known(options, self._greeks, patience)

    async def _known(self, things: Collection[Instrument], known: Mapping[str, Kept], patience: float) -> Mapping[str, Kept]:
        missing = {streamer(thing): thing.key for thing in things if streamer(thing) not in self._wanted}
        if missing:
            self._wanted |= missing
            self._new.set()
        keys = [thing.key for thing in things]
        try:
            async with asyncio.timeout(patience), self._came:
                await self._came.wait_for(lambda: all(key in known for key in keys))
        except TimeoutError:
            pass
        return {key: known[key] for key in keys if key in known}

    async def run(self) -> None:
        """Listen for ever; after every break connect again, later each time."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - the SDK raises groups of anything; each means that the stream is gone
                LOG.warning("The quote stream broke (%s); connecting again", type(error).__name__)
            await self._line.clock.sleep(BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)])
            self._failures += 1

    async def _listen(self) -> None:
        async with asyncio.timeout(CONNECT_SECONDS) as limit:
            await self._line.token()
            async with DXLinkStreamer(self._line.session) as stream, asyncio.TaskGroup() as group:
                limit.reschedule(None)
                self._heard_at = self._line.clock.monotonic()
                group.create_task(self._subscribe(stream))
                group.create_task(self._follow(stream, DxQuote))
                group.create_task(self._follow(stream, DxGreeks))
                group.create_task(self._watch())

    async def _subscribe(self, stream: DXLinkStreamer) -> None:
        done: set[str] = set()
        while True:
            self._new.clear()
            names = [name for name in self._wanted if name not in done]
            for start in range(0, len(names), CHUNK):
                part = names[start : start + CHUNK]
                await stream.subscribe(DxQuote, part)
                options = [name for name in part if name.startswith(".")]
                if options:
                    await stream.subscribe(DxGreeks, options)
                done.update(part)
            await self._new.wait()

    async def _follow(self, stream: DXLinkStreamer, kind: type[Event]) -> None:
        async for event in stream.listen(kind):
            self._heard_at, self._failures = self._line.clock.monotonic(), 0
            key = self._wanted.get(event.event_symbol)
            if key is None:
                continue
            try:
                self._keep(key, event)
            except (BadDataError, ArithmeticError, ValueError, OverflowError) as error:
                LOG.warning("The quote stream said something about %s that makes no sense: %s", key, error)
                continue
            async with self._came:
                self._came.notify_all()

    def _keep(self, key: str, event: Event) -> None:
        now = self._line.clock.now()
        if isinstance(event, DxQuote):
            at = _instant(max(event.bid_time, event.ask_time), now)
            self._quotes[key] = Quote(event.bid_price, event.ask_price, _size(event.bid_size), _size(event.ask_size), at)
        elif isinstance(event, DxGreeks):
            figures = [float(value) for value in (event.price, event.volatility, event.delta, event.gamma, event.theta, event.vega)]
            if not all(math.isfinite(figure) for figure in figures):
                raise BadDataError(f"one of its Greeks is no number: {figures}")
            price, volatility, delta, gamma, theta, vega = figures
            self._greeks[key] = Greeks(price, volatility, delta, gamma, theta, vega, _instant(event.time, now))

    async def _watch(self) -> None:
        """End the connection when it says nothing although something is wanted."""
        patience = min(self._silent * 2**self._failures, MOST_SILENT_SECONDS)
        while True:
            await self._line.clock.sleep(min(LOOK_SECONDS, self._silent / 4))
            if self._wanted and self.quiet_for() > patience:
                raise TimeoutError


def _instant(milliseconds: int, now: datetime) -> datetime:
    """When the market said it; nothing lies in our future."""
    return min(datetime.fromtimestamp(milliseconds / 1000, UTC), now) if milliseconds > 0 else now


def _size(value: Decimal) -> int:
    return int(value) if value.is_finite() else 0
