"""An approved order as one Interactive Brokers order. Here, and nowhere else, our signed net price becomes IB's.

Our net is credit positive. IB buys at a positive price and sells at a positive price; a combo is always bought, at a negative
price when it brings money. A combo is one order, guaranteed: all legs trade together or none does.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from brokers.ibkr.contracts import Qualified
from brokers.ibkr.sent import SentLeg, SentOrder
from core.model.instruments import Leg, Option, Side
from core.model.proposals import ApprovedOrder

if TYPE_CHECKING:
    import ib_async

_MOST_LEGS = 4


def refusal(order: ApprovedOrder) -> str:
    """Why IB could not take such an order as one whole; empty when it can. Looked at before anything is asked or sent."""
    legs = order.envelope.legs
    if order.quantity < 1 or not legs or any(leg.ratio < 1 for leg in legs):
        return f"a quantity of {order.quantity} is no order"
    if not order.limit.is_finite():
        return f"a limit of {order.limit} is no price"
    if len(legs) == 1:
        return _single(legs[0], order.limit)
    return _combo(legs)


def _single(leg: Leg, limit: Decimal) -> str:
    if leg.ratio != 1:
        return f"a single leg has the ratio 1, not {leg.ratio}"
    if price_of(leg.side, limit) <= 0:
        return f"a limit of {limit} is no price at which one can {leg.side} {leg.instrument.key.strip()}"
    return ""


def _combo(legs: Sequence[Leg]) -> str:
    if len(legs) > _MOST_LEGS:
        return f"a combo of {len(legs)} legs is too large, {_MOST_LEGS} is the most"
    if not all(isinstance(leg.instrument, Option) for leg in legs):
        return "stock and options in one order cannot be guaranteed as a whole"
    if any(first.instrument.underlying != second.instrument.underlying for first, second in pairwise(legs)):
        return "a combo needs legs on one underlying"
    if len({leg.instrument for leg in legs}) != len(legs):
        return "a combo needs a different contract in each leg"
    if math.gcd(*(leg.ratio for leg in legs)) != 1:
        return "the ratios of a combo must be in lowest terms"
    return ""


def price_of(side: Side, net: Decimal) -> Decimal:
    """IB's price for a net of ours."""
    return net if side is Side.SELL else -net


def plain(number: Decimal) -> Decimal:
    """The same number, so that it is written without an exponent."""
    return Decimal(f"{number.normalize():f}")


def note_of(order: ApprovedOrder, order_id: int, found: Sequence[Qualified]) -> SentOrder:
    """What is written down before the order is sent."""
    legs = tuple(
        SentLeg(one.con_id, leg.instrument.key, leg.side, leg.ratio) for leg, one in zip(order.envelope.legs, found, strict=True)
    )
    return SentOrder(order.key, order_id, order.quantity, legs)


def trial(found: Qualified, account: str) -> "tuple[ib_async.Contract, ib_async.Order]":
    """One share at a dollar, to be worked out and never placed."""
    from ib_async import Order  # noqa: PLC0415 - loaded with the first connection

    wanted = Order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=Decimal(1), tif="DAY", account=account, whatIf=True)
    return found.contract, wanted


def built(order: ApprovedOrder, found: Sequence[Qualified], account: str) -> "tuple[ib_async.Contract, ib_async.Order]":
    """The contract and the order for the wire, with everything said that a preset of TWS could otherwise fill in."""
    from ib_async import ComboLeg, Contract, Order, TagValue  # noqa: PLC0415 - loaded with the first connection

    legs = order.envelope.legs
    single = len(legs) == 1
    side = legs[0].side if single else Side.BUY
    wanted = Order(
        action=side.upper(),
        totalQuantity=order.quantity,
        orderType="LMT",
        lmtPrice=plain(price_of(side, order.limit)),
        tif="DAY",
        account=account,
        orderRef=order.key,
        outsideRth=False,
        transmit=True,
    )
    if single:
        return found[0].contract, wanted
    parts = [
        ComboLeg(conId=one.con_id, ratio=leg.ratio, action=leg.side.upper(), exchange="SMART")
        for leg, one in zip(legs, found, strict=True)
    ]
    bag = Contract(secType="BAG", symbol=found[0].contract.symbol, exchange="SMART", currency="USD", comboLegs=parts)
    wanted.smartComboRoutingParams = [TagValue("NonGuaranteed", "0")]
    return bag, wanted
