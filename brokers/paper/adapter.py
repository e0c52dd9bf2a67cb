"""The `Broker` port over a paper ledger, whichever way the ledger is reached: a call in this process, or a line to another one."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol, cast

from brokers.paper.ledger import Ledger
from brokers.paper.records import CorporateAction, Moment, Ticket, instruments
from core.model.errors import OperatorError, OutcomeUnknownError, QuantMatrixError, RefusedError, RetryError
from core.model.instruments import Instrument, Leg
from core.model.market import Quote, Session
from core.model.orders import Fill, Report, Transaction
from core.model.proposals import ApprovedOrder
from core.ports.broker import Account, Capabilities, Preview
from core.ports.clock import Clock

VERBS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        verb.__name__: verb
        for verb in (
            Ledger.account, Ledger.positions, Ledger.wanted, Ledger.find, Ledger.open_orders, Ledger.reports, Ledger.fills,
            Ledger.transactions, Ledger.preview, Ledger.submit, Ledger.cancel, Ledger.tick, Ledger.corporate_action, Ledger.expire,
        )
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the paper broker needs to see: the clock, quotes by instrument key (those it has), and the session of an instant."""

    clock: Clock
    quotes: Callable[[Collection[Instrument]], Awaitable[Mapping[str, Quote]]]
    session_at: Callable[[datetime], Session | None]


class Line(Protocol):
    """How a ledger is reached."""

    async def call(self, verb: str, *arguments: object) -> object:
        """Let the ledger do one of its verbs and give back its answer, or raise what it raised."""
        ...

    async def close(self) -> None:
        """Let go of the ledger."""
        ...


class Direct:
    """The ledger in this process; what waits for the disk does so off the event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turn = asyncio.Lock()

    async def call(self, verb: str, *arguments: object) -> object:
        """Do one verb; one at a time. Whoever asked may go away: what was begun is finished before the next one begins."""
        if not self._ledger.durable:
            return VERBS[verb](self._ledger, *arguments)
        return await asyncio.shield(self._alone(verb, arguments))

    async def _alone(self, verb: str, arguments: tuple[object, ...]) -> object:
        async with self._turn:
            return await asyncio.to_thread(VERBS[verb], self._ledger, *arguments)

    async def close(self) -> None:
        """Give the ledger's file free."""
        self._ledger.close()


class PaperBroker:
    """One paper account.

    Looking an order up, listing orders and cancelling first show the ledger the current quotes of its open orders: paper orders
    trade when the market is looked at. `tick` does only that.
    """

    def __init__(self, line: Line, around: Surroundings) -> None:
        self._line = line
        self._around = around

    @property
    def capabilities(self) -> Capabilities:
        """Everything, never live."""
        return Capabilities("paper", live=False)

    async def account(self) -> Account:
        """Balances now."""
        return cast("Account", await self._line.call("account", self._around.clock.now()))

    async def positions(self) -> Mapping[str, int]:
        """Signed quantity by instrument key."""
        return cast("Mapping[str, int]", await self._line.call("positions"))

    async def preview(self, order: ApprovedOrder) -> Preview:
        """Dry run."""
        ticket = _ticket(order)
        return cast("Preview", await self._line.call("preview", ticket, await self._moment(instruments(ticket))))

    async def submit(self, order: ApprovedOrder) -> Report:
        """Send once; see `core.ports.broker.Broker.submit`."""
        return await self._send(_ticket(order))

    async def trade_outside(self, legs: tuple[Leg, ...], quantity: int, limit: Decimal) -> Report:
        """Trade as somebody else on this account would (for rehearsals): the order carries no key of ours."""
        return await self._send(Ticket(None, legs, quantity, limit))

    async def cancel(self, key: str) -> Report:
        """Cancel, unless it trades first."""
        return cast("Report", await self._line.call("cancel", key, await self._open_moment()))

    async def find(self, key: str) -> Report | None:
        """Look an order up by our key."""
        await self.tick()
        return cast("Report | None", await self._line.call("find", key))

    async def open_orders(self) -> tuple[Report, ...]:
        """Every order that can still fill."""
        await self.tick()
        return cast("tuple[Report, ...]", await self._line.call("open_orders"))

    async def reports(self, since: datetime) -> tuple[Report, ...]:
        """Every order touched since then."""
        await self.tick()
        return cast("tuple[Report, ...]", await self._line.call("reports", since))

    async def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Every execution since then."""
        return cast("tuple[Fill, ...]", await self._line.call("fills", since))

    async def transactions(self, since: datetime) -> tuple[Transaction, ...]:
        """Every movement since then that is no fill."""
        return cast("tuple[Transaction, ...]", await self._line.call("transactions", since))

    async def tick(self) -> tuple[Report, ...]:
        """Show the ledger the market now; reports on the orders that changed."""
        if not await self._line.call("wanted"):
            return ()
        return cast("tuple[Report, ...]", await self._line.call("tick", await self._open_moment()))

    async def corporate_action(self, action: CorporateAction) -> tuple[Transaction, ...]:
        """Book a split, dividend or delisting; a second time changes nothing."""
        return cast("tuple[Transaction, ...]", await self._line.call("corporate_action", action, self._around.clock.now()))

    async def expire(self, day: date, spots: Mapping[str, Decimal]) -> tuple[Transaction, ...]:
        """Settle what expires on or before the day; `spots` are closing prices of the underlyings."""
        return cast("tuple[Transaction, ...]", await self._line.call("expire", day, spots, self._around.clock.now()))

    async def close(self) -> None:
        """Let go of the ledger."""
        await self._line.close()

    async def _send(self, ticket: Ticket) -> Report:
        try:
            moment = await self._moment(instruments(ticket))
        except QuantMatrixError as error:
            raise RefusedError(f"the order was not sent, its quotes could not be read: {error}") from error
        try:
            return cast("Report", await self._line.call("submit", ticket, moment))
        except OperatorError as error:
            raise OutcomeUnknownError(f"whether the paper broker took the order is unknown: {error}") from error

    async def _moment(self, things: Collection[Instrument]) -> Moment:
        quotes = await self._around.quotes(things) if things else {}
        now = self._around.clock.now()
        return Moment(now, self._around.session_at(now), quotes)

    async def _open_moment(self) -> Moment:
        """Moment for the open orders; without quotes nothing trades, and what the ledger knows stays readable."""
        things = cast("tuple[Instrument, ...]", await self._line.call("wanted"))
        try:
            return await self._moment(things)
        except RetryError:
            return await self._moment(())


def _ticket(order: ApprovedOrder) -> Ticket:
    return Ticket(order.key, order.envelope.legs, order.quantity, order.limit)
