"""The world in the words of the wire (server version 178)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.model.instruments import Instrument, Option, Stock, instrument
from tests.kit.ibkr.wire import UNSET, WireOrder
from tests.kit.ibkr.world import ACCOUNT, TwsExecution, TwsLeg, TwsOrder, World

Message = Sequence[object]
_NEW_YORK = ZoneInfo("America/New_York")


def error(number: int, code: int, words: str) -> Message:
    """An error or a notice."""
    return (4, 2, number, code, words, "")


def contract(thing: Instrument | None, con_id: int, symbol: str = "", *, combo: bool = False) -> Message:
    """Contract id, symbol, type, expiry, strike, right, multiplier, exchange, currency, local symbol and class."""
    if combo:
        return (0, symbol, "BAG", "", 0, "?", "", "SMART", "USD", symbol, "COMB")
    if isinstance(thing, Option):
        root = thing.underlying.replace(".", "")
        local = f"{root:<6}{thing.key[6:]}"
        return (
            con_id, thing.underlying.replace(".", " "), "OPT", f"{thing.expiry:%Y%m%d}", thing.strike, thing.right.value,
            thing.multiplier, "SMART", "USD", local, root,
        )  # fmt: skip
    assert isinstance(thing, Stock)
    return (con_id, thing.symbol.replace(".", " "), "STK", "", 0, "?", "", "SMART", "USD", thing.symbol.replace(".", " "), "NMS")


def described(order: TwsOrder) -> Message:
    """Contract fields of an order."""
    first = instrument(order.legs[0].key)
    return contract(first, order.legs[0].con_id, first.underlying.replace(".", " "), combo=order.combo)


def _legs(order: TwsOrder) -> list[object]:
    parts: list[object] = [len(order.legs) if order.combo else 0]
    for leg in order.legs if order.combo else ():
        parts += [leg.con_id, leg.ratio, leg.action, "SMART", 0, 0, "", -1]
    return [*parts, 0, *((1, "NonGuaranteed", "0") if order.combo else (0,))]


def open_order(order: TwsOrder) -> Message:
    """An openOrder message of an order that stands in the book."""
    whole = str(order.quantity)
    return (
        5, order.order_id, *described(order), order.action, whole, "LMT", order.limit, 0.0, "DAY", "", order.account, "", 0,
        order.ref, order.client, order.perm, 0, 0, 0.0, "", "", "", "", "",
        *_middle(order), *_state("0", order.status, ("",) * 9, (None, None, None), ""), *_tail(),
    )  # fmt: skip


def what_if(asked: WireOrder, legs: Sequence[TwsLeg], margin: Decimal, commission: Decimal, client: int) -> Message:
    """The answer to a what-if order."""
    shown = TwsOrder(
        0, asked.order_id, 0, asked.ref, asked.action, int(asked.quantity), str(asked.limit), list(legs), bool(asked.legs)
    )
    figures = ("0", "0", "100000", str(margin), str(margin), str(-commission), str(margin), str(margin), str(100000 - commission))
    return (
        5, asked.order_id, *described(shown), asked.action, asked.quantity, "LMT", asked.limit, 0.0, "DAY", "", asked.account, "",
        0, asked.ref, client, 0, 0, 0, 0.0, "", "", "", "", "",
        *_middle(shown), *_state("1", "PreSubmitted", figures, (commission, commission, commission), ""), *_tail(),
    )  # fmt: skip


def _middle(order: TwsOrder) -> list[object]:
    """From the model code to the number of algorithm parameters."""
    return [
        "", "", "", None, "", 0, "", -1, 0, None, None, None, None, None, 0, 0, 0, 0, None, 3, 0, 0, None, 0, 0, None, 0, "None",
        None, 0, "", "", "", "?", 0, 0, "", 0, 0, None, None, None, None, "", *_legs(order), None, None, None, "", 0, "", "IB",
        0, 0, "",
    ]  # fmt: skip


def _state(whatif: str, status: str, figures: Sequence[object], fees: Sequence[object], words: str) -> list[object]:
    told = [UNSET if fee is None else fee for fee in fees]
    return [0, whatif, status, *(figure or UNSET for figure in figures), *told, "USD", words, 0, 0, 0]


def _tail() -> list[object]:
    return [
        "None",
        UNSET,
        None,
        UNSET,
        UNSET,
        UNSET,
        UNSET,
        0,
        "",
        "",
        "",
        UNSET,
        0,
        0,
        0,
        0,
        None,
        None,
        0,
        None,
        None,
        UNSET,
        UNSET,
        UNSET,
    ]


def order_status(order: TwsOrder, status: str = "") -> Message:
    """An orderStatus message."""
    left = order.quantity - order.filled
    return (3, order.order_id, status or order.status, order.filled, left, order.limit, order.perm, 0, 0, order.client, "", 0)


def completed_order(order: TwsOrder) -> Message:
    """A completedOrder message; it names no order id, no client and no total, only what was filled."""
    words = {"Filled": f"Filled Size: {order.filled}", "Cancelled": "Cancelled by Trader"}.get(order.status, order.status)
    return (
        101, *described(order), order.action, "0", "LMT", order.limit, 0.0, "DAY", "", order.account, "", 0, order.ref, order.perm,
        0, 0, 0.0, "", "", "", "", "", "", "", None, "", 0, "", -1, None, None, None, None, None, 0, 0, 0, None, 3, 0, None, 0,
        "None", None, 0, 0, 0, "", 0, 0, None, None, "", *_legs(order), None, None, None, "", "", "IB", 0, 0, "", 0,
        "Cancelled" if order.status == "Expired" else order.status, 0, 0, 0,
        UNSET, UNSET, UNSET, 0, 0, "", order.filled, 0, 0, "", 0, 0, 0, local_time(order.ended_at or order.at),
        order.reason or words,         None, None, UNSET, UNSET, UNSET,
    )  # fmt: skip


def execution(world: World, one: TwsExecution, number: int = -1) -> list[Message]:
    """An execDetails message and its commission report."""
    order = world.orders[one.perm]
    thing = instrument(one.key) if one.key else None
    symbol = instrument(order.legs[0].key).underlying
    detail = (
        11, number, order.order_id, *contract(thing, one.con_id, symbol, combo=not one.key), one.exec_id, local_time(one.at),
        ACCOUNT, "SMART", one.side, one.shares, one.price, one.perm, order.client, 0, order.filled, one.price, order.ref, "", "",
        "", 2, 0,
    )  # fmt: skip
    return [detail, (59, 1, one.exec_id, one.commission, one.currency, UNSET, UNSET, "")]


def position(key: str, con_id: int, quantity: int | Decimal) -> Message:
    """A position message."""
    return (61, 3, ACCOUNT, *contract(instrument(key), con_id), quantity, "0.0")


def details(number: int, thing: Instrument, con_id: int, tick: str) -> Message:
    """A contractDetails message."""
    told = contract(thing, con_id)
    expiry = told[3]
    return (
        10, number, told[1], told[2], expiry, told[4], told[5], "SMART", "USD", told[9], told[10], told[10], con_id, tick, told[6],
        "LMT,MKT", "SMART", 1, 0, "A LOOPBACK COMPANY", "NASDAQ", "", "", "", "", "US/Eastern", "", "", "", "", 0, 1, "", "", "26",
        expiry, "COMMON", 1, 1, 1,
    )  # fmt: skip


def local_time(instant: str) -> str:
    """A time as TWS writes it."""
    return f"{datetime.fromisoformat(instant).astimezone(_NEW_YORK):%Y%m%d %H:%M:%S} US/Eastern"
