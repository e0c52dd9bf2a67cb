"""Send: one submit per child order, the intent durable before the socket.

Write points: W6 after the dry run, W7 when SENDING is committed, W8 right before the socket, W9 when the answer is stored.
"""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from core.engine import approve, departures, follow, gate, halt, reports, tell
from core.engine.checks import fingerprint
from core.engine.wire import SECONDS, ask
from core.model.errors import BadDataError, NotAllowedError, QuantMatrixError, RefusedError
from core.model.kill import forbidden
from core.model.market import MarketView
from core.model.notes import Note, Tone
from core.model.orders import Order, OrderEvent, OrderState, advance
from core.model.proposals import ApprovedOrder, Envelope
from core.ports.journal import Kill

if TYPE_CHECKING:
    from core.engine.engine import Engine


async def send(engine: "Engine", envelope: Envelope, order: Order, view: MarketView, started: float | None = None) -> None:
    """Dry run, mark, last look, one submit, store the answer. In doubt the order is UNKNOWN and will be looked up."""
    request = approve.approved(envelope, order)
    refusal = await _refusal(engine, request, order)
    if refusal is not None:
        await _deny(engine, order, refusal, view)
        return
    now = engine.clock.now()
    sending = replace(order, state=OrderState.SENDING, sent_at=now, updated_at=now)
    engine.books.orders[order.key] = sending
    refusal = halt.forbids(engine, envelope.intent) or last_look(engine.books.kill, envelope, engine.clock.now())
    if refusal is not None:
        await _deny(engine, sending, refusal, view)
        return
    await _submit(engine, request, sending, view, started)


async def _deny(engine: "Engine", order: Order, reason: str, view: MarketView) -> None:
    denied = replace(order, state=advance(order.state, OrderEvent.DENY), reason=reason, updated_at=engine.clock.now())
    await follow.settle(engine, denied, view)


async def _submit(engine: "Engine", request: ApprovedOrder, order: Order, view: MarketView, started: float | None) -> None:
    if started is not None:
        engine.measures.time("claim", engine.clock.monotonic() - started)
    engine.at("W8")
    try:
        report = await asyncio.wait_for(engine.broker.submit(request), SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the order may have arrived
        if meant(error) is OrderEvent.LOSE:
            await _lose(engine, order, error)
            return
        rejected = replace(order, state=advance(order.state, OrderEvent.REFUSE), reason=str(error), updated_at=engine.clock.now())
        await follow.settle(engine, rejected, view, raw=str(error))
    else:
        engine.at("W8+")
        await reports.apply(engine, report, view)


def meant(error: Exception) -> OrderEvent:
    """What a submit without a report means: REFUSE only where the broker proved it, LOSE for everything else."""
    proved = isinstance(error, RefusedError) and not isinstance(error, BadDataError)
    return OrderEvent.REFUSE if proved else OrderEvent.LOSE


async def _lose(engine: "Engine", order: Order, error: Exception) -> None:
    """Nobody knows whether the order arrived: UNKNOWN, its symbol stays locked, and it is looked up, never sent again."""
    now = engine.clock.now()
    lost = replace(order, state=advance(order.state, OrderEvent.LOSE), reason=f"{error}" or type(error).__name__, updated_at=now)
    await engine.journal.record_order(lost, raw=repr(error), notes=[unknown_note(engine, lost)])
    engine.books.orders[lost.key] = lost
    engine.notifier.wake()


def unknown_note(engine: "Engine", order: Order) -> Note:
    """An order whose outcome is not known."""
    body = f"{order.key}: {order.reason}. It is looked up at the broker and never sent again; its symbol is locked until then."
    return tell.desk_note(f"unknown-{order.key}", "An order's outcome is unknown", body, engine.clock.now(), Tone.BAD)


async def _refusal(engine: "Engine", request: ApprovedOrder, order: Order) -> str | None:
    """Why the order is not sent: the broker's dry run, the gate, or the marker; None when it is marked as being sent."""
    try:
        preview = await ask(engine.broker.preview(request))
    except QuantMatrixError as error:
        return f"the dry run failed: {error}"
    engine.at("W6")
    if not preview.accepted:
        return f"the broker would refuse it: {preview.reason}"
    stopped = halt.forbids(engine, request.envelope.intent) or last_look(engine.books.kill, request.envelope, engine.clock.now())
    return await gate.refusal(engine, request, preview, stopped) or await _mark(engine, order)


async def _mark(engine: "Engine", order: Order) -> str | None:
    """W7, with what the gate measured; from here on the order counts as sent."""
    now, envelope = engine.clock.now(), engine.books.envelopes[order.envelope_id]
    request = approve.approved(envelope, order)
    try:
        await engine.journal.mark_sending(order.key, fingerprint(request), now, engine.books.checked.pop(order.key, ""))
    except NotAllowedError as error:
        return str(error)
    (await departures.today(engine)).add(envelope, now)
    return None


def last_look(kill: Kill, envelope: Envelope, now: datetime) -> str | None:
    """Why nothing is sent right before the socket: kill level or deadline; None: it may go."""
    if forbidden(kill.level, envelope.intent):
        return f"the desk was halted by {kill.by}: {kill.reason}"
    if now >= envelope.deadline:
        return f"the approval was good until {envelope.deadline:%H:%M} UTC"
    return None
