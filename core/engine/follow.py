"""Follow: what brokers report becomes order states, fills, positions; unfinished envelopes get their next child or end.

Every report may be a repetition, may be late, may overtake another. Fills are facts and are booked once by their id; states
move only along the table in `core.model.orders`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.engine import approve, halt, send, tell
from core.engine.vet import price_legs
from core.market.sessions import NEW_YORK
from core.model.errors import BadDataError, IllegalEventError, OutcomeUnknownError, RetryError
from core.model.market import MarketView
from core.model.notes import Note, Tone
from core.model.orders import DOUBTFUL, Fill, Order, OrderEvent, OrderState, Report, advance
from core.model.positions import Position
from core.model.proposals import Envelope, Proposal
from core.model.signals import Intent
from core.portfolio.ledger import apply_fills, fire, open_position, settle_all

if TYPE_CHECKING:
    from core.engine.engine import Engine

LATER_SECONDS = 30.0
#: How far back movements are read when none is known yet.
LOOK_BACK = timedelta(days=30)


async def turn(engine: "Engine", view: MarketView) -> None:
    """Read the broker, look doubtful orders up, walk prices, finish envelopes."""
    await movements(engine)
    open_orders = [order for order in engine.books.orders.values() if order.state not in DOUBTFUL]
    if open_orders:
        await _poll(engine, min(order.created_at for order in open_orders), view)
    for order in engine.books.doubtful():
        await look_up(engine, order, view)
    for order in list(engine.books.orders.values()):
        await _walk(engine, order, view)
    for envelope in list(engine.books.envelopes.values()):
        await proceed(engine, envelope, view)


async def movements(engine: "Engine") -> None:
    """Book what moved the account without a fill: splits, dividends, expiries, deliveries."""
    since = engine.books.movements_since or engine.clock.now() - LOOK_BACK
    try:
        reported = await engine.broker.transactions(since)
    except RetryError:
        return
    for movement in reported:
        if movement.id in engine.books.movements:
            continue
        before = sorted(engine.books.positions.values(), key=lambda position: (position.opened_at, position.id))
        changed = [after for was, after in zip(before, settle_all(before, movement), strict=True) if after != was]
        if await engine.journal.record_transaction(movement, changed, [tell.movement_note(movement)]):
            engine.books.book_movement(movement)
            for position in changed:
                engine.books.keep(position)
            engine.notifier.wake()


async def _poll(engine: "Engine", since: datetime, view: MarketView) -> None:
    try:
        reports = await engine.broker.reports(since)
    except RetryError:
        return
    for report in reports:
        if report.key in engine.books.orders:
            await apply(engine, report, view)


async def look_up(engine: "Engine", order: Order, view: MarketView) -> None:
    """Ask the broker about an order whose outcome is not proved. Not found proves nothing; time only escalates to people."""
    now = engine.clock.now()
    waited = (now - (order.sent_at or order.created_at)).total_seconds()
    if not _due(engine, order, waited):
        return
    engine.books.looked_up[order.key] = waited
    try:
        report = await engine.broker.find(order.key)
    except RetryError:
        report = None
    if report is not None:
        await apply(engine, report, view)
    elif order.state is OrderState.UNKNOWN and waited >= engine.settings.unknown_seconds:
        escalated = replace(order, state=advance(order.state, OrderEvent.BUDGET), updated_at=now)
        body = f"{order.key} was not found at the broker for {waited:.0f} s. Look there yourself; it is not sent again."
        note = tell.desk_note(f"escalated-{order.key}", "Please look at the broker", body, now, Tone.BAD)
        await engine.journal.record_order(escalated, notes=[note])
        engine.books.orders[order.key] = escalated
        engine.notifier.wake()


def _due(engine: "Engine", order: Order, waited: float) -> bool:
    before = engine.books.looked_up.get(order.key, -1.0)
    planned = next((moment for moment in engine.settings.lookup_seconds if moment > before), before + LATER_SECONDS)
    return waited >= planned or before < 0


async def apply(engine: "Engine", report: Report, view: MarketView) -> None:
    """Book one report about one of our orders; repeating it changes nothing."""
    order = engine.books.orders.get(report.key or "") or await engine.journal.order(report.key or "")
    if order is None:
        return
    fresh = [fill for fill in report.fills if (fill.exec_id, fill.version) not in engine.books.fills]
    counted = _count(order, fresh)
    now = engine.clock.now()
    try:
        state = order.state if report.event is None else advance(order.state, _event(report.event, order, counted))
    except IllegalEventError as error:
        await engine.journal.record_order(replace(order, reason=str(error), updated_at=now), raw=report.raw)
        await halt.halt(engine, "engine", f"order {order.key}: {error}")
        return
    after = replace(
        order,
        state=state,
        leg_filled=counted,
        broker_order_id=report.broker_order_id or order.broker_order_id,
        reason=report.reason or order.reason,
        updated_at=now,
    )
    if fresh:
        await _book(engine, after, fresh, report)
    if fresh or state is not order.state:
        await settle(engine, after, view, raw=report.raw, stored=bool(fresh))


def _count(order: Order, fresh: Sequence[Fill]) -> tuple[int, ...]:
    counted = list(order.leg_filled or (0,) * len(order.legs))
    for fill in fresh:
        counted[fill.leg] += fill.quantity
    return tuple(counted)


def _event(event: OrderEvent, order: Order, counted: tuple[int, ...]) -> OrderEvent:
    """A report that says "filled" before all its fills are known is only a part fill."""
    whole = all(done >= order.quantity * leg.ratio for done, leg in zip(counted, order.legs, strict=True))
    return OrderEvent.PART_FILL if event is OrderEvent.FULL_FILL and not whole else event


async def _book(engine: "Engine", order: Order, fresh: Sequence[Fill], report: Report) -> None:
    """W10: fills, order and position in one transaction, with the note that tells them."""
    envelope, proposal = await granted(engine, order.envelope_id)
    position = _position_after(engine, envelope, proposal, fresh)
    notes = [tell.fill_note(order, fresh, proposal, position)]
    if await engine.journal.record_fills(fresh, order, position, notes, event_key=report.broker_order_id):
        engine.books.book_fills(fresh)
        engine.books.keep(position)
        engine.notifier.wake()


def _position_after(engine: "Engine", envelope: Envelope, proposal: Proposal, fresh: Sequence[Fill]) -> Position:
    held = engine.books.positions.get(envelope.position_id)
    at = fresh[-1].at
    session = at.astimezone(NEW_YORK).date()
    if held is None:
        return open_position(proposal, envelope, fresh, session)
    signal = proposal.signal
    after = apply_fills(held, envelope, fresh, at, session, signal.cause if signal.intent is Intent.CLOSE else None)
    return fire(after, signal.multiple) if signal.multiple is not None else after


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


async def settle(engine: "Engine", order: Order, view: MarketView, *, raw: str = "", stored: bool = False) -> None:
    """Keep an order as it stands; when it is terminal its envelope goes on."""
    if not stored:
        await engine.journal.record_order(order, raw=raw)
    if not order.terminal:
        engine.books.orders[order.key] = order
        return
    engine.books.orders.pop(order.key, None)
    engine.books.looked_up.pop(order.key, None)
    envelope = engine.books.envelopes.get(order.envelope_id)
    if envelope is not None:
        await proceed(engine, envelope, view)


async def _walk(engine: "Engine", order: Order, view: MarketView) -> None:
    """A child that has worked long enough is cancelled; what is left goes to the next one at a better price for the market."""
    resting = order.state in (OrderState.ACCEPTED, OrderState.WORKING, OrderState.PARTIAL)
    waited = (engine.clock.now() - (order.sent_at or order.created_at)).total_seconds()
    if not resting or waited < engine.settings.walk_seconds:
        return
    asked = replace(order, state=advance(order.state, OrderEvent.CANCEL_SENT), updated_at=engine.clock.now())
    await settle(engine, asked, view)
    try:
        report = await engine.broker.cancel(order.key)
    except (OutcomeUnknownError, RetryError):
        return
    await apply(engine, report, view)


async def proceed(engine: "Engine", envelope: Envelope, view: MarketView) -> None:
    """The next child when the last one is proved terminal, or the end of the envelope (W11)."""
    if engine.books.children(envelope.id) or envelope.id not in engine.books.envelopes:
        return
    children = await engine.journal.orders_of(envelope.id)
    filled = sum(child.filled for child in children)
    last = children[-1]
    reason = _over(engine, envelope, last, filled, len(children))
    if reason is None:
        try:
            limit = approve.child_limit(engine, envelope, price_legs(envelope.legs, view), len(children) + 1)
        except BadDataError as error:
            reason = str(error)
        else:
            child = approve.next_order(envelope, len(children) + 1, envelope.quantity - filled, limit, engine.clock.now())
            await engine.journal.add_order(child)
            engine.books.orders[child.key] = child
            await send.send(engine, envelope, child, view)
            return
    await _finish(engine, envelope, filled, reason)


def _over(engine: "Engine", envelope: Envelope, last: Order, filled: int, sent: int) -> str | None:
    """Why no further child is sent; None when one may be."""
    if filled >= envelope.quantity:
        return "filled"
    if last.state in (OrderState.REJECTED, OrderState.DENIED):
        return last.reason or str(last.state)
    if sent >= len(engine.settings.walk):
        return f"nobody took it at {tell.per_share(abs(last.limit))}"
    if engine.clock.now() >= envelope.deadline:
        return "the approval has run out"
    return None


async def _finish(engine: "Engine", envelope: Envelope, filled: int, reason: str) -> None:
    proposal = engine.books.granted[envelope.id]
    now = engine.clock.now()
    notes: list[Note] = []
    if filled < envelope.quantity:
        notes.append(tell.unfilled_note(envelope, proposal, reason, filled, now))
    await engine.journal.close_envelope(envelope.id, now, notes)
    engine.books.envelopes.pop(envelope.id, None)
    engine.books.granted.pop(envelope.id, None)
    if notes:
        engine.notifier.wake()
