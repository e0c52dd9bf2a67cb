"""Vet: a signal becomes a sized, priced and checked proposal, or a refusal that names its reason.

Opening size: what may be lost (`risk_per_trade` of net liquidation) over what one unit can lose. Every rule then speaks, and
the smallest size that a rule trims to is taken. A smaller size never turns a PASS into a BLOCK, so once is enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from math import gcd
from typing import TYPE_CHECKING

from core.engine.settings import Expression
from core.model.errors import BadDataError
from core.model.instruments import Leg, Option, Side, Stock
from core.model.market import MarketView
from core.model.money import CENT, ZERO, cents
from core.model.positions import Book, Position
from core.model.proposals import Decision, LegQuote, Proposal, Verdict
from core.model.signals import Intent, Signal
from core.options.choose import Choice, choose, max_loss
from core.options.choose import Refusal as NoContract
from core.quant import ticks
from core.risk import vet_all

if TYPE_CHECKING:
    from core.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Refused:
    """A signal that became no proposal; nothing was asked of anybody."""

    signal: Signal
    reason: str


@dataclass(frozen=True, slots=True)
class Price:
    """Net prices of an order's legs now: `natural` crosses every spread, `mid` none; orders stand on `grid`."""

    natural: Decimal
    mid: Decimal
    quotes: tuple[LegQuote, ...]
    grid: ticks.Grid

    @property
    def tick(self) -> Decimal:
        """Price step at the natural price."""
        return self.grid.step(self.natural)


def price_legs(legs: Sequence[Leg], view: MarketView, net_tick: Decimal = CENT) -> Price:
    """Net price per share of the legs at the view's quotes; `net_tick` is the step of a spread.

    Raises
    ------
    BadDataError
        A leg has no quote, or its quote is crossed or has no offer.
    """
    natural = mid = ZERO
    quotes = []
    for leg in legs:
        quote = view.quote(leg.instrument)
        if quote is None:
            raise BadDataError(f"no quote for {leg.instrument.key} at {view.as_of:%Y-%m-%d %H:%M} UTC")
        if quote.ask <= 0 or quote.bid > quote.ask:
            raise BadDataError(f"no sound quote for {leg.instrument.key}: bid {quote.bid}, ask {quote.ask}")
        touch = quote.ask if leg.side is Side.BUY else quote.bid
        natural -= leg.side.sign * leg.ratio * touch
        mid -= leg.side.sign * leg.ratio * quote.mid
        quotes.append(LegQuote(leg.instrument.key, quote.bid, quote.ask, quote.as_of, quote.modelled))
    return Price(natural, mid, tuple(quotes), _grid(legs, quotes, net_tick))


def _grid(legs: Sequence[Leg], quotes: Sequence[LegQuote], net_tick: Decimal) -> ticks.Grid:
    """Grid of the order; quotes of a model show no class, so their orders stand on cents."""
    modelled = any(quote.modelled for quote in quotes)
    option = isinstance(legs[0].instrument, Option)
    return ticks.CENTS if modelled and option else ticks.grid(legs, [p for q in quotes for p in (q.bid, q.ask)], net_tick)


@dataclass(frozen=True, slots=True)
class _Shape:
    structure: str
    legs: tuple[Leg, ...]
    remarks: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


def vet(engine: "Engine", signal: Signal, view: MarketView, book: Book, attempt: int = 1) -> Proposal | Refused:
    """Turn a signal into a proposal with every rule's verdict, or say why not. Pure: the view must hold what is asked of it."""
    shape = _closing(engine, signal) if signal.intent is Intent.CLOSE else _opening(engine, signal, view, book)
    if isinstance(shape, Refused):
        return shape
    if objection := _objection(engine, signal, shape.legs):
        return Refused(signal, f"{signal.symbol}: {objection}.")
    return _build(engine, signal, shape, (view, book), attempt=attempt)


def _objection(engine: "Engine", signal: Signal, legs: tuple[Leg, ...]) -> str | None:
    """Why broker or account cannot take the legs as one order; they are never sent one by one instead."""
    able = engine.broker.capabilities
    return able.objection(legs) or (able.beyond_level(legs) if signal.intent is Intent.OPEN else None)


def revet(engine: "Engine", proposal: Proposal, view: MarketView, book: Book) -> Proposal | Refused:
    """Vet the same legs in the same quantity again at this instant; price, loss and verdicts are computed afresh.

    The rules see the verdicts of the first time, so that one which trims to a share of the size does not take the share twice.
    """
    own = replace(book, busy=book.busy - {proposal.signal.symbol})
    shape = _Shape(proposal.structure, proposal.legs, proposal.remarks, proposal.verdicts)
    return _build(engine, proposal.signal, shape, (view, own), attempt=proposal.attempt, quantity=proposal.quantity)


def closable(position: Position) -> int:
    """Order units that can be closed together; what a half-filled spread left over counts in its own ratios."""
    return position.units or gcd(*(abs(holding.quantity) for holding in position.holdings))


def _closing(engine: "Engine", signal: Signal) -> _Shape | Refused:
    position = engine.books.positions.get(signal.position_id or "")
    if position is None:
        return Refused(signal, f"{signal.symbol}: the position is already closed")
    units = closable(position)
    legs = tuple(
        Leg(holding.instrument, Side.SELL if holding.quantity > 0 else Side.BUY, abs(holding.quantity) // units)
        for holding in position.holdings
        if holding.quantity
    )
    return _Shape(position.structure, legs)


def _opening(engine: "Engine", signal: Signal, view: MarketView, book: Book) -> _Shape | Refused:
    wanted = engine.settings.expression
    stock = _Shape("stock", (Leg(Stock(signal.symbol), Side.BUY),))
    if wanted is Expression.STOCK:
        return stock
    choice = _contract(engine, signal, view, book)
    if isinstance(choice, _Shape):
        return choice
    if wanted is Expression.OPTIONS_FIRST:
        return replace(stock, remarks=(f"Stock, because no option qualifies: {choice.reason}",))
    return choice


def _contract(engine: "Engine", signal: Signal, view: MarketView, book: Book) -> _Shape | Refused:
    chain = view.symbol(signal.symbol).chain
    if chain is None:
        return Refused(signal, f"{signal.symbol} has no listed options.")
    worst = 1 + Decimal(str(engine.settings.premium_band))
    choice = choose(chain, signal, engine.options, _budget(engine, book) / worst, view.as_of, engine.max_age)
    if isinstance(choice, NoContract):
        return Refused(signal, choice.sentence)
    if objection := _objection(engine, signal, choice.legs):
        return Refused(signal, f"{signal.symbol}: {objection}, so no {choice.structure} is proposed.")
    return _Shape(choice.structure, choice.legs, (_facts(choice), *choice.remarks))


def _facts(choice: Choice) -> str:
    evens = ", ".join(f"{price:.2f}" for price in choice.break_evens) or "n/a"
    worth = f"worth ${choice.value_at_target:,.0f} at the first rung, ${choice.value_at_stop:,.0f} at the stop (model values)"
    moves = f"{choice.days} days, one unit moves like {choice.delta:.0f} shares, breaks even at {evens}"
    return f"{moves}. Reward:risk {choice.reward_risk:.1f}: {worth}."


def _budget(engine: "Engine", book: Book) -> Decimal:
    return max(book.net_liquidation, ZERO) * Decimal(str(engine.settings.risk_per_trade))


def _build(
    engine: "Engine",
    signal: Signal,
    shape: _Shape,
    market: tuple[MarketView, Book],
    *,
    attempt: int,
    quantity: int | None = None,
) -> Proposal | Refused:
    """Price the legs, size the order (unless the quantity is given), ask every rule, trim."""
    view, book = market
    try:
        draft = _draft(engine, signal, shape, view, attempt)
    except BadDataError as error:
        return Refused(signal, f"{signal.symbol}: {error}")
    loss = _unit_loss(engine, signal, draft.legs, draft.floor)
    wanted, sizing = (quantity, ()) if quantity else _quantity(engine, signal, loss, book)
    draft = _sized(engine, draft, loss, wanted)
    verdicts = (*sizing, *vet_all(engine.rules, draft, book, view))
    smallest = min((verdict.quantity for verdict in verdicts if verdict.quantity is not None), default=wanted)
    final = wanted if quantity else max(min(wanted, smallest), 1)
    return replace(_sized(engine, draft, loss, final), verdicts=_settled(engine, verdicts, smallest))


def _draft(engine: "Engine", signal: Signal, shape: _Shape, view: MarketView, attempt: int) -> Proposal:
    price = price_legs(shape.legs, view, engine.settings.net_tick)
    spot = price_legs((Leg(Stock(signal.symbol), Side.SELL),), view).mid
    return Proposal(
        id=f"{signal.id}.{attempt}",
        signal=signal,
        account=engine.account,
        legs=shape.legs,
        quantity=1,
        limit=price.grid.down(price.natural),
        floor=price.grid.down(price.natural - _band(engine, price, shape.legs)),
        tick=price.tick,
        max_loss=ZERO,
        fees=ZERO,
        value=ZERO,
        quotes=price.quotes,
        spot=spot,
        created_at=view.as_of,
        ttl_seconds=engine.settings.card_seconds,
        structure=shape.structure,
        modelled=any(quote.modelled for quote in price.quotes),
        remarks=shape.remarks,
        verdicts=shape.verdicts,
        attempt=attempt,
        sector=view.symbol(signal.symbol).sector,
        config_hash=engine.config_hash,
    )


def _band(engine: "Engine", price: Price, legs: Sequence[Leg]) -> Decimal:
    if any(isinstance(leg.instrument, Option) for leg in legs):
        return max(abs(price.natural) * Decimal(str(engine.settings.premium_band)), 2 * price.tick)
    return abs(price.natural) * Decimal(str(engine.settings.band))


def _unit_loss(engine: "Engine", signal: Signal, legs: tuple[Leg, ...], floor: Decimal) -> Decimal:
    """Positive dollars that one unit can lose before fees, bought at the worst price of its band; 0 for a closing order."""
    if signal.intent is Intent.CLOSE or signal.levels is None:
        return ZERO
    if isinstance(legs[0].instrument, Option):
        return max_loss(legs, floor)
    stop_distance = max(-floor - signal.levels.stop, ZERO)
    return stop_distance * (1 + Decimal(str(engine.settings.gap_allowance)))


def _quantity(engine: "Engine", signal: Signal, loss: Decimal, book: Book) -> tuple[int, tuple[Verdict, ...]]:
    if signal.intent is Intent.CLOSE:
        position = engine.books.positions.get(signal.position_id or "")
        held = closable(position) if position else 1
        return min(signal.quantity or held, held), ()
    budget = _budget(engine, book)
    if loss <= 0:
        reason = f"{signal.symbol} trades at or below its stop, so no size has a defined loss"
        return 1, (Verdict("size", Decision.BLOCK, float(loss), 0.0, "$", reason),)
    quantity = int((budget / loss).to_integral_value(ROUND_FLOOR))
    if quantity < 1:
        reason = f"one unit can lose {cents(loss)} dollars, the budget of this trade is {cents(budget)} dollars"
        return 1, (Verdict("size", Decision.BLOCK, float(loss), float(budget), "$", reason),)
    reason = f"{quantity} units can lose {cents(loss * quantity)} of {cents(budget)} dollars"
    return quantity, (Verdict("size", Decision.PASS, float(loss * quantity), float(budget), "$", reason),)


def _sized(engine: "Engine", draft: Proposal, unit_loss: Decimal, quantity: int) -> Proposal:
    fees = ZERO
    for leg in draft.legs:
        price = next(quote.ask for quote in draft.quotes if quote.key == leg.instrument.key)
        once = engine.fees.of(leg.instrument, leg.ratio * quantity, leg.side, price)
        back = engine.fees.of(leg.instrument, leg.ratio * quantity, leg.side.opposite, price)
        fees += once if draft.intent is Intent.CLOSE else once + back
    if draft.intent is Intent.CLOSE:
        return replace(draft, quantity=quantity, fees=cents(fees))
    loss = cents(unit_loss * quantity + fees)
    stock = draft.structure == "stock"
    value = cents(-draft.limit * quantity) if stock else loss
    plan = engine.strategies[draft.signal.strategy].plan(draft.signal, quantity, options=not stock)
    return replace(draft, quantity=quantity, fees=cents(fees), max_loss=loss, value=value, plan=plan)


def _settled(engine: "Engine", verdicts: tuple[Verdict, ...], smallest: int) -> tuple[Verdict, ...]:
    """Count what was not evaluated; in strict mode it blocks. A trim below one unit blocks too."""
    settled = []
    for verdict in verdicts:
        final = verdict
        if verdict.decision is Decision.ABSENT:
            engine.books.absent[f"rule {verdict.rule}"] += 1
            if engine.settings.strict:
                final = replace(verdict, decision=Decision.BLOCK, reason=f"{verdict.reason}; a missing input blocks")
        elif verdict.decision is Decision.TRIM and smallest < 1 and verdict.quantity == smallest:
            final = replace(verdict, decision=Decision.BLOCK, reason=f"{verdict.reason}; not even one unit fits")
        settled.append(final)
    return tuple(settled)
