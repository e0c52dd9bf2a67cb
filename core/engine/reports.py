"""Reports: what a broker says about an order becomes its state, fills and a position.

Every report may be a repetition, may be late, may overtake another. Fills are facts and are booked once by their id; states
move only along the table in `core.model.orders`. What has no place there freezes the order and halts the desk.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from core.engine import follow, halt, later, legs, tell
from core.market.sessions import NEW_YORK
from core.model.errors import BadDataError, IllegalEventError
from core.model.market import MarketView
from core.model.orders import DOUBTFUL, Fill, Order, OrderEvent, OrderState, Report, advance
from core.model.positions import Position
from core.model.proposals import Envelope, Proposal
from core.model.signals import Intent
from core.portfolio.ledger import apply_fills, fire, open_position

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: States in which a cancelled order was cancelled on our word, or stays cancelled.
_ASKED = frozenset({OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE, OrderState.CANCELLED})
ENDS = frozenset({OrderEvent.FULL_FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REMOVE, OrderEvent.REFUSE})


async def apply(engine: "Engine", report: Report, view: MarketView) -> None:
    """Book one report about one of our orders; repeating it changes nothing."""
    order = engine.books.orders.get(report.key or "") or await engine.journal.order(report.key or "")
    if order is None or order.key in engine.books.frozen:
        return
    fresh = await later.sift(engine, report.fills)
    try:
        after = _after(engine, order, report, fresh)
        if fresh:
            await _book(engine, after, fresh)
    except (IllegalEventError, BadDataError) as error:
        await _freeze(engine, order, report, error)
        return
    if fresh or after.state is not order.state:
        raw = report.raw or f"{report.event} {report.broker_order_id} {report.reason}"
        await follow.settle(engine, after, view, raw=raw, stored=bool(fresh))
    if fresh:
        await _doubt(engine, order, after)


def _after(engine: "Engine", order: Order, report: Report, fresh: Sequence[Fill]) -> Order:
    counted = _count(order, fresh)
    event = _event(report, order, counted)
    unasked = event is OrderEvent.CANCEL and order.state not in _ASKED
    return replace(
        order,
        state=order.state if event is None else advance(order.state, event),
        leg_filled=counted,
        broker_order_id=report.broker_order_id or order.broker_order_id,
        reason=follow.UNASKED if unasked else report.reason or order.reason,
        updated_at=engine.clock.now(),
    )


def _count(order: Order, fresh: Sequence[Fill]) -> tuple[int, ...]:
    counted = list(order.leg_filled or (0,) * len(order.legs))
    for fill in fresh:
        if not 0 <= fill.leg < len(counted) or fill.order_key != order.key:
            raise BadDataError(f"execution {fill.exec_id} of leg {fill.leg} does not belong to order {order.key}")
        counted[fill.leg] += fill.quantity
    return tuple(counted)


def _event(report: Report, order: Order, counted: tuple[int, ...]) -> OrderEvent | None:
    """What the report means. Nothing is over while the broker counts more than the fills that are known."""
    event = report.event
    if event is None:
        return OrderEvent.ACK if order.state in DOUBTFUL else None
    whole = all(done >= order.quantity * leg.ratio for done, leg in zip(counted, order.legs, strict=True))
    missing = any(told > done for told, done in zip(report.leg_filled, counted, strict=False))
    if event is OrderEvent.PART_FILL and whole:
        return OrderEvent.FULL_FILL
    early = missing or (event is OrderEvent.FULL_FILL and not whole)
    return OrderEvent.PART_FILL if event in ENDS and early else event


async def _freeze(engine: "Engine", order: Order, report: Report, error: Exception) -> None:
    """Nothing more is booked on this order in this run; people look at it."""
    engine.books.frozen.add(order.key)
    body = {"order": order.key, "state": order.state, "event": report.event, "why": str(error), "raw": report.raw}
    await engine.journal.audit("engine", "illegal report", body, engine.clock.now())
    await halt.alarm(engine, f"order {order.key}: {error}")


async def _book(engine: "Engine", order: Order, fresh: Sequence[Fill]) -> None:
    """W10: fills, order and position in one transaction, with the note that tells them."""
    envelope, proposal = await granted(engine, order.envelope_id)
    position = await _position_after(engine, envelope, proposal, fresh)
    notes = [tell.fill_note(order, fresh, proposal, position)]
    if not await engine.journal.record_fills(fresh, order, position, notes):
        raise IllegalEventError(f"the journal knew an execution of {', '.join(fill.exec_id for fill in fresh)} already")
    engine.books.book_fills(fresh)
    engine.books.watch.feeless.update({fill.exec_id: position.id for fill in fresh if fill.fee is None})
    engine.books.keep(position)
    await legs.note(engine, position, envelope)
    engine.notifier.wake()


async def _position_after(engine: "Engine", envelope: Envelope, proposal: Proposal, fresh: Sequence[Fill]) -> Position:
    before = await held(engine, envelope)
    at = fresh[-1].at
    session = at.astimezone(NEW_YORK).date()
    if before is None:
        return open_position(proposal, envelope, fresh, session)
    signal = proposal.signal
    after = apply_fills(before, envelope, fresh, at, session, signal.cause if signal.intent is Intent.CLOSE else None)
    if after.is_open:
        after = replace(after, closed_at=None, closed_session=None, close_cause=None)
    return fire(after, signal.multiple) if signal.multiple is not None else after


async def held(engine: "Engine", envelope: Envelope) -> Position | None:
    """Give the position of an envelope, also when it was closed before a late fill came."""
    still = engine.books.positions.get(envelope.position_id)
    if still is not None:
        return still
    since = envelope.approved_at.astimezone(NEW_YORK).date()
    closed = await engine.journal.positions(engine.account, closed_since=since)
    return next((position for position in closed if position.id == envelope.position_id), None)


async def _doubt(engine: "Engine", before: Order, after: Order) -> None:
    """Fills that should not have been: they are booked, because they are true, and the desk halts."""
    over = after.taken > after.quantity
    if before.terminal:
        envelope, _ = await granted(engine, after.envelope_id)
        over = over or sum(child.taken for child in await engine.journal.orders_of(envelope.id)) > envelope.quantity
    if over:
        await halt.alarm(engine, f"more was filled than approved: order {after.key} has {after.taken} of {after.quantity}")
    if await _turned_round(engine, after):
        await halt.alarm(engine, f"order {after.key} was to close a position and turned it round; somebody else may have closed it")
    if before.state in (OrderState.REJECTED, OrderState.ABSENT):
        await halt.alarm(engine, f"order {after.key} was {before.state} and traded all the same")


async def _turned_round(engine: "Engine", order: Order) -> bool:
    """Whether a closing order left its position holding the opposite of what it held."""
    envelope, _ = await granted(engine, order.envelope_id)
    position = engine.books.positions.get(envelope.position_id)
    if envelope.intent is not Intent.CLOSE or position is None:
        return False
    held = {holding.instrument: holding.quantity for holding in position.holdings}
    return any(held.get(leg.instrument, 0) * leg.side.sign > 0 for leg in envelope.legs)


async def granted(engine: "Engine", envelope_id: str) -> tuple[Envelope, Proposal]:
    """Envelope and the proposal it was granted for, from memory or the journal.

    Raises
    ------
    IllegalEventError
        The journal does not know it.
    """
    envelope = engine.books.envelopes.get(envelope_id) or await engine.journal.envelope(envelope_id)
    if envelope is None:
        raise IllegalEventError(f"no envelope {envelope_id} was ever granted")
    proposal = engine.books.granted.get(envelope_id)
    if proposal is None:
        stored = await engine.journal.proposal(envelope.proposal_id)
        if stored is None:
            raise IllegalEventError(f"envelope {envelope_id} answers no known proposal")
        proposal = stored.proposal
    return envelope, proposal
