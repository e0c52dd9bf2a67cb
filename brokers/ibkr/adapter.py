"""The `Broker` port over one Interactive Brokers account.

Everything is asked for; what IB sends by itself only makes the answer come sooner. A look reads open orders, completed orders and
executions back, each with its end marker, and puts them beside what was heard; without all three there is no answer.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from brokers.ibkr import asking, sending, windows
from brokers.ibkr.check import Admission, admission
from brokers.ibkr.contracts import Contracts
from brokers.ibkr.facts import OrderFact
from brokers.ibkr.line import Line
from brokers.ibkr.reporting import Telling
from brokers.ibkr.statements import Statements
from core.model.errors import IllegalEventError, RefusedError, RetryError
from core.model.orders import Fill, Report, Transaction
from core.model.proposals import ApprovedOrder
from core.ports.broker import Account, Capabilities, Preview

#: A look that took so long is good for three times as long, unless something is sent meanwhile.
_LONG = 0.5


@dataclass(frozen=True, slots=True)
class Health:
    """How the connection stands, for people: `state` is up, degraded or down."""

    state: str
    sentence: str
    account: str
    mode: str
    server_version: int
    accounts: tuple[str, ...]


class IbkrBroker:
    """One account at Interactive Brokers."""

    def __init__(self, line: Line, telling: Telling, statements: Statements | None = None) -> None:
        self._line = line
        self._statements = statements
        self._telling = telling
        self._contracts = Contracts(line)
        self._turn = asyncio.Lock()
        self._good_until = float("-inf")
        self._changes = 0

    @property
    def capabilities(self) -> Capabilities:
        """Stock, options, and combos of options in one guaranteed order."""
        return Capabilities("ibkr", live=self._line.place.live)

    @property
    def health(self) -> Health:
        """How the connection stands right now; asks nothing."""
        line, place = self._line, self._line.place
        mode = "live" if place.live else "paper"
        client = line.ib.client if line.up else None
        state = "down" if client is None else "degraded" if line.lost or not line.complete else "up"
        sentence = line.barred or line.lost or windows.resting(line.clock.now())
        sentence = sentence or {"down": f"no connection to {place}", "degraded": "not everything is read back yet", "up": ""}[state]
        return Health(
            state,
            sentence,
            place.account,
            mode,
            client.serverVersion() if client else 0,
            tuple(client.getAccounts()) if client else (),
        )

    async def check(self) -> Admission:
        """Look at connection, account, mode and permissions once more; for the doctor."""
        async with self._turn:
            await self._looked()
            return await admission(self._line, self._contracts, self._statements)

    async def account(self) -> Account:
        """Cash and the funds available for new positions, in dollars; margin loans are not counted as buying power."""
        async with self._turn:
            await self._connected()
            return await asking.account(self._line, self._telling.account)

    async def positions(self) -> Mapping[str, int]:
        """Signed quantity by instrument key."""
        async with self._turn:
            await self._connected()
            return await asking.positions(self._line)

    async def preview(self, order: ApprovedOrder) -> Preview:
        """Let IB work out commission and margin (a what-if order, which is never placed)."""
        async with self._turn:
            await self._looked()
            return await sending.preview(self._line, self._contracts, order)

    async def submit(self, order: ApprovedOrder) -> Report:
        """Send once; see `core.ports.broker.Broker.submit`."""
        placed = await sending.place(self._line, self._contracts, order)
        self._changed()
        refused = await sending.answered(self._line, placed)
        return await sending.outcome(lambda: self._placed(placed), order.key, refused)

    async def cancel(self, key: str) -> Report:
        """Ask to cancel; the report says where the order stands."""
        order = await self._one(key)
        if order is None:
            raise RefusedError(f"Interactive Brokers knows no order {key}")
        if self._telling.closed(order):
            return self._telling.report(order)
        self._changed()
        await sending.cancel(self._line, order)
        return await sending.after_cancel(lambda: self.find(key), key)

    async def find(self, key: str) -> Report | None:
        """Look an order up by our key over open orders, completed orders and executions."""
        order = await self._one(key)
        return None if order is None else self._telling.report(order)

    async def open_orders(self) -> tuple[Report, ...]:
        """Every order of the account that can still fill, ours or not."""
        await self._look()
        return tuple(self._telling.report(order) for order in self._orders() if not self._telling.closed(order))

    async def reports(self, since: datetime) -> tuple[Report, ...]:
        """Every order touched since then, as far back as IB keeps them (completed orders and executions of the day)."""
        await self._look()
        told = (self._telling.report(order) for order in self._orders())
        return tuple(report for report in told if report.at >= _second(since))

    async def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Every execution since then, ours or not, as far back as IB keeps them (today, or the days set in TWS's trade log)."""
        await self._look()
        facts = self._telling.facts
        orders = {order.perm_id: order for order in facts.orders.values()}
        found = [one for versions in facts.executions.values() for one in versions if one.part is not None]
        told = sorted((one for one in found if one.at >= _second(since)), key=lambda one: (one.at, one.exec_id, one.version))
        return tuple(self._telling.fill(one, orders.get(one.perm_id)) for one in told)

    async def transactions(self, since: datetime) -> tuple[Transaction, ...]:
        """Assignments, expiries, dividends, splits, cash: from Flex statements, which are made once a day.

        TWS itself tells none of them. Without a Flex query the answer is empty, and such a movement is first seen as a difference
        between the account and our books.
        """
        if self._statements is None:
            return ()
        return tuple(one for one in await self._statements.movements() if one.at >= since)

    async def close(self) -> None:
        """Hang up."""
        self._line.drop()
        self._telling.sent.close()

    async def open(self) -> None:
        """Connect, prove who is there, and read everything back once."""
        await self._look()

    def _orders(self) -> list[OrderFact]:
        return sorted(self._telling.facts.orders.values(), key=lambda order: (order.perm_id, order.order_id))

    async def _placed(self, placed: sending.Placed) -> Report | None:
        """The very order that was just sent."""
        await self._look()
        client = self._line.place.client_id
        mine = [order for order in self._telling.facts.of_key(placed.key) if order.client_id in {client, 0}]
        mine = [order for order in mine if order.order_id in {placed.order_id, 0}]
        return self._telling.report(mine[-1]) if mine else None

    async def _one(self, key: str) -> OrderFact | None:
        """The order with our key.

        Raises
        ------
        IllegalEventError
            There are two that trade or traded: something was sent twice.
        """
        await self._look()
        found = self._telling.facts.of_key(key) if self._telling.key_of(key) else ()
        real = [order for order in found if not self._telling.closed(order) or any(self._telling.report(order).leg_filled)]
        if len(real) > 1:
            numbers = ", ".join(str(order.perm_id) for order in real)
            raise IllegalEventError(f"order {key} is at Interactive Brokers {len(real)} times (permId {numbers}); cancel one there")
        return real[0] if real else found[-1] if found else None

    async def _look(self) -> None:
        async with self._turn:
            await self._looked(fresh=True)

    async def _looked(self, *, fresh: bool = False) -> None:
        """Read everything back, unless a look that is still good was made on this connection."""
        await self._connected()
        now = self._line.clock.monotonic()
        if self._line.complete and (not fresh or now < self._good_until):
            return
        changes = self._changes
        await asking.look(self._line)
        self._line.complete = True
        took = self._line.clock.monotonic() - now
        self._good_until = now + 4 * took if took >= _LONG and changes == self._changes else float("-inf")

    def _changed(self) -> None:
        """Something was sent: a look that began before it says nothing about it."""
        self._changes += 1
        self._good_until = float("-inf")

    async def _connected(self) -> None:
        await self._line.connect()
        if not self._line.lost:
            return
        if self._line.clock.monotonic() - self._line.lost_at > self._line.place.patience_seconds:
            self._line.drop()
        raise RetryError(f"{self._line.lost}; what it shows may be old, so it is not asked")


def _second(instant: datetime) -> datetime:
    """IB tells the time of an execution in whole seconds."""
    return instant.replace(microsecond=0)
