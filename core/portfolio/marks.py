"""Marks: what positions are worth at current quotes, and the book that holds them.

A position is marked at the middle of each leg's quote, which is what it is worth to nobody in particular: crossing the spread
is a cost of leaving and is booked when it happens. Where nobody bids, a middle would invent value: then what is held long
is worth nothing, and what is held short costs the ask. One unsound quote (crossed, stale, no offer, none at all) leaves the
whole position unmarked: `value` None claims nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from core.model.market import MarketView, Quote
from core.model.money import ZERO
from core.model.positions import Book, Holding, Marked, Position
from core.portfolio.holdings import cost


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier sessions left behind for a book.

    Attributes
    ----------
    day_start, peak : Decimal
        Net liquidation at the end of the previous session and its highest (`performance.day_start`, `performance.peak`).
    values : mapping of position id to Decimal
        Last sound value of positions in dollars; a position that never had one counts at its cost.
    """

    day_start: Decimal
    peak: Decimal
    consecutive_losses: int = 0
    paused_session: date | None = None
    values: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commitments:
    """What is granted or asked for but not yet a position; fields as in `Book`."""

    reserved: Decimal = ZERO
    reserved_cash: Decimal = ZERO
    buying_power: Decimal | None = None
    trades_today: int = 0
    busy: frozenset[str] = frozenset()


def mark(position: Position, view: MarketView, now: datetime, max_age: timedelta) -> Marked:
    """Value a position at the view's quotes; quotes older than `max_age` at `now` are not sound.

    `unrealised` is the value less the cost of what is held, in dollars, before fees.
    """
    total, modelled = ZERO, False
    for holding in position.holdings:
        quote = view.quote(holding.instrument)
        if quote is None or quote.defect(now, max_age) is not None:
            return Marked(position, None, None, modelled or position.modelled)
        total += holding.quantity * _worth(holding, quote) * holding.instrument.multiplier
        modelled = modelled or quote.modelled
    return Marked(position, total, total - cost(position.holdings), modelled)


def book(
    account: str, as_of: datetime, cash: Decimal, positions: Sequence[Marked], memory: Memory, commitments: Commitments
) -> Book:
    """Build the book of an account; positions without a sound quote count at their last known value."""
    values = [
        memory.values.get(marked.position.id, cost(marked.position.holdings)) if marked.value is None else marked.value
        for marked in positions
    ]
    net = cash + sum(values, ZERO)
    return Book(
        account=account,
        as_of=as_of,
        cash=cash,
        positions=tuple(positions),
        net_liquidation=net,
        day_start=memory.day_start,
        peak=max(memory.peak, net),
        reserved=commitments.reserved,
        reserved_cash=commitments.reserved_cash,
        buying_power=commitments.buying_power,
        trades_today=commitments.trades_today,
        consecutive_losses=memory.consecutive_losses,
        paused_session=memory.paused_session,
        busy=commitments.busy,
        stale_marks=sum(marked.value is None for marked in positions),
    )


def _worth(holding: Holding, quote: Quote) -> Decimal:
    if quote.bid > 0:
        return quote.mid
    return ZERO if holding.quantity > 0 else quote.ask
