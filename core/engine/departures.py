"""Departures: which envelopes sent something in this session; what leaves is compared with what was approved."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from core.market.sessions import NEW_YORK
from core.model.instruments import Leg
from core.model.proposals import Envelope
from core.model.signals import Intent

if TYPE_CHECKING:
    from core.engine.engine import Engine

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Departure:
    """The first order of an envelope that was sent."""

    envelope_id: str
    at: datetime
    account: str
    legs: tuple[Leg, ...]
    quantity: int
    intent: Intent

    @property
    def underlying(self) -> str:
        """Symbol whose price moves it."""
        return self.legs[0].instrument.underlying


@dataclass(slots=True)
class Departures:
    """Departures of one session, by envelope; mutable, kept in the books."""

    day: date
    first: dict[str, Departure] = field(default_factory=dict)

    def add(self, envelope: Envelope, at: datetime) -> None:
        """An order of the envelope left; only the first one counts."""
        departure = Departure(envelope.id, at, envelope.account, envelope.legs, envelope.quantity, envelope.intent)
        self.first.setdefault(envelope.id, departure)

    def others(self, envelope_id: str) -> tuple[Departure, ...]:
        """Departures of all other envelopes that opened something."""
        return tuple(one for one in self.first.values() if one.envelope_id != envelope_id and one.intent is Intent.OPEN)

    def total(self, envelope_id: str) -> int:
        """Envelopes that have left, this one included."""
        return len(self.first.keys() | {envelope_id})


def within(departures: Iterable[Departure], now: datetime, stretch: timedelta) -> int:
    """How many left within the stretch of time before now."""
    return sum(now - stretch < one.at for one in departures)


async def today(engine: "Engine") -> Departures:
    """Departures of this session: from memory, or from the journal in a process that has not looked yet."""
    day = engine.clock.now().astimezone(NEW_YORK).date()
    known = engine.books.departures
    if known is None:
        known = engine.books.departures = await _read(engine, day)
    elif known.day != day:
        known = engine.books.departures = Departures(day)
    return known


async def _read(engine: "Engine", day: date) -> Departures:
    found, session = Departures(day), engine.sessions.on(day)
    if session is None:
        return found
    orders = [order for order in await engine.journal.orders(session.open) if order.sent_at and order.sent_at >= session.open]
    for order in sorted(orders, key=lambda order: order.sent_at or order.created_at):
        envelope = await engine.journal.envelope(order.envelope_id)
        if envelope is not None and envelope.account == engine.account:
            found.add(envelope, order.sent_at or order.created_at)
    return found
