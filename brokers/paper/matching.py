"""When and at what price a paper order trades: a pure function of the order, the quotes and the stated model.

Net prices are signed (credit positive), so higher is better for us. For the legs of an order the *natural* net buys at the
ask and sells at the bid; the *mid* net is better. With the limit L:

- L <= natural: the order is marketable and trades at the natural net, moved by `improvement` of the way towards the mid and by
  `slippage` of the spread against us, never beyond L.
- natural < L <= mid: it trades at L with probability ``mid_fill + (1 - mid_fill) * (mid - L) / (mid - natural)``; the dice are a
  hash of order and quote instant, so the same history always trades the same way.
- L > mid: it rests.

All legs trade together, at most once per quote instant, at most `participation` of the displayed size less what others took.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Annotated

from annotated_types import Ge, Gt, Le

from brokers.paper.records import PaperOrder
from core.model.instruments import Leg, Side, Stock
from core.model.market import Quote
from core.model.money import CENT, FINE, down_to_tick, share_step


@dataclass(frozen=True, slots=True)
class FillModel:
    """How paper orders trade (see the module).

    Attributes
    ----------
    improvement : float
        Share of the way from the natural price to the mid that a marketable order gains.
    slippage : float
        Share of the spread that a marketable order loses beyond the natural price, within its limit.
    mid_fill : float
        Probability that a limit exactly at the mid trades on one quote; it rises linearly to 1 at the natural price.
    participation : float
        Largest share of the displayed size that is ours.
    partial : float
        Probability that an execution of several units is cut to fewer.
    latency_seconds : float
        From acceptance until the order can trade.
    quote_seconds : float
        Older quotes trade nothing.
    """

    improvement: Annotated[float, Ge(0), Le(1)] = 0.0
    slippage: Annotated[float, Ge(0), Le(1)] = 0.0
    mid_fill: Annotated[float, Ge(0), Le(1)] = 0.25
    participation: Annotated[float, Gt(0), Le(1)] = 1.0
    partial: Annotated[float, Ge(0), Le(1)] = 0.0
    latency_seconds: Annotated[float, Ge(0)] = 0.0
    quote_seconds: Annotated[float, Gt(0)] = 60.0


@dataclass(frozen=True, slots=True)
class Deal:
    """An execution: whole units, one price per leg, and the instants of the quotes behind it."""

    units: int
    prices: tuple[Decimal, ...]
    quoted: tuple[datetime, ...]
    modelled: bool


Taken = Mapping[tuple[str, Side], tuple[datetime, int]]


def grid(legs: Sequence[Leg], limit: Decimal) -> Decimal:
    """Price step of an order: a cent, or a hundredth of a cent for a stock below a dollar (SEC rule 612)."""
    return share_step(limit) if len(legs) == 1 and isinstance(legs[0].instrument, Stock) else CENT


def net(legs: Sequence[Leg], prices: Sequence[Decimal]) -> Decimal:
    """Signed net price of one unit for given leg prices."""
    return sum((-leg.side.sign * leg.ratio * paid for leg, paid in zip(legs, prices, strict=True)), Decimal(0))


def touch(leg: Leg, quote: Quote) -> Decimal:
    """What a leg costs at once: the ask for a purchase, the bid for a sale."""
    return quote.ask if leg.side is Side.BUY else quote.bid


def match(order: PaperOrder, quotes: Mapping[str, Quote], now: datetime, taken: Taken, model: FillModel) -> Deal | None:
    """Trade the order on these quotes, or not (None)."""
    legs = order.ticket.legs
    found = _sound(legs, quotes, now, model)
    if found is None or (order.quoted_at is not None and max(quote.as_of for quote in found) <= order.quoted_at):
        return None
    units = min(order.rest, _displayed(legs, found, taken, model))
    target = _target(order, found, model)
    if units < 1 or target is None:
        return None
    prices = _prices(order, found, target)
    if prices is None:
        return None
    quoted = tuple(quote.as_of for quote in found)
    if units > 1 and chance(order, max(quoted), "part") < model.partial:
        units = 1 + int(chance(order, max(quoted), "share") * (units - 1))
    return Deal(units, prices, quoted, any(quote.modelled for quote in found))


def chance(order: PaperOrder, instant: datetime, purpose: str) -> float:
    """Reproducible dice in [0, 1): a hash of the order, the quote instant and what it is thrown for."""
    text = f"{order.id}|{order.ticket.key}|{instant.isoformat()}|{purpose}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def _sound(legs: Sequence[Leg], quotes: Mapping[str, Quote], now: datetime, model: FillModel) -> tuple[Quote, ...] | None:
    """Quotes of all legs, or None when one is missing, defective, or nobody stands on the side we need."""
    age = timedelta(seconds=model.quote_seconds)
    found = []
    for leg in legs:
        quote = quotes.get(leg.instrument.key)
        if quote is None or quote.defect(now, age) or touch(leg, quote) <= 0:
            return None
        found.append(quote)
    return tuple(found)


def _displayed(legs: Sequence[Leg], quotes: Sequence[Quote], taken: Taken, model: FillModel) -> int:
    """Whole units that the displayed sizes still allow."""
    units = []
    for leg, quote in zip(legs, quotes, strict=True):
        shown = int((quote.ask_size if leg.side is Side.BUY else quote.bid_size) * model.participation)
        instant, used = taken.get((leg.instrument.key, leg.side), (None, 0))
        units.append((shown - (used if instant == quote.as_of else 0)) // leg.ratio)
    return min(units)


def _target(order: PaperOrder, quotes: Sequence[Quote], model: FillModel) -> Decimal | None:
    """Net price at which one unit trades, or None when it rests."""
    legs, limit = order.ticket.legs, order.ticket.limit
    natural = net(legs, [touch(leg, quote) for leg, quote in zip(legs, quotes, strict=True)])
    middle = net(legs, [quote.mid for quote in quotes])
    if limit <= natural:
        share = Decimal(str(model.improvement)) - 2 * Decimal(str(model.slippage))
        wanted = (natural + share * (middle - natural)).quantize(FINE, ROUND_FLOOR)
        return max(limit, min(natural, wanted), down_to_tick(wanted, grid(legs, limit)))
    if limit > middle:
        return None
    closeness = float((middle - limit) / (middle - natural))
    odds = model.mid_fill + (1 - model.mid_fill) * closeness
    return limit if chance(order, max(quote.as_of for quote in quotes), "mid") < odds else None


def _prices(order: PaperOrder, quotes: Sequence[Quote], target: Decimal) -> tuple[Decimal, ...] | None:
    """Leg prices whose net is the target: each leg moves the same share of its half spread, one leg carries the rounding."""
    legs = order.ticket.legs
    touches = [touch(leg, quote) for leg, quote in zip(legs, quotes, strict=True)]
    natural = net(legs, touches)
    if target == natural:
        return tuple(touches)
    middle = net(legs, [quote.mid for quote in quotes])
    share = (target - natural) / (middle - natural) if middle != natural else Decimal(0)
    prices = [
        max(Decimal(0), price + share * (quote.mid - price)).quantize(FINE) for price, quote in zip(touches, quotes, strict=True)
    ]
    carrier = min(range(len(legs)), key=lambda leg: (legs[leg].ratio, -prices[leg]))
    leg = legs[carrier]
    others = net(legs, prices) + leg.side.sign * leg.ratio * prices[carrier]
    exact = (others - target) / (leg.side.sign * leg.ratio)
    rounding = ROUND_FLOOR if leg.side is Side.BUY else ROUND_CEILING
    prices[carrier] = exact.quantize(Decimal("0.00000001"), rounding)
    if prices[carrier] < 0:  # slippage on an option that is worth almost nothing
        return tuple(touches) if order.ticket.limit <= natural else None
    return tuple(prices)
