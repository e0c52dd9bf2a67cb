"""An order of the ledger, said in the words of the port."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from brokers.paper.codec import dumps
from brokers.paper.records import PaperOrder
from core.model.orders import Fill, OrderEvent, OrderState, Report

_EVENTS: Mapping[OrderState, OrderEvent] = MappingProxyType({
    OrderState.ACCEPTED: OrderEvent.ACK, OrderState.WORKING: OrderEvent.LIVE, OrderState.PARTIAL: OrderEvent.PART_FILL,
    OrderState.FILLED: OrderEvent.FULL_FILL, OrderState.REJECTED: OrderEvent.REFUSE, OrderState.CANCELLED: OrderEvent.CANCEL,
    OrderState.EXPIRED: OrderEvent.EXPIRE, OrderState.REMOVED: OrderEvent.REMOVE,
})  # fmt: skip


def report(order: PaperOrder, fills: Sequence[Fill]) -> Report:
    """Where the order stands, with all its fills and the ledger's own record as the raw answer."""
    return Report(
        key=order.ticket.key,
        broker_order_id=order.id,
        event=_EVENTS[order.state],
        at=order.updated_at,
        fills=tuple(fills),
        leg_filled=tuple(leg.ratio * order.filled for leg in order.ticket.legs),
        reason=order.reason,
        raw=dumps(order),
    )
