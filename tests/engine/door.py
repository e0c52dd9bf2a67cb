"""A broker that loses, delays, repeats and reorders what it says, at the Broker door; behind it the paper ledger stays honest."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from brokers.paper import PaperBroker
from core.model.errors import OutcomeUnknownError, RefusedError, RetryError
from core.model.instruments import Side
from core.model.orders import Fill, Report, Transaction
from core.model.proposals import ApprovedOrder
from core.ports.broker import Account, Capabilities, Preview
from tests.engine.rig import Desk, desk
from tests.kit import nouns

CHANGING = frozenset({"submit", "cancel"})


def as_it_is(report: Report) -> Report:
    return report


@dataclass(slots=True)
class Door:
    """Faults by verb; what is not named goes through.

    Attributes
    ----------
    dead : verbs that never reach the broker
    lost : verbs that reach it and whose answer is lost
    refused : verb -> the broker's sentence
    hidden : order keys that its reads do not show yet
    change : what it says instead of a report
    again : every list of reports comes twice, backwards
    silent_fills : executions are not listed
    before : what happens in the world right before a verb is answered
    extra, listed, traded : movements, open orders and executions that it tells besides the true ones
    held : changes of what it says that is held, by instrument key
    """

    inner: PaperBroker
    dead: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    change: Callable[[Report], Report] = as_it_is
    again: bool = False
    silent_fills: bool = False
    before: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)
    submits: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    extra: list[Transaction] = field(default_factory=list)
    listed: list[Report] = field(default_factory=list)
    traded: list[Fill] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    async def _through(self, verb: str, call: Callable[[], Awaitable[Report]]) -> Report:
        await self._reached(verb)
        answer = await call()
        if verb in self.lost:
            raise OutcomeUnknownError(f"the answer to {verb} was lost")
        return self.change(answer)

    async def _reached(self, verb: str) -> None:
        self.asked[verb] += 1
        if verb in self.before:
            await self.before[verb]()
        if verb in self.dead:
            raise (OutcomeUnknownError if verb in CHANGING else RetryError)(f"{verb} never arrived")
        if verb in self.refused:
            raise RefusedError(self.refused[verb])

    def _seen(self, reports: tuple[Report, ...]) -> tuple[Report, ...]:
        seen = tuple(self.change(report) for report in reports if report.key not in self.hidden)
        return (*reversed(seen), *seen) if self.again else seen

    async def account(self) -> Account:
        await self._reached("account")
        return await self.inner.account()

    async def positions(self) -> Mapping[str, int]:
        await self._reached("positions")
        true = dict(await self.inner.positions())
        told = {key: true.get(key, 0) + self.held.get(key, 0) for key in {*true, *self.held}}
        return {key: quantity for key, quantity in sorted(told.items()) if quantity}

    async def preview(self, order: ApprovedOrder) -> Preview:
        await self._reached("preview")
        return await self.inner.preview(order)

    async def submit(self, order: ApprovedOrder) -> Report:
        self.submits[order.key] += 1
        return await self._through("submit", lambda: self.inner.submit(order))

    async def cancel(self, key: str) -> Report:
        return await self._through("cancel", lambda: self.inner.cancel(key))

    async def find(self, key: str) -> Report | None:
        await self._reached("find")
        report = await self.inner.find(key)
        return None if report is None or key in self.hidden else self.change(report)

    async def open_orders(self) -> tuple[Report, ...]:
        await self._reached("open_orders")
        return (*self._seen(await self.inner.open_orders()), *self.listed)

    async def reports(self, since: datetime) -> tuple[Report, ...]:
        await self._reached("reports")
        return self._seen(await self.inner.reports(since))

    async def fills(self, since: datetime) -> tuple[Fill, ...]:
        await self._reached("fills")
        told = () if self.silent_fills else await self.inner.fills(since)
        return tuple(fill for fill in (*told, *self.traded) if fill.order_key not in self.hidden)

    async def transactions(self, since: datetime) -> tuple[Transaction, ...]:
        await self._reached("transactions")
        return (*await self.inner.transactions(since), *self.extra)


def execution(side: Side, quantity: int, price: str, key: str = "LEAD", **changes: object) -> Fill:
    made = Fill(f"x-{side}-{quantity}-{price}", "", "paper", 0, key, side, quantity, Decimal(price), Decimal("0.50"), nouns.NOW)
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of the case


@asynccontextmanager
async def faulty(folder: Path, **changes: Any) -> AsyncIterator[tuple[Desk, Door]]:
    """A desk that reaches its broker through a door with faults."""
    doors: list[Door] = []

    def wrap(broker: PaperBroker) -> Door:
        doors.append(Door(broker))
        return doors[0]

    async with desk(folder, wrap=wrap, **changes) as one:
        yield one, doors[0]
