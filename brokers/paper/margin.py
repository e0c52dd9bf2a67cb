"""Buying power of a cash account: purchases are paid in full, shares sold must be held, options sold must be covered.

What short options tie up is structural: the worst value at expiry of everything held on one underlying. A vertical ties up its
width, a put its strike, a covered call nothing; a call that nothing covers is not possible in this account.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from brokers.paper.records import PaperOrder, Ticket
from core.model.instruments import Option, Right, Side, Stock, instrument
from core.model.money import ZERO

Holdings = Mapping[str, int]


def collateral(positions: Holdings) -> Decimal | None:
    """Dollars that short options and short shares tie up; None when the loss has no bound.

    Only long options that live at least as long as the last short one count as cover.
    """
    shares: dict[str, int] = defaultdict(int)
    options: dict[str, list[tuple[Option, int]]] = defaultdict(list)
    for key, quantity in positions.items():
        held = instrument(key)
        if isinstance(held, Option):
            options[held.underlying].append((held, quantity))
        else:
            shares[held.symbol] += quantity
    total = ZERO
    for underlying in shares.keys() | options.keys():
        tied = _tied(shares.get(underlying, 0), options.get(underlying, []))
        if tied is None:
            return None
        total += tied
    return total


def debit(ticket: Ticket, units: int) -> Decimal:
    """Dollars that the rest of an order may still cost at its limit; 0 for a credit."""
    return max(ZERO, -ticket.limit * units * multiplier(ticket))


def multiplier(ticket: Ticket) -> int:
    """Shares that one per-share price of the net stands for."""
    return max(leg.instrument.multiplier for leg in ticket.legs)


def after(positions: Holdings, ticket: Ticket, units: int) -> dict[str, int]:
    """Positions once so many units have traded."""
    held = dict(positions)
    for leg in ticket.legs:
        held[leg.instrument.key] = held.get(leg.instrument.key, 0) + leg.side.sign * leg.ratio * units
    return {key: quantity for key, quantity in held.items() if quantity}


def committed(positions: Holdings, orders: Iterable[PaperOrder]) -> tuple[dict[str, int], Decimal]:
    """Positions and cash promised away by open orders: every sale as if it had traded, every purchase as if it were paid."""
    held, cash = dict(positions), ZERO
    for order in orders:
        cash += debit(order.ticket, order.rest)
        if any(leg.side is Side.SELL for leg in order.ticket.legs):
            held = after(held, order.ticket, order.rest)
    return held, cash


def buying_power(cash: Decimal, positions: Holdings, orders: Iterable[PaperOrder]) -> Decimal:
    """Dollars that a new order may tie up; never negative."""
    held, promised = committed(positions, orders)
    tied = collateral(held)
    return ZERO if tied is None else max(ZERO, cash - promised - tied)


def needed(ticket: Ticket, positions: Holdings, orders: Iterable[PaperOrder]) -> Decimal | None:
    """Dollars of buying power that the order takes before fees (negative frees some); None: it would not be covered."""
    held, _ = committed(positions, orders)
    later = after(held, ticket, ticket.quantity)
    if any(
        leg.side is Side.SELL and isinstance(leg.instrument, Stock) and later.get(leg.instrument.key, 0) < 0 for leg in ticket.legs
    ):
        return None
    before, then = collateral(held), collateral(later)
    net = -ticket.limit * ticket.quantity * multiplier(ticket)
    if then is None:
        return net if before is None and all(leg.side is Side.BUY for leg in ticket.legs) else None
    return net + then - (before or ZERO)


def _tied(shares: int, options: list[tuple[Option, int]]) -> Decimal | None:
    """Worst loss at expiry of one underlying, from 0 upwards."""
    last = max((option.expiry for option, quantity in options if quantity < 0), default=None)
    if last is None and shares >= 0:
        return ZERO
    kept = [(option, quantity) for option, quantity in options if quantity < 0 or last is None or option.expiry >= last]
    calls = sum(quantity * option.multiplier for option, quantity in kept if option.right is Right.CALL)
    if shares + calls < 0:
        return None
    spots = (ZERO, *(option.strike for option, _ in kept))
    return max(ZERO, -min(_worth(spot, shares, kept) for spot in spots))


def _worth(spot: Decimal, shares: int, options: list[tuple[Option, int]]) -> Decimal:
    return shares * spot + sum((quantity * option.multiplier * intrinsic(option, spot) for option, quantity in options), ZERO)


def intrinsic(option: Option, spot: Decimal) -> Decimal:
    """Worth per share if it were exercised now."""
    return max(ZERO, spot - option.strike if option.right is Right.CALL else option.strike - spot)
