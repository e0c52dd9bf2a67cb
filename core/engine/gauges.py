"""Gauges: what the breakers look at, measured by the engine and its machine, and what happens when one trips.

Seconds are those of the machine, whatever pace the engine's own clock has.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.engine import breakers, halt, tell
from core.engine.breakers import Effect, Measured, Trip
from core.engine.safety import SafetySettings
from core.model.instruments import Instrument, Stock
from core.model.market import MarketView
from core.model.money import ZERO
from core.model.notes import Tone
from core.model.orders import Movement, Order, OrderState
from core.ports.clock import Clock

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: Names that stand for the feed where nothing is held.
NAMES = 3


@dataclass(slots=True)
class Gauges:
    """Mutable; whoever measures something puts it here.

    Attributes
    ----------
    clock : Clock
        The machine's.
    opened : (datetime, Decimal) or None
        When this run first valued the account, and at how many dollars.
    flows : tuple of (datetime, Decimal)
        Money paid in (positive) and out; read anew when `known`, the number of movements, changes.
    off, levels : dict of breaker to Trip
        Why entries are off now; what has set a level and still stands.
    last_true : dict of breaker to float
        When each last had its cause.
    paged : set of order keys
        Orders that people were paged for.
    """

    clock: Clock
    limits: SafetySettings = field(default_factory=SafetySettings)
    lagging: float = 0.0
    disk: int | None = None
    memory: int | None = None
    descriptors: float | None = None
    audit: str = ""
    crashes: int = 0
    discord_gone: float = 0.0
    day_change: float | None = None
    week_change: float | None = None
    opened: tuple[datetime, Decimal] | None = None
    flows: tuple[tuple[datetime, Decimal], ...] = ()
    known: int = 0
    off: dict[str, Trip] = field(default_factory=dict)
    _calls: deque[bool] = field(default_factory=deque)
    _quote: tuple[float, float] | None = None
    _session_since: float | None = None
    levels: dict[str, Trip] = field(default_factory=dict)
    last_true: dict[str, float] = field(default_factory=dict)
    paged: set[str] = field(default_factory=set)

    @property
    def entries_off(self) -> str | None:
        """Why nothing may be opened now; None when it may."""
        first = next(iter(self.off.values()), None)
        return None if first is None else f"entries are off until {first.clears}: {first.sentence}"

    def called(self, *, answered: bool) -> None:
        """One call to the broker was answered (a refusal is an answer), or not."""
        self._calls.append(answered)
        while len(self._calls) > self.limits.broker_calls:
            self._calls.popleft()

    def saw(self, view: MarketView, asked: Sequence[Instrument]) -> None:
        """Keep how old the newest quote of a view is; a feed that quotes nothing at all counts by its answers."""
        around = [Stock(symbol) for symbol in view.symbols[:NAMES]]
        times = [quote.as_of for thing in (*asked, *around) if (quote := view.quote(thing)) is not None]
        age = (view.as_of - max(times)).total_seconds() if times else 0.0
        self._quote = (self.clock.monotonic(), max(age, 0.0))

    def feed_age(self, *, in_session: bool) -> float | None:
        """Seconds since the newest quote, counted from the beginning of the session at the earliest; None outside of one."""
        now = self.clock.monotonic()
        if not in_session:
            self._session_since = None
            return None
        if self._session_since is None:
            self._session_since = now
        if self._quote is None or self._quote[0] < self._session_since:
            return now - self._session_since
        return now - self._quote[0] + self._quote[1]

    def broker_failed(self) -> float | None:
        """Share of the last calls that failed; None before there were enough."""
        enough = len(self._calls) >= self.limits.broker_calls
        return self._calls.count(False) / len(self._calls) if enough else None


async def value(engine: "Engine", gauges: Gauges, view: MarketView) -> None:
    """Measure what the account gained since the previous session and since last week; money paid in or out is neither."""
    net = (await engine.book(view)).net_liquidation
    if gauges.opened is None:
        gauges.opened = (engine.clock.now(), net)
    if len(engine.books.movements) != gauges.known:
        gauges.known = len(engine.books.movements)
        moved = await engine.journal.transactions(engine.account)
        gauges.flows = tuple((movement.at, movement.cash) for movement in moved if movement.kind is Movement.DEPOSIT)
    today = view.session.day if view.session else view.completed
    gauges.day_change = _change(engine, gauges, net, today)
    gauges.week_change = _change(engine, gauges, net, today - timedelta(days=today.weekday()))


def _change(engine: "Engine", gauges: Gauges, net: Decimal, day: date) -> float | None:
    """Share gained since the last equity point before a day; since this run began when there is none yet."""
    since, start = gauges.opened or (engine.clock.now(), net)
    point = next((point for point in reversed(engine.books.equity) if point.day < day), None)
    if point is not None:
        session = engine.sessions.on(point.day)
        since, start = session.close if session else since, point.net_liquidation
    paid_in = sum((cash for at, cash in gauges.flows if at > since), ZERO)
    return float((net - paid_in) / start - 1) if start > 0 else None


async def measure(engine: "Engine", gauges: Gauges) -> Measured:
    """Take every figure at this moment."""
    now = engine.clock.now()
    session = engine.sessions.at(now)
    in_session = session is not None and session.holds(now)
    since = now - timedelta(minutes=gauges.limits.reject_minutes)
    touched = {order.key: order for order in (*engine.books.orders.values(), *await engine.journal.orders(since))}
    orders = tuple(touched.values())
    return Measured(
        rejects=sum(order.state is OrderState.REJECTED and order.updated_at >= since for order in orders),
        unknown=tuple(order.key for order in engine.books.doubtful() if order.state is not OrderState.SENDING),
        broker_failed=gauges.broker_failed(),
        feed_age=gauges.feed_age(in_session=in_session),
        lagging=gauges.lagging,
        disk=gauges.disk,
        memory=gauges.memory,
        descriptors=gauges.descriptors,
        audit=gauges.audit,
        duplicate=_duplicate(orders),
        day_change=gauges.day_change if in_session else None,
        week_change=gauges.week_change if in_session else None,
        crashes=gauges.crashes,
        discord_gone=gauges.discord_gone,
    )


def _duplicate(orders: Sequence[Order]) -> str:
    """Two of our orders under one number of the broker; empty when there are none."""
    seen: dict[str, str] = {}
    for order in orders:
        number = order.broker_order_id
        if number and seen.setdefault(number, order.key) != order.key:
            return f"the broker's order number {number} stands for {seen[number]} and for {order.key}"
    return ""


async def check(engine: "Engine", gauges: Gauges) -> None:
    """Let the breakers look. A level is set once for each time that its cause appears, so that people can resume."""
    trips = {trip.breaker: trip for trip in breakers.tripped(await measure(engine, gauges), gauges.limits)}
    for name, trip in trips.items():
        gauges.last_true[name] = gauges.clock.monotonic()
        if trip.effect is Effect.ENTRIES_OFF:
            await _off(engine, gauges, trip)
        elif name not in gauges.levels and trip.effect.level is not None:
            gauges.levels[name] = trip
            await halt.alarm(engine, f"{trip.sentence}. To clear: {trip.clears}", trip.effect.level)
    for name in set(gauges.levels) - set(trips):
        del gauges.levels[name]
    for name in set(gauges.off) - set(trips):
        await _on(engine, gauges, gauges.off[name])
    _escalated(engine, gauges)


async def _off(engine: "Engine", gauges: Gauges, trip: Trip) -> None:
    if trip.breaker in gauges.off:
        return
    gauges.off[trip.breaker] = trip
    body = f"{trip.sentence}. They come back by themselves when {trip.clears}."
    await _tell(engine, f"{trip.breaker}-off", "Entries are off", body, Tone.BAD)


async def _on(engine: "Engine", gauges: Gauges, trip: Trip) -> None:
    """Entries come back when the cause has been gone for a while, so that they do not flicker."""
    gone = gauges.clock.monotonic() - gauges.last_true.get(trip.breaker, 0.0)
    if gone < gauges.limits.clear_seconds:
        return
    del gauges.off[trip.breaker]
    left = f" Still off: {gauges.entries_off}." if gauges.off else ""
    title = "A cause is gone" if left else "Entries are on again"
    await _tell(engine, f"{trip.breaker}-on", title, f"It was: {trip.sentence}.{left}", Tone.GOOD)


async def _tell(engine: "Engine", occasion: str, title: str, body: str, tone: Tone) -> None:
    engine.page(title, body)
    await engine.journal.put_notes([tell.desk_note(occasion, title, body, engine.clock.now(), tone)])
    engine.notifier.wake()


def _escalated(engine: "Engine", gauges: Gauges) -> None:
    """Page each order that was not found in time, once."""
    for order in engine.books.doubtful():
        if order.state is OrderState.ESCALATED and order.key not in gauges.paged:
            gauges.paged.add(order.key)
            engine.page("Please look at the broker", f"{order.key} was not found there in time; it is not sent again.")
