"""What Interactive Brokers said about an order, in the words of the port.

An order is over when IB's own status says so, or when its legs have traded in full. An error message is a reason, never an end;
an order that is no longer listed anywhere stands where it stood.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from brokers.ibkr.codes import Meaning, meaning
from brokers.ibkr.facts import Execution, Facts, OrderFact
from brokers.ibkr.sent import Sent, SentOrder
from core.model.instruments import instrument
from core.model.orders import Fill, OrderEvent, Report

OURS = "qm1-"

_EVENTS: Mapping[str, OrderEvent] = MappingProxyType({
    "ApiPending": OrderEvent.ACK, "PendingSubmit": OrderEvent.ACK, "PreSubmitted": OrderEvent.ACK, "ApiUpdate": OrderEvent.ACK,
    "Submitted": OrderEvent.LIVE, "PendingCancel": OrderEvent.LIVE, "Filled": OrderEvent.FULL_FILL,
    "Cancelled": OrderEvent.CANCEL, "ApiCancelled": OrderEvent.CANCEL,
})  # fmt: skip
_CLOSED = frozenset({OrderEvent.FULL_FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE})


@dataclass(frozen=True, slots=True)
class Telling:
    """Makes reports and fills of one account; `account` is its name in our books."""

    facts: Facts
    sent: Sent
    account: str

    def report(self, order: OrderFact) -> Report:
        """Where an order stands, with all its fills in all their versions."""
        executions = self.facts.executed(order)
        fills = tuple(self.fill(one, order) for one in executions if one.part is not None)
        counted = self._counted(order, fills)
        event, reason = self._event(order, counted)
        return Report(
            key=self.key_of(order.ref),
            broker_order_id=str(order.perm_id) if order.perm_id else f"{order.client_id}/{order.order_id}",
            event=event,
            at=max([order.touched, *(one.at for one in executions)]),
            fills=fills,
            leg_filled=counted,
            reason=reason,
            raw=f"{replace(order, listed=0)!r} {self.facts.errors_of(order)!r}",
        )

    def fill(self, one: Execution, order: OrderFact | None) -> Fill:
        """One execution of one leg; the fee stays unknown until IB has said it."""
        assert one.part is not None
        thing = instrument(one.part.key)
        fee = self.facts.charges.get(one.told_as)
        return Fill(
            exec_id=one.exec_id,
            order_key=self.key_of(one.ref or (order.ref if order else "")) or "",
            account=self.account,
            leg=self._leg(one, order),
            instrument_key=one.part.key,
            side=one.part.side,
            quantity=one.quantity,
            price=one.price,
            fee=fee,
            at=one.at,
            multiplier=thing.multiplier,
            version=one.version,
        )

    def key_of(self, ref: str) -> str | None:
        """The order reference, when it is a key of ours."""
        return ref if ref.startswith(OURS) else None

    def closed(self, order: OrderFact) -> bool:
        """Whether it can trade no more."""
        event, _ = self._event(order, self._counted(order, self._latest(order)))
        return event in _CLOSED

    def _latest(self, order: OrderFact) -> Sequence[Fill]:
        return [self.fill(one, order) for one in self.facts.executed(order) if one.part is not None]

    def _leg(self, one: Execution, order: OrderFact | None) -> int:
        """Place of the leg in the order as it was sent; -1 when the execution belongs to none of its legs."""
        assert one.part is not None
        sent = self.sent.orders.get(one.ref or (order.ref if order else ""))
        legs: Sequence[int] = [leg.con_id for leg in sent.legs] if sent else [part.con_id for part in order.parts] if order else []
        if len(legs) <= 1 and sent is None:
            return 0
        return legs.index(one.part.con_id) if one.part.con_id in legs else -1

    def _counted(self, order: OrderFact, fills: Sequence[Fill]) -> tuple[int, ...]:
        """Filled per leg: what the executions say, or what the status says when that is more."""
        sent = self.sent.orders.get(order.ref)
        ratios = [leg.ratio for leg in sent.legs] if sent else [part.ratio for part in order.parts]
        counts = [int(order.filled) * ratio for ratio in ratios]
        newest = {fill.exec_id: fill for fill in sorted(fills, key=lambda fill: fill.version)}
        traded = [0] * len(ratios)
        for fill in newest.values():
            if 0 <= fill.leg < len(traded):
                traded[fill.leg] += fill.quantity
        return tuple(max(pair) for pair in zip(counts, traded, strict=True))

    def _event(self, order: OrderFact, counted: Sequence[int]) -> tuple[OrderEvent | None, str]:
        """What the facts amount to, and the sentence to it."""
        sent = self.sent.orders.get(order.ref)
        if _whole(order, sent, counted):
            return OrderEvent.FULL_FILL, ""
        errors = self.facts.errors_of(order)
        reason = "; ".join(f"{said.code}: {said.text}" for said in errors)
        refused = any(meaning(said.code) is Meaning.REFUSAL for said in errors)
        if order.status in {"Inactive", ""} and (order.ended or (refused and order.listed != self.facts.look)):
            return OrderEvent.REFUSE if not any(counted) else OrderEvent.CANCEL, reason or order.ended
        event = _EVENTS.get(order.status)
        if event is OrderEvent.CANCEL:
            return _end(order, counted, refused=refused), reason or order.ended
        if event is None and order.status not in {"", "Inactive"}:
            return None, f"the status {order.status!r} is not known; the order is taken to be open"
        if event in {OrderEvent.ACK, OrderEvent.LIVE, None} and any(counted):
            return OrderEvent.PART_FILL, reason
        if order.listed != self.facts.look and not order.ended:
            return None, "the broker does not list the order at the moment"
        return event, reason


def _whole(order: OrderFact, sent: SentOrder | None, counted: Sequence[int]) -> bool:
    """Whether every leg traded in full, whatever the status says."""
    quantity = sent.quantity if sent else int(order.quantity)
    ratios = [leg.ratio for leg in sent.legs] if sent else [part.ratio for part in order.parts]
    return quantity > 0 and bool(ratios) and all(done >= quantity * ratio for done, ratio in zip(counted, ratios, strict=True))


def _end(order: OrderFact, counted: Sequence[int], *, refused: bool) -> OrderEvent:
    if refused and not any(counted):
        return OrderEvent.REFUSE
    return OrderEvent.EXPIRE if "expire" in order.ended.lower() else OrderEvent.CANCEL


def dollars(text: str) -> Decimal | None:
    """A number as IB writes it; None when it is not stated."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return None
    return number if number.is_finite() and abs(number) < Decimal(10) ** 15 else None
