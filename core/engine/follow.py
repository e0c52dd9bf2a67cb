"""Follow: read the broker, look doubtful orders up, walk prices, and finish envelopes.

A broker that does not answer stops the turn: nothing is cancelled, sent or closed on a picture that may be old.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from core.engine import approve, audits, doubt, locks, poll, reconcile, reports, send, tell, walk
from core.engine.vet import price_legs
from core.engine.wire import ask
from core.model.doubts import Hold
from core.model.errors import BadDataError, IllegalEventError, OutcomeUnknownError, RefusedError, RetryError
from core.model.market import MarketView
from core.model.notes import Note, Tone
from core.model.orders import Order, OrderEvent, OrderState, Report, advance
from core.model.proposals import Envelope
from core.model.signals import Intent

if TYPE_CHECKING:
    from core.engine.engine import Engine

LATER_SECONDS = 30.0
#: Why an order ended that this desk did not ask to cancel; nothing more is sent under its envelope.
UNASKED = "cancelled at the broker, not by this desk"
_RESTING = (OrderState.ACCEPTED, OrderState.WORKING, OrderState.PARTIAL)


async def turn(engine: "Engine", view: MarketView) -> bool:
    """Bring the books up to date and go on with what is unfinished; False when the broker does not answer."""
    engine.books.skew.look(engine.clock, engine.settings.gate.clock_limit)
    try:
        if engine.audited and engine.books.silent:
            await reconcile.again(engine, view)
        else:
            await poll.catch_up(engine, view, whole=False)
    except RetryError as error:
        await _silent(engine, str(error))
        return False
    await _silent(engine, "")
    if engine.audited:
        await audits.turn(engine, view)
    for order in engine.books.doubtful():
        await look_up(engine, order, view)
    for order in list(engine.books.orders.values()):
        await _walk(engine, order, view)
    for envelope in list(engine.books.envelopes.values()):
        await proceed(engine, envelope, view)
    return True


async def _silent(engine: "Engine", why: str) -> None:
    """Tell once that the broker does not answer, and once that it does again."""
    was, engine.books.silent = engine.books.silent, bool(why)
    if was == bool(why):
        return
    title = "The broker does not answer" if why else "The broker answers again"
    found = f" {engine.reconciled}." if engine.audited else ""
    body = (
        f"{why}. Until it answers nothing is sent and no exit can fire." if why else f"Orders and exits are followed again.{found}"
    )
    note = tell.desk_note("broker", title, body, engine.clock.now(), Tone.BAD if why else Tone.GOOD)
    await engine.journal.put_notes([note])
    engine.notifier.wake()


async def look_up(engine: "Engine", order: Order, view: MarketView) -> None:
    """Ask the broker about an order whose outcome is not proved. Not found proves nothing; time only escalates to people."""
    now = engine.clock.now()
    waited = _waited(order, now)
    if not due(engine, order):
        return
    engine.books.looked_up[order.key] = waited
    try:
        report = await poll.find(engine, order.key)
        if report is not None:
            await reports.apply(engine, report, view)
        elif order.state is OrderState.ESCALATED:
            await doubt.seek(engine, order, view)
    except RetryError:
        report = None
    escalated = order if report else unfound(order, waited, engine.settings.unknown_seconds, now)
    if escalated is not order:
        await doubt.escalate(engine, escalated, waited)


def unfound(order: Order, waited: float, budget: float, now: datetime) -> Order:
    """An order that a look did not find: the same, or ESCALATED when it has been in doubt for longer than `budget` seconds."""
    if order.state is not OrderState.UNKNOWN or waited < budget:
        return order
    return replace(order, state=advance(order.state, OrderEvent.BUDGET), updated_at=now)


def _waited(order: Order, now: datetime) -> float:
    return (now - (order.sent_at or order.created_at)).total_seconds()


def due(engine: "Engine", order: Order) -> bool:
    """Whether an order in doubt is to be looked up now."""
    waited = _waited(order, engine.clock.now())
    before = engine.books.looked_up.get(order.key, -1.0)
    planned = next((moment for moment in engine.settings.lookup_seconds if moment > before), before + LATER_SECONDS)
    return waited >= planned or before < 0


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


async def call_off(engine: "Engine", order: Order, view: MarketView) -> None:
    """Ask to cancel an order that rests; what comes of it is followed like any cancel."""
    if order.state in (*_RESTING, OrderState.PENDING_CANCEL) and order.key not in engine.books.frozen:
        await _ask_to_cancel(engine, order, view)


async def _walk(engine: "Engine", order: Order, view: MarketView) -> None:
    """A child that has worked long enough is cancelled; what is left goes to the next one at a better price for the market.

    A cancel is only a request: while nothing proves it, it is asked for again.
    """
    now = engine.clock.now()
    since = order.updated_at if order.state is OrderState.PENDING_CANCEL else order.sent_at or order.created_at
    walks = order.state in (*_RESTING, OrderState.PENDING_CANCEL) and order.key not in engine.books.frozen
    if walks:
        _see(engine, order, view)
    if not walks or (now - since).total_seconds() < _works(engine, order):
        return
    await _ask_to_cancel(engine, order, view)


async def _ask_to_cancel(engine: "Engine", order: Order, view: MarketView) -> None:
    asked = replace(order, state=advance(order.state, OrderEvent.CANCEL_SENT), updated_at=engine.clock.now())
    await settle(engine, asked, view)
    report = await _cancel(engine, order.key)
    if report is not None:
        await reports.apply(engine, report, view)


def _works(engine: "Engine", order: Order) -> float:
    """Seconds that a child may work before it is cancelled for the next one."""
    envelope = engine.books.envelopes.get(order.envelope_id)
    return walk.schedule(engine.settings, order.legs, envelope.intent if envelope else Intent.CLOSE).seconds


def _see(engine: "Engine", order: Order, view: MarketView) -> None:
    """Remember the best price that the market showed while an envelope was under way."""
    try:
        natural = price_legs(order.legs, view).natural
    except BadDataError:
        return
    best = engine.books.best_seen
    best[order.envelope_id] = max(best.get(order.envelope_id, natural), natural)


async def _cancel(engine: "Engine", key: str) -> Report | None:
    """Ask to cancel; when the broker refuses, see where the order stands."""
    try:
        return await ask(engine.broker.cancel(key))
    except (OutcomeUnknownError, RetryError):
        return None
    except IllegalEventError as error:
        await poll.withdraw(engine, key, str(error))
        return None
    except RefusedError as error:
        try:
            report = await poll.find(engine, key)
        except RetryError:
            return None
        if report is None:
            await _unknown_there(engine, key, str(error))
        return report


async def _unknown_there(engine: "Engine", key: str, why: str) -> None:
    """Not being found is no proof: the order stays as it is and is asked for again. Told once."""
    at = engine.clock.now()
    body = f"The broker does not show order {key}, which should be cancelled: {why}. It counts as open. Look at the broker."
    await engine.journal.put_notes([tell.once(f"unseen-{key}", "An order is not shown at the broker", body, at)])
    engine.notifier.wake()


async def proceed(engine: "Engine", envelope: Envelope, view: MarketView) -> None:
    """The next child when the last one is proved terminal, or the end of the envelope (W11)."""
    if engine.books.children(envelope.id) or envelope.id not in engine.books.envelopes:
        return
    children = await engine.journal.orders_of(envelope.id)
    reason = _over(engine, envelope, children)
    if reason is None:
        number = len(children) + 1
        try:
            limit = approve.child_limit(engine, envelope, price_legs(envelope.legs, view, engine.settings.net_tick), number)
        except BadDataError as error:
            reason = str(error)
        else:
            left = envelope.quantity - sum(child.taken for child in children)
            child = approve.next_order(envelope, number, left, limit, engine.clock.now())
            await engine.journal.add_order(child)
            engine.books.orders[child.key] = child
            await send.send(engine, envelope, child, view)
            return
    await _finish(engine, envelope, children, reason)


def _over(engine: "Engine", envelope: Envelope, children: Sequence[Order]) -> str | None:
    """Why no further child is sent; None when one may be."""
    last, symbol = children[-1], locks.symbol_of(engine, envelope.id)
    if engine.books.watch.held(symbol, Hold.OUTSIDE):
        return f"somebody else traded {symbol}"
    if last.reason == UNASKED:
        return last.reason
    if sum(child.taken for child in children) >= envelope.quantity:
        return "its legs filled unevenly"
    if last.state in (OrderState.REJECTED, OrderState.DENIED, OrderState.ABSENT):
        return last.reason or str(last.state)
    if len(children) >= len(walk.schedule(engine.settings, envelope.legs, envelope.intent).shares):
        best = engine.books.best_seen.get(envelope.id)
        seen = "" if best is None else f"; the best that the market showed was {tell.per_share(abs(best))}"
        return f"nobody took it at {tell.per_share(abs(last.limit))}{seen}"
    if engine.clock.now() >= envelope.deadline:
        return "the approval has run out"
    return None


async def _finish(engine: "Engine", envelope: Envelope, children: Sequence[Order], reason: str) -> None:
    """W11. What legs that filled unevenly leave behind is watched in `core.engine.legs`."""
    proposal = engine.books.granted[envelope.id]
    now = engine.clock.now()
    done = [sum(child.leg_filled[leg] for child in children if child.leg_filled) for leg in range(len(envelope.legs))]
    units = [Fraction(count, leg.ratio) for count, leg in zip(done, envelope.legs, strict=True)]
    filled = int(min(units))
    notes: list[Note] = []
    if filled < envelope.quantity:
        notes.append(tell.unfilled_note(envelope, proposal, reason, filled, now))
    await engine.journal.close_envelope(envelope.id, now, notes)
    engine.books.envelopes.pop(envelope.id, None)
    engine.books.granted.pop(envelope.id, None)
    engine.books.best_seen.pop(envelope.id, None)
    if notes:
        engine.notifier.wake()
