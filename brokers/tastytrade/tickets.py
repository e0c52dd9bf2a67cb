"""An approved order as tastytrade's: strict position effect, signed price, our key in its external identifier."""

from collections.abc import Mapping
from decimal import Decimal

from tastytrade.order import AdvancedInstructions, InstrumentType, LimitOrder, OrderAction, OrderTimeInForce
from tastytrade.order import Leg as TastyLeg

from brokers.tastytrade.symbols import to_wire
from core.model.errors import RefusedError
from core.model.instruments import Leg, Side
from core.model.proposals import ApprovedOrder
from core.model.signals import Intent

OURS = "qm1-"
_ACTIONS: Mapping[tuple[Side, Intent], OrderAction] = {
    (Side.BUY, Intent.OPEN): OrderAction.BUY_TO_OPEN,
    (Side.SELL, Intent.OPEN): OrderAction.SELL_TO_OPEN,
    (Side.BUY, Intent.CLOSE): OrderAction.BUY_TO_CLOSE,
    (Side.SELL, Intent.CLOSE): OrderAction.SELL_TO_CLOSE,
}


def ticket(order: ApprovedOrder) -> LimitOrder:
    """Build the order of the SDK; a day order with a limit. Its price has our sign: a debit is negative.

    Raises
    ------
    RefusedError
        The order cannot be said to tastytrade; nothing was sent.
    """
    defect = _defect(order)
    if defect is not None:
        raise RefusedError(f"the order was not sent: {defect}")
    return LimitOrder(
        time_in_force=OrderTimeInForce.DAY,
        price=Decimal(f"{order.limit:f}"),  # digits alone: 1E+2 is no price on the wire
        legs=[_leg(leg, order) for leg in order.envelope.legs],
        external_identifier=order.key,
        advanced_instructions=AdvancedInstructions(strict_position_effect_validation=True),
    )


def body(order: ApprovedOrder) -> str:
    """Give the JSON that is sent."""
    return ticket(order).model_dump_json(exclude_none=True, by_alias=True)


def _leg(leg: Leg, order: ApprovedOrder) -> TastyLeg:
    kind, symbol = to_wire(leg.instrument)
    action = _ACTIONS[leg.side, order.envelope.intent]
    return TastyLeg(instrument_type=InstrumentType(kind), symbol=symbol, action=action, quantity=leg.ratio * order.quantity)


def _defect(order: ApprovedOrder) -> str | None:
    legs = order.envelope.legs
    if order.quantity < 1 or not legs or any(leg.ratio < 1 for leg in legs):
        return f"a quantity of {order.quantity} is no order; give at least 1"
    if not order.limit.is_finite() or not order.limit:
        return f"a limit of {order.limit} is no price that tastytrade takes; give a debit or a credit"
    if len({leg.instrument for leg in legs}) < len(legs):
        return "two of its legs are the same instrument; join them"
    return None
