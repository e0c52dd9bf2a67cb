"""What Interactive Brokers said, kept as it was said: orders by permId, executions by id and version, errors by order id.

The library keeps its own picture of orders, which an error message can end while the order lives on at the broker. This map is
fed with the messages themselves and is what the adapter believes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from brokers.ibkr.names import Part, parts_of
from core.model.errors import BadDataError
from core.model.money import ZERO

if TYPE_CHECKING:
    import ib_async

#: Statuses after which a push that was sent earlier may still arrive; it changes nothing.
OVER = frozenset({"Filled", "Cancelled", "ApiCancelled"})
#: A commission that has not been worked out yet.
_UNSTATED = frozenset({"", "-1", "-1.0", "1.7976931348623157E308", "1.7976931348623157e+308", "1.7976931348623157e308"})
_LATEST = 10**15


@dataclass(frozen=True, slots=True)
class OrderFact:
    """One order as the broker reports it; quantities in units of the order, `listed` the last look that it was seen in."""

    perm_id: int
    order_id: int
    client_id: int
    ref: str
    parts: tuple[Part, ...]
    quantity: Decimal
    status: str
    touched: datetime
    filled: Decimal = ZERO
    listed: int = 0
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of one contract (or of a combo as a whole, which counts nothing): `exec_id` without its version."""

    exec_id: str
    version: int
    told_as: str
    perm_id: int
    order_id: int
    client_id: int
    ref: str
    part: Part | None
    quantity: int
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """An error message about one order."""

    code: int
    text: str


@dataclass(slots=True)
class Facts:
    """The map of one account.

    Attributes
    ----------
    ref_of : callable
        Our key for (client id, order id, permId), where a message names none; empty when it is not ours.
    look : int
        Counts the looks that were begun.
    unreadable : list of str
        What could not be understood.
    """

    account: str
    now: Callable[[], datetime]
    ref_of: Callable[[int, int, int], str]
    orders: dict[str, OrderFact] = field(default_factory=dict)
    executions: dict[str, tuple[Execution, ...]] = field(default_factory=dict)
    aliases: dict[tuple[int, int], str] = field(default_factory=dict)
    of_order: dict[str, list[str]] = field(default_factory=dict)
    charges: dict[str, Decimal | None] = field(default_factory=dict)
    said: dict[tuple[int, int], tuple[Said, ...]] = field(default_factory=dict)
    waiting: dict[int, asyncio.Event] = field(default_factory=dict)
    waited: set[str] = field(default_factory=set)
    paid: asyncio.Event = field(default_factory=asyncio.Event)
    foreign: set[str] = field(default_factory=set)
    estimates: dict[int, "ib_async.OrderState"] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    look: int = 0

    def open_order(
        self, order_id: int, contract: "ib_async.Contract", order: "ib_async.Order", state: "ib_async.OrderState"
    ) -> None:
        """An order that is, or was just, open."""
        if order.whatIf:
            self.estimates[order_id] = state
            self._wake(order_id)
            return
        if not self._mine(order.account, self._key(order.permId, order.clientId, order_id)):
            return
        self._put(
            OrderFact(
                order.permId, order_id, order.clientId,
                order.orderRef or self.ref_of(order.clientId, order_id, order.permId), parts_of(contract, order.action),
                _amount(order.totalQuantity), state.status, self.now(), listed=self.look,
            )
        )  # fmt: skip

    def completed_order(self, contract: "ib_async.Contract", order: "ib_async.Order", state: "ib_async.OrderState") -> None:
        """An order of today that ended."""
        if not self._mine(order.account, str(order.permId)):
            return
        filled = order.filledQuantity
        known = self.orders.get(str(order.permId))
        told = _amount(filled) if float(filled) < _LATEST else ZERO
        self._put(
            OrderFact(
                order.permId, known.order_id if known else 0, known.client_id if known else 0,
                order.orderRef or self.ref_of(0, 0, order.permId),
                parts_of(contract, order.action), max(_amount(order.totalQuantity), told, known.quantity if known else ZERO),
                state.status, self.now(), told, self.look, state.completedStatus or state.status,
            )
        )  # fmt: skip

    def order_status(self, order_id: int, status: str, filled: float, *rest: object) -> None:
        """A status, or the same one again, also of an order that was not described yet; arguments as in the message."""
        perm_id, client_id = int(str(rest[2])), int(str(rest[5]))
        if self._key(perm_id, client_id, order_id) in self.foreign:
            return
        known = self.orders.get(self._key(perm_id, client_id, order_id))
        whole = known.quantity if known else _amount(filled) + _amount(rest[0])
        self._put(
            OrderFact(
                perm_id, order_id, client_id, self.ref_of(client_id, order_id, perm_id), (), whole, status, self.now(),
                _amount(filled), self.look,
            )
        )  # fmt: skip

    def exec_details(self, _: int, contract: "ib_async.Contract", execution: "ib_async.Execution") -> None:
        """An execution, new, repeated or corrected."""
        if execution.acctNumber != self.account:
            return
        base, version = version_of(execution.execId)
        shares = _amount(execution.shares)
        if shares != int(shares):
            raise BadDataError(f"execution {execution.execId} traded {shares} units; fractions are not supported")
        combo = contract.secType == "BAG"
        found = Execution(
            base, version, execution.execId, execution.permId, execution.orderId, execution.clientId, execution.orderRef,
            None if combo else parts_of(contract, "BUY" if execution.side == "BOT" else "SELL")[0],
            int(shares), _amount(execution.price), execution.time,
        )  # fmt: skip
        known = self.executions.get(base, ())
        if not any(_says(one) == _says(found) for one in known):
            taken = any(one.version == version for one in known)
            fresh = replace(found, version=known[-1].version + 1) if taken else found
            self.executions[base] = tuple(sorted((*known, fresh), key=lambda one: one.version))
        key = self._key(found.perm_id, found.client_id, found.order_id)
        if base not in (listed := self.of_order.setdefault(key, [])):
            listed.append(base)
        if key not in self.orders:
            ref = found.ref or self.ref_of(found.client_id, found.order_id, found.perm_id)
            self._put(OrderFact(found.perm_id, found.order_id, found.client_id, ref, (), ZERO, "", self.now(), listed=self.look))
        self._wake(execution.orderId)

    def commission(self, exec_id: str, amount: str, currency: str) -> None:
        """What an execution cost, in the words of the message; what is not stated stays unknown."""
        stated = Decimal(amount) if amount not in _UNSTATED else None
        usable = stated is not None and stated.is_finite() and abs(stated) < _LATEST and currency in {"USD", ""}
        if usable or exec_id not in self.charges:
            self.charges[exec_id] = stated if usable else None
        self.paid.set()

    def unpaid(self) -> set[str]:
        """Executions of legs whose commission is not known."""
        legs = (one.told_as for versions in self.executions.values() for one in versions if one.part is not None)
        return {exec_id for exec_id in legs if self.charges.get(exec_id) is None}

    def error(self, client_id: int, order_id: int, said: Said) -> None:
        """An error message about an order of this client."""
        self.said[client_id, order_id] = (*self.said.get((client_id, order_id), ()), said)
        self._wake(order_id)

    def errors_of(self, order: OrderFact) -> tuple[Said, ...]:
        """Every error message about an order."""
        return self.said.get((order.client_id, order.order_id), ()) if order.order_id > 0 else ()

    def of_key(self, key: str) -> tuple[OrderFact, ...]:
        """Every order that carries the key, oldest first."""
        return tuple(sorted((one for one in self.orders.values() if one.ref == key), key=lambda one: one.perm_id))

    def executed(self, order: OrderFact) -> tuple[Execution, ...]:
        """Every execution of an order with all versions, in order of time."""
        keys = {self._key(order.perm_id, order.client_id, order.order_id), f"{order.client_id}/{order.order_id}"}
        found = [one for key in keys for base in self.of_order.get(key, ()) for one in self.executions[base]]
        return tuple(sorted(found, key=lambda one: (one.at, one.exec_id, one.version)))

    def watch(self, order_id: int) -> asyncio.Event:
        """Rings with every message about the order id, and when the connection ends."""
        return self.waiting.setdefault(order_id, asyncio.Event())

    def wake_all(self) -> None:
        """Ring everywhere."""
        for bell in self.waiting.values():
            bell.set()

    def _mine(self, account: str, key: str) -> bool:
        """Whether an order is of our account; a login may see several, and a status does not name its own."""
        if account and account != self.account:
            self.foreign.add(key)
            self.orders.pop(key, None)
        return key not in self.foreign

    def _wake(self, order_id: int) -> None:
        if order_id in self.waiting:
            self.waiting[order_id].set()

    def _key(self, perm_id: int, client_id: int, order_id: int) -> str:
        return str(perm_id) if perm_id else self.aliases.get((client_id, order_id), f"{client_id}/{order_id}")

    def _put(self, told: OrderFact) -> None:
        key = self._key(told.perm_id, told.client_id, told.order_id)
        early = self.orders.pop(f"{told.client_id}/{told.order_id}", None) if told.perm_id else None
        if told.perm_id and told.order_id > 0:
            self.aliases[told.client_id, told.order_id] = key
        known = self.orders.get(key) or early
        if known is not None:
            late = known.status in OVER and told.status not in OVER
            told = replace(
                told, status=known.status if late else told.status or known.status, filled=max(known.filled, told.filled),
                ended=told.ended or known.ended, parts=told.parts or known.parts, ref=told.ref or known.ref,
                quantity=told.quantity or known.quantity, order_id=told.order_id or known.order_id,
                client_id=told.client_id or known.client_id,
            )  # fmt: skip
        self.orders[key] = self._touched(known, told)
        self._wake(told.order_id)

    def _touched(self, known: OrderFact | None, told: OrderFact) -> OrderFact:
        """Repeating what is known does not count as news."""
        if known is None:
            return told
        same = replace(told, touched=known.touched, listed=known.listed)
        return replace(told, touched=known.touched) if same == known else replace(told, touched=self.now())


def version_of(exec_id: str) -> tuple[str, int]:
    """Split an execution id: corrections repeat it with a higher number after the last dot."""
    base, dot, last = exec_id.rpartition(".")
    if not dot or not last.isdigit() or not base:
        return exec_id, 1
    return base, max(int(last), 1)


def _amount(value: object) -> Decimal:
    """A number that can be one: a quantity or the price of a leg."""
    number = Decimal(str(value))
    if not number.is_finite() or number < 0:
        raise BadDataError(f"{value} is no quantity and no price")
    return number


def _says(one: Execution) -> tuple[str, Part | None, int, Decimal]:
    """What an execution message says; the same again is no news."""
    return one.told_as, one.part, one.quantity, one.price
