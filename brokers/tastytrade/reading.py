"""Orders of the wire in our words: their event, their fills, whose they are.

The status table is total over the SDK's enum; a word that nobody knows leaves the order open and is said aloud. The SDK's own
models refuse a whole list when one order has a status that they do not know, so orders are read here.
"""

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tastytrade.order import OrderStatus

from brokers.tastytrade.symbols import from_wire, named
from brokers.tastytrade.tickets import OURS
from brokers.tastytrade.values import UnreadableError, inner, instant, number, rows, signed, text, whole
from brokers.tastytrade.wire import JSON
from core.model.instruments import Side
from core.model.orders import Fill, OrderEvent, Report
from core.ports.broker import Preview

LOG = logging.getLogger(__name__)
EVENTS: Mapping[str, OrderEvent] = {
    OrderStatus.RECEIVED: OrderEvent.ACK,
    OrderStatus.ROUTED: OrderEvent.ACK,
    OrderStatus.IN_FLIGHT: OrderEvent.ACK,
    OrderStatus.CONTINGENT: OrderEvent.ACK,
    OrderStatus.LIVE: OrderEvent.LIVE,
    OrderStatus.CANCEL_REQUESTED: OrderEvent.LIVE,
    OrderStatus.REPLACE_REQUESTED: OrderEvent.LIVE,
    OrderStatus.FILLED: OrderEvent.FULL_FILL,
    OrderStatus.CANCELLED: OrderEvent.CANCEL,
    OrderStatus.EXPIRED: OrderEvent.EXPIRE,
    OrderStatus.REJECTED: OrderEvent.REFUSE,
    OrderStatus.REMOVED: OrderEvent.REMOVE,
    OrderStatus.PARTIALLY_REMOVED: OrderEvent.REMOVE,
}
ENDED = frozenset({OrderEvent.FULL_FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE, OrderEvent.REMOVE})
#: Fees that were not there yet are asked for again after so many seconds.
FEE_SECONDS = 5.0
Fees = Mapping[tuple[str, str], Decimal]


def key_of(order: JSON) -> str | None:
    """Our key, when the order is ours."""
    found = order.get("external-identifier")
    return found if isinstance(found, str) and found.startswith(OURS) else None


def is_open(order: JSON) -> bool:
    """Whether it can still fill; a status that nobody knows counts as open."""
    return _event(order) not in ENDED


def _event(order: JSON) -> OrderEvent | None:
    return EVENTS.get(text(order, "status"))


@dataclass(slots=True)
class Reader:
    """Reads orders. It remembers what each execution said, so that a changed one is a new version; nothing else depends on that."""

    account: str
    _said: dict[str, list[Fill]] = field(default_factory=dict)
    _busted: set[tuple[str, str]] = field(default_factory=set)

    def learn(self, trades: Iterable[JSON]) -> None:
        """Note which executions rows of the history take back; each is a further version of its fill, for people to look at."""
        by_id = {str(row.get("id")): row for row in trades}
        reversed_ids = {str(row["reverses-id"]) for row in by_id.values() if row.get("reverses-id")}
        self._busted |= {place for name in reversed_ids & set(by_id) if (place := _place(by_id[name])) is not None}

    def report(self, order: JSON, fees: Fees) -> Report:
        """What the broker says about one order.

        Raises
        ------
        UnreadableError
            A field is missing or makes no sense.
        """
        event, status = _event(order), text(order, "status")
        legs = rows(order, "legs")
        fills = tuple(self._fills(order, legs, fees))
        done = [sum(fill.quantity for fill in fills if fill.leg == number and fill.version == 1) for number in range(len(legs))]
        ours = key_of(order) is not None
        wanted = [number(leg, "quantity") if ours or leg.get("quantity") is not None else Decimal("Infinity") for leg in legs]
        if event is OrderEvent.FULL_FILL and ours:
            done = [max(known, int(told)) for known, told in zip(done, wanted, strict=True)]
        elif event not in ENDED and any(done):
            complete = all(known >= told for known, told in zip(done, wanted, strict=True))
            event = OrderEvent.FULL_FILL if complete else OrderEvent.PART_FILL
        reason = str(order.get("reject-reason") or "")
        if status not in EVENTS:
            reason = f"tastytrade calls it {status!r}, a status that this version does not know; it counts as open, look there"
            LOG.error("Order %s: %s", order.get("id"), reason)
        raw = json.dumps(order, default=str)
        return Report(key_of(order), _id(order), event, instant(order, "updated-at"), fills, tuple(done), reason, raw)

    def _fills(self, order: JSON, legs: list[JSON], fees: Fees) -> Iterable[Fill]:
        seen: dict[str, Fill] = {}
        for number_of_leg, leg in enumerate(legs):
            for row in rows(leg, "fills"):
                fill = self._fill(order, leg, row, number_of_leg)
                known = seen.setdefault(fill.exec_id, fill)
                if known is not fill and known == fill:
                    continue
                place = (_id(order), str(row.get("ext-exec-id") or fill.exec_id))
                yield from self._versions(replace(fill, fee=fees.get(place)))
                if place in self._busted:
                    yield replace(fill, version=len(self._said[fill.exec_id]) + 1)

    def _fill(self, order: JSON, leg: JSON, row: JSON, place: int) -> Fill:
        key = from_wire(leg)
        price, quantity = number(row, "fill-price"), whole(row, "quantity")
        if price < 0 or quantity < 1:
            raise UnreadableError(f"tastytrade sent a fill of {quantity} {key} at {price}; nothing is concluded from that answer")
        return Fill(
            exec_id=text(row, "fill-id"),
            order_key=key_of(order) or "",
            account=self.account,
            leg=place,
            instrument_key=key,
            side=_side(leg),
            quantity=quantity,
            price=price,
            fee=None,
            at=instant(row, "filled-at"),
            multiplier=named(key).multiplier,
        )

    def _versions(self, fill: Fill) -> Iterable[Fill]:
        """The fill as it was first said, and each other content that its id has had since."""
        said = self._said.setdefault(fill.exec_id, [])
        plain = replace(fill, fee=None)
        if plain not in said:
            said.append(plain)
        for version, known in enumerate(said, start=1):
            if version == 1 or known == plain:
                yield replace(known, version=version, fee=fill.fee)


@dataclass(slots=True)
class Costs:
    """What executions cost as far as the broker has said it; until then a fee is unknown. Forgetting it costs one question."""

    known: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    _asked: frozenset[tuple[str, str]] = frozenset()
    _asked_at: float = float("-inf")

    def wanted(self, waiting: Collection[tuple[str, str]], now: float) -> bool:
        """Whether to ask now: for executions that were not asked for within the last seconds."""
        if not waiting or (now - self._asked_at < FEE_SECONDS and self._asked >= set(waiting)):
            return False
        self._asked, self._asked_at = frozenset(waiting), now
        return True


def fees_of(transactions: Iterable[JSON]) -> dict[tuple[str, str], Decimal]:
    """Dollars that each execution cost, by order id and execution id; a rebate is negative. Rows without figures are left out."""
    names = ("regulatory-fees", "clearing-fees", "commission", "proprietary-index-option-fees")
    found: dict[tuple[str, str], Decimal] = {}
    for row in transactions:
        told = [name for name in names if row.get(name) is not None]
        place = _place(row)
        if row.get("transaction-type") != "Trade" or not told or place is None:
            continue
        cost = -sum((_signed(row, name) for name in told), Decimal(0))
        found[place] = found.get(place, Decimal(0)) + cost
    return found


def _place(row: JSON) -> tuple[str, str] | None:
    """Order and execution that a row of the history is about."""
    execution = row.get("ext-exec-id") or row.get("exec-id")
    return None if execution is None else (str(row.get("order-id")), str(execution))


def judgement(body: JSON) -> Preview:
    """What the answer to a dry run says; a figure that is missing or has no sign fails it."""
    data = inner(body, "data")
    effect, costs = inner(data, "buying-power-effect"), data.get("fee-calculation")
    number(effect, "change-in-buying-power")
    errors, warnings = rows(data, "errors"), rows(data, "warnings")
    reasons = "; ".join(str(row.get("message") or row.get("code")) for row in (*errors, *warnings))
    fees = -signed(costs, "total-fees") if isinstance(costs, dict) else Decimal(0)
    return Preview(not errors, reasons, fees, -signed(effect, "change-in-buying-power"))


def _signed(row: JSON, name: str) -> Decimal:
    value = abs(number(row, name))
    return value if row.get(f"{name}-effect") == "Credit" else -value


def _id(order: JSON) -> str:
    found = order.get("id")
    if not isinstance(found, int | str) or isinstance(found, bool) or not str(found):
        raise UnreadableError(f"tastytrade sent an order with the id {found!r}; nothing is concluded from that answer")
    return str(found)


def _side(leg: JSON) -> Side:
    action = text(leg, "action")
    if action.startswith(("Buy", "Sell")):
        return Side.BUY if action.startswith("Buy") else Side.SELL
    raise UnreadableError(f"tastytrade calls a leg's action {action!r}; nothing is concluded from that answer")
