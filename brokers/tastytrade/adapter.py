"""The `Broker` port over tastytrade. It keeps nothing that matters: hints may be lost at any moment, every answer is asked for.

Reads raise `RetryError` or give everything. A submit is one POST on a connection of its own: what proves that nothing happened is
a `RefusedError`, whatever else goes wrong leaves the outcome unknown. The SDK logs in, writes orders, and streams; its own calls
for orders are left aside, because they hide the status of an answer and refuse answers that the broker really gives.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from brokers.tastytrade import tickets
from brokers.tastytrade.check import Admission, admitted
from brokers.tastytrade.line import Line
from brokers.tastytrade.movements import movements
from brokers.tastytrade.quotes import QuoteStream
from brokers.tastytrade.reading import Costs, Reader, fees_of, is_open, judgement, key_of
from brokers.tastytrade.standing import told
from brokers.tastytrade.stream import AccountStream
from brokers.tastytrade.symbols import from_wire
from brokers.tastytrade.values import inner, text, whole
from brokers.tastytrade.wire import JSON, WireError
from core.model.errors import OperatorError, OutcomeUnknownError, RefusedError, RetryError
from core.model.money import ZERO
from core.model.orders import Fill, Report, Transaction
from core.model.proposals import ApprovedOrder
from core.ports.broker import Account, Capabilities, Preview

NEW_YORK = ZoneInfo("America/New_York")
#: Statuses that with a well-formed error object prove that the order was not taken.
PROVEN = frozenset({400, 401, 403, 422})


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose account: its name in our books, its number at the broker, and how far back an order is looked for."""

    account: str
    number: str
    look_back: timedelta


class TastytradeBroker:
    """One account at tastytrade."""

    def __init__(self, line: Line, who: Identity, capabilities: Capabilities) -> None:
        self.line = line
        self.who = who
        self._capabilities = capabilities
        self._reader = Reader(who.account)
        self._ids: dict[str, tuple[str, ...]] = {}
        self._costs = Costs()
        self._path = f"/accounts/{who.number}"

    @property
    def capabilities(self) -> Capabilities:
        """What the account may trade."""
        return self._capabilities

    async def check(self) -> Admission:
        """Look at connection, account and permissions once more; for the doctor."""
        return await admitted(self.line, self.who.number)

    def stream(self) -> AccountStream:
        """Hints that something changed; its `run` is a task of its own."""
        return AccountStream(self.line, self.who.number)

    def quotes(self) -> QuoteStream:
        """A second source of quotes and Greeks; its `run` is a task of its own."""
        return QuoteStream(self.line)

    async def close(self) -> None:
        """Close every connection."""
        await self.line.close()

    # reads

    async def account(self) -> Account:
        """Balances now, with what the broker still allows today."""
        body = inner(await self.line.get(f"{self._path}/balances/USD"), "data")
        rules = inner(await self.line.get(f"{self._path}/trading-status"), "data")
        return told(self.who.account, body, rules, self.line.clock.now())

    async def positions(self) -> Mapping[str, int]:
        """Signed quantity by instrument key."""
        held: dict[str, int] = {}
        for row in await self.line.items(f"{self._path}/positions"):
            count = whole(row, "quantity")
            direction = text(row, "quantity-direction")
            if count and direction not in ("Long", "Short"):
                raise RetryError(f"tastytrade holds {count} {row.get('symbol')} {direction}; that is neither long nor short")
            key = from_wire(row)
            held[key] = held.get(key, 0) + (count if direction == "Long" else -count)
        return {key: count for key, count in sorted(held.items()) if count}

    async def find(self, key: str) -> Report | None:
        """Look an order up by our key: where it was last seen, among today's, then in the history."""
        known = self._ids.get(key)
        found = [await self._again(key, known[0])] if known else await self._matching(key)
        return (await self._reports(found[:1]))[0] if found else None

    async def open_orders(self) -> tuple[Report, ...]:
        """Every order that can still fill, ours or not."""
        return await self._reports([order for order in _oldest_first(await self._live()) if is_open(order)])

    async def reports(self, since: datetime) -> tuple[Report, ...]:
        """Every order touched since then, with all its fills."""
        told = await self._reports(await self._orders(since))
        return tuple(report for report in told if report.at >= since)

    async def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Every execution since then, ours or not, in order of time; also those of older orders, which only the history names."""
        orders = await self._orders(since)
        trades = [row for row in await self._history("transactions", since) if row.get("transaction-type") == "Trade"]
        self._costs.known |= fees_of(trades)
        self._reader.learn(trades)
        old = {str(row["order-id"]) for row in trades if row.get("order-id")} - {str(order.get("id")) for order in orders}
        orders += [inner(await self.line.get(f"{self._path}/orders/{order_id}"), "data") for order_id in sorted(old)]
        told = await self._reports(orders)
        found = [fill for report in told for fill in report.fills if fill.at >= since]
        return tuple(sorted(found, key=lambda fill: (fill.at, fill.exec_id, fill.version)))

    async def transactions(self, since: datetime) -> tuple[Transaction, ...]:
        """Every movement since then that is no fill."""
        told = movements(await self._history("transactions", since), self.who.account)
        return tuple(row for row in told if row.at >= since)

    # verbs

    async def preview(self, order: ApprovedOrder) -> Preview:
        """Let tastytrade judge the order without taking it."""
        content = self._said(order)
        try:
            await self.line.ready()
            body = await self.line.send("POST", f"{self._path}/orders/dry-run", content)
        except WireError as error:
            if error.refusal and error.status in PROVEN - {401}:
                return Preview(accepted=False, reason=str(error), fees=ZERO, buying_power_effect=ZERO)
            self.line.heed(error)
            raise RetryError(f"{error}; nothing was sent to a market") from error
        return judgement(body)

    async def submit(self, order: ApprovedOrder) -> Report:
        """Send once; see `core.ports.broker.Broker.submit`."""
        content = self._said(order)
        try:
            await self.line.ready()
        except WireError as error:
            raise RefusedError(f"the order was not sent: {error}") from error
        try:
            body = await self.line.send("POST", f"{self._path}/orders", content)
        except WireError as error:
            self.line.heed(error)
            if not error.sent:
                raise RefusedError(f"the order was not sent: {error}") from error
            if error.refusal and error.status in PROVEN:
                raise RefusedError(f"tastytrade refused the order: {error}") from error
            raise OutcomeUnknownError(f"whether tastytrade took order {order.key} is unknown: {error}") from error
        return self._taken(order, body)

    async def cancel(self, key: str) -> Report:
        """Ask to cancel every order with the key; what cannot be cancelled any more is looked at instead."""
        numbers = self._ids.get(key) or tuple(str(order["id"]) for order in await self._matching(key))
        if not numbers:
            raise RefusedError(f"tastytrade knows no order {key!r}; nothing was cancelled")
        reports = [await self._cancel(key, order_id) for order_id in numbers]
        return reports[0]

    # inside

    def _said(self, order: ApprovedOrder) -> str:
        objection = self._capabilities.objection(order.envelope.legs)
        if objection is not None:
            raise RefusedError(f"the order was not sent: {objection}")
        return tickets.body(order)

    async def _cancel(self, key: str, order_id: str) -> Report:
        path, refusal = f"{self._path}/orders/{order_id}", None
        try:
            await self.line.token()
            await self.line.send("DELETE", path)
        except WireError as error:
            self.line.heed(error)
            if not error.sent or error.status in (401, 403):
                raise RetryError(f"order {key} was not cancelled: {error}; it is asked again") from error
            if not error.refusal:
                raise OutcomeUnknownError(f"whether order {key} was cancelled is unknown: {error}") from error
            refusal = error
        try:
            order = inner(await self.line.get(path), "data")
            (report,) = await self._reports([order])
        except RetryError as error:
            raise OutcomeUnknownError(f"order {key} was asked to be cancelled, where it stands is unknown: {error}") from error
        if refusal is not None and is_open(order):
            raise RefusedError(f"tastytrade refused to cancel order {key}: {refusal}") from refusal
        return report

    def _taken(self, order: ApprovedOrder, body: JSON) -> Report:
        """The report in the answer to a submit; anything odd in it leaves the outcome unknown."""
        data = body.get("data")
        told = data.get("order") if isinstance(data, dict) else None
        if not isinstance(told, dict) or key_of(told) != order.key:
            raise OutcomeUnknownError(f"tastytrade answered the submit of {order.key} without that order; it is looked up")
        try:
            report = self._reader.report(told, {})
        except RetryError as error:
            raise OutcomeUnknownError(f"tastytrade took {order.key} with an answer that cannot be read: {error}") from error
        self._remember([told])
        return report

    async def _again(self, key: str, order_id: str) -> JSON:
        """An order that was seen before. That it is gone proves nothing, unless the sandbox was cleared, as it is every night."""
        try:
            order = inner(await self.line.get(f"{self._path}/orders/{order_id}"), "data")
        except RetryError as error:
            lost = isinstance(error.__cause__, WireError) and error.__cause__.status == 404
            if lost and not self.line.place.live and not await self._orders(self.line.clock.now() - self.who.look_back):
                raise OperatorError(
                    f"tastytrade has cleared the sandbox account {self.who.number}; start again with a new journal"
                ) from error
            raise
        if key_of(order) != key:
            raise RetryError(f"tastytrade shows another order as {order_id} than before; it is asked again")
        return order

    async def _live(self) -> list[JSON]:
        """Every order created or updated today, and older ones that are open."""
        orders = await self.line.items(f"{self._path}/orders/live")
        self._remember(orders)
        return orders

    async def _orders(self, since: datetime) -> list[JSON]:
        """Every order that may have been touched since then: the history, and today's on top of it."""
        live = await self._live()
        if since.astimezone(NEW_YORK).date() >= self.line.clock.now().astimezone(NEW_YORK).date():
            return _oldest_first(live)
        older = await self._history("orders", since)
        self._remember(older)
        return _oldest_first([*older, *live])

    async def _history(self, what: str, since: datetime) -> list[JSON]:
        first = since.astimezone(NEW_YORK).date() - timedelta(days=1)
        return await self.line.pages(f"{self._path}/{what}", {"start-date": max(first.isoformat(), "2001-01-01")})

    async def _matching(self, key: str) -> list[JSON]:
        """Every order with the key, oldest first, after a complete look."""
        found = [order for order in await self._live() if key_of(order) == key]
        if not found:
            older = await self._history("orders", self.line.clock.now() - self.who.look_back)
            self._remember(older)
            found = [order for order in older if key_of(order) == key]
        return _oldest_first(found)

    def _remember(self, orders: Iterable[JSON]) -> None:
        """Where each of our orders was seen: a hint that saves a look through every list."""
        for order in orders:
            key = key_of(order)
            if key is not None and str(order.get("id")) not in self._ids.get(key, ()):
                self._ids[key] = tuple(sorted((*self._ids.get(key, ()), str(order.get("id"))), key=_number))

    async def _reports(self, orders: list[JSON]) -> tuple[Report, ...]:
        plain = [self._reader.report(order, self._costs.known) for order in orders]
        waiting = {(report.broker_order_id, fill.exec_id): fill.at for report in plain for fill in report.fills if fill.fee is None}
        if not self._costs.wanted(waiting, self.line.clock.monotonic()):
            return tuple(plain)
        try:
            self._costs.known |= fees_of(await self._history("transactions", min(waiting.values())))
        except RetryError:
            return tuple(plain)
        return tuple(self._reader.report(order, self._costs.known) for order in orders)


def _oldest_first(orders: list[JSON]) -> list[JSON]:
    """Each order once; of two versions the later one."""
    latest = {str(order.get("id")): order for order in orders}
    return [latest[name] for name in sorted(latest, key=_number)]


def _number(order_id: str) -> tuple[int, str]:
    return (int(order_id), "") if order_id.isdigit() else (0, order_id)
