"""What every broker is put on to meet the matrix of `tests/test_every_broker.py`.

A bench is one kind of broker with the world around it: a market that is set by hand, time that is turned by hand, and a hand
inside the broker. To add one, add `bench_<name>.py` beside this file with a mapping `BENCHES` from a name to what makes a bench in
an empty folder.
"""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from core.model.instruments import Instrument, Leg, Option, Right, Side, Stock
from core.model.orders import OrderEvent, Report
from core.model.proposals import ApprovedOrder
from core.model.signals import Intent
from core.ports.broker import Broker
from tests.kit import nouns

#: Every bench opens its account with so much cash, and nothing else in it.
CASH = Decimal(100_000)
KEY = "qm1-one-1"
LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)
LEAD = Stock("LEAD")
CALL = Option("LEAD", date(2024, 7, 19), Right.CALL, Decimal(100))
HIGHER = Option("LEAD", date(2024, 7, 19), Right.CALL, Decimal(110))
BUY_LEAD = (Leg(LEAD, Side.BUY),)
SELL_LEAD = (Leg(LEAD, Side.SELL),)
BUY_SPREAD = (Leg(CALL, Side.BUY), Leg(HIGHER, Side.SELL))
SELL_SPREAD = (Leg(CALL, Side.SELL), Leg(HIGHER, Side.BUY))


@dataclass
class HandClock:
    """Stands still until it is turned."""

    instant: datetime = nouns.NOW

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.instant.timestamp()

    async def sleep_until(self, instant: datetime) -> None:
        self.instant = max(self.instant, instant)

    async def sleep(self, seconds: float) -> None:
        self.turn(seconds)

    def turn(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


def approved(
    limit: str,
    quantity: int = 10,
    legs: tuple[Leg, ...] = BUY_LEAD,
    name: str = "one",
    number: int = 1,
    intent: Intent = Intent.OPEN,
) -> ApprovedOrder:
    """One child order; the key is made of `name` and `number`."""
    price = Decimal(limit)
    envelope = replace(nouns.envelope(), id=name, legs=legs, quantity=quantity, limit=price, floor=price, intent=intent)
    return ApprovedOrder(envelope, number, quantity, price)


class Bench(Protocol):
    """One kind of broker with the world around it.

    Attributes
    ----------
    broker : Broker
        Opened by `start`, opened anew by `restart`.
    clock : HandClock
        The time that the broker and its adapter see.
    distant : bool
        Whether answers can get lost on the way (`lose`).
    forceable : frozenset of OrderEvent
        What `force` can do to an order.
    """

    clock: HandClock
    distant: bool
    forceable: frozenset[OrderEvent]

    @property
    def broker(self) -> Broker: ...

    async def start(self) -> None:
        """Bring broker and adapter up. LEAD is quoted 99.99 to 100.01, a thousand shares each."""
        ...

    async def stop(self) -> None:
        """End everything."""
        ...

    async def restart(self) -> None:
        """Our side dies and comes back; the broker's books are what they were."""
        ...

    async def show(self, thing: Instrument, bid: str, ask: str, size: int = 1000) -> None:
        """Set the market; open orders trade on it, each displayed size once."""
        ...

    async def turn(self, seconds: float) -> None:
        """Let time go by, also at the broker."""
        ...

    async def trade_outside(self, legs: tuple[Leg, ...], quantity: int, limit: str) -> None:
        """Trade as somebody else on this account would."""
        ...

    async def settle(self, day: date, spots: Mapping[str, Decimal]) -> None:
        """The day of expiry is over: the broker exercises, assigns and removes what expires."""
        ...

    async def lose(self, verb: str, when: str) -> None:
        """Lose one answer to a verb of the port: ``before`` the broker reads the question, or ``after`` it acted on it."""
        ...

    async def force(self, key: str, event: OrderEvent) -> None:
        """Let the broker turn the order with the key as the event says."""
        ...

    async def taken(self) -> Sequence[str | None]:
        """Key of every order that the broker ever took, read from its own books."""
        ...


def benches() -> Mapping[str, Callable[[Path], Bench]]:
    """Every bench of this folder by name."""
    package = importlib.import_module("tests.brokers")
    names = sorted(entry.name for entry in pkgutil.iter_modules(package.__path__) if entry.name.startswith("bench_"))
    found: dict[str, Callable[[Path], Bench]] = {}
    for name in names:
        found.update(importlib.import_module(f"tests.brokers.{name}").BENCHES)
    return found


@asynccontextmanager
async def up(bench: Bench) -> AsyncIterator[Bench]:
    """Start a bench, and stop it in any case."""
    try:
        await bench.start()
        yield bench
    finally:
        await bench.stop()


async def found(bench: Bench, key: str = KEY) -> Report:
    """What the broker says about an order that it must know."""
    report = await bench.broker.find(key)
    assert report is not None
    return report
