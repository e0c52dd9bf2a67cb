"""Orders and cancels of one session, with everything that can go wrong on their way."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.kit.ibkr import desk, messages
from tests.kit.ibkr.faults import Fault
from tests.kit.ibkr.messages import Message
from tests.kit.ibkr.wire import WireOrder
from tests.kit.ibkr.world import TwsLeg, TwsOrder, World

if TYPE_CHECKING:
    from tests.kit.ibkr.server import Session, Tws

_STATUS, _LATE = 3, (104, 161, 10148)


class Placing:
    """What a session may change."""

    def __init__(self, tws: "Tws", session: "Session") -> None:
        self.tws = tws
        self.session = session

    @property
    def world(self) -> World:
        return self.tws.world

    def order(self, asked: WireOrder, fault: Fault) -> None:
        """A placeOrder: a what-if, a new order, or (the id is known) the change of an old one."""
        if asked.what_if:
            self._what_if(asked, fault)
            return
        if fault.what in {"cut before", "lose before"}:
            if fault.what == "cut before":
                self.session.cut()
            return
        if fault.what == "deny":
            self.session.tell(messages.error(asked.order_id, fault.code, "an error and no order"))
            return
        if self._known_id(asked):
            return
        legs = desk.legs_of(self.world, asked)
        refusal = desk.refusal(self.world, asked, legs)
        if refusal is not None:
            self.session.tell(messages.error(asked.order_id, *refusal))
            return
        assert legs is not None
        self._take(asked, legs, fault)

    def _known_id(self, asked: WireOrder) -> bool:
        old = self.world.by_id(self.session.client, asked.order_id)
        if old is None:
            return asked.order_id < self.world.next_id(self.session.client) and self._duplicate(asked)
        if old.open:
            self.session.tell(messages.error(asked.order_id, 105, "Order being modified does not match original order."))
        else:
            self._duplicate(asked)
        return True

    def _duplicate(self, asked: WireOrder) -> bool:
        self.session.tell(messages.error(asked.order_id, 103, "Duplicate order id"))
        return True

    def _what_if(self, asked: WireOrder, fault: Fault) -> None:
        legs = desk.legs_of(self.world, asked)
        refusal = (fault.code, "Error validating request") if fault.what == "error" else desk.refusal(self.world, asked, legs)
        if refusal is not None:
            self.session.tell(messages.error(asked.order_id, *refusal))
        elif fault.what != "lose after" and legs is not None:
            margin = desk.need(self.world, asked, legs) or Decimal(0)
            self.session.tell(messages.what_if(asked, legs, margin, desk.commission(asked, legs), self.session.client))

    def _take(self, asked: WireOrder, legs: list[TwsLeg], fault: Fault) -> None:
        world = self.world
        status = "Submitted" if desk.in_session(world) else "PreSubmitted"
        order = world.placed(
            TwsOrder(
                world.next_perm(), asked.order_id, self.session.client, asked.ref, asked.action, int(asked.quantity),
                str(asked.limit), legs, bool(asked.legs), status, at=world.now().isoformat(), account=asked.account,
            )
        )  # fmt: skip
        if fault.what == "hide":
            order.seen_from = asyncio.get_running_loop().time() + fault.seconds
        if fault.what == "cut after":
            desk.trade(world, order)
            self.session.cut()
            return
        accepted = [messages.open_order(order), messages.order_status(order)]
        made = desk.trade(world, order) if fault.what != "reject" else []
        told = [message for one in made for message in messages.execution(world, one)]
        self._answer(order, [*accepted, *told, messages.open_order(order), messages.order_status(order)], fault)

    def _answer(self, order: TwsOrder, told: Sequence[Message], fault: Fault) -> None:
        what = fault.what
        if what in {"lose after", "hide"}:
            return
        if what == "delay":
            self.tws.later(fault.seconds, lambda: self.tws.tell_owner(order, told))
            return
        if what == "duplicate":
            told = [message for message in told for _ in (0, 1)]
        elif what == "reorder":
            told = self.tws.faults.dice.sample(list(told), len(told))
        elif what == "no status":
            told = [message for message in told if message[0] not in {_STATUS, 5}]
        elif what == "error":
            told = [messages.error(order.order_id, fault.code, "an error on an order that lives"), *told]
        self.tws.tell_owner(order, told)
        if what == "reject":
            self.world.turn(order, "Inactive", "Order rejected")
            self.world.turn(order, "Cancelled", "Order rejected")
            refused = messages.error(order.order_id, fault.code or 201, "Order rejected - reason: margin")
            self.tws.tell_owner(order, [refused, messages.order_status(order, "Inactive")])

    def cancel(self, order_id: int, fault: Fault) -> None:
        """A cancelOrder."""
        if fault.what in {"cut before", "lose before"}:
            if fault.what == "cut before":
                self.session.cut()
            return
        self._cancel(order_id, fault)

    def _cancel(self, order_id: int, fault: Fault) -> None:
        order = self.world.by_id(self.session.client, order_id)
        if order is None:
            self.session.tell(messages.error(order_id, 10147, f"OrderId {order_id} that needs to be cancelled is not found."))
            return
        if fault.what == "fill first" and order.open:
            self._fill_first(order)
        if not order.open:
            code = fault.code if fault.code in _LATE else 10148
            self.session.tell(messages.error(order_id, code, f"OrderId {order_id} cannot be cancelled, state: {order.status}."))
            return
        if fault.what == "error":
            self.session.tell(messages.error(order_id, 161, "Cancel attempted when order is not in a cancellable state."))
            return
        self.world.turn(order, "Cancelled")
        told = [messages.order_status(order), messages.error(order_id, 202, "Order Canceled - reason:")]
        if fault.what == "cut after":
            self.session.cut()
        elif fault.what != "lose after":
            self.tws.tell_owner(order, told * (2 if fault.what == "duplicate" else 1))

    def _fill_first(self, order: TwsOrder) -> None:
        made = self.world.execute(order, order.quantity - order.filled, desk.at_limit(order))
        told = [message for one in made for message in messages.execution(self.world, one)]
        self.tws.tell_owner(order, [*told, messages.order_status(order)])
