"""Follow: read the broker, look doubtful orders up, walk prices, and finish envelopes.

A broker that does not answer stops the turn: nothing is cancelled, sent or closed on a picture that may be old.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from core.engine import approve, halt, reports, send, tell, walk
from core.engine.vet import price_legs
from core.engine.wire import ask
from core.model.errors import BadDataError, OutcomeUnknownError, RefusedError, RetryError
from core.model.market import MarketView
from core.model.notes import Note, Tone
from core.model.orders import DOUBTFUL, Fill, Order, OrderEvent, OrderState, Report, Transaction, advance
from core.model.proposals import Envelope
from core.portfolio.ledger import settle_all

if TYPE_CHECKING:
    from core.engine.engine import Engine

LATER_SECONDS = 30.0
#: How long after it happened a movement may still be told, and an execution.
LOOK_BACK, FILLS_BACK = timedelta(days=30), timedelta(days=1)
#: A broker's clock may be behind ours by so much.
SKEW = timedelta(minutes=1)
_RESTING = (OrderState.ACCEPTED, OrderState.WORKING, OrderState.PARTIAL)


async def turn(engine: "Engine", view: MarketView) -> bool:
    """Bring the books up to date and go on with what is unfinished; False when the broker does not answer."""
    try:
        await catch_up(engine, view)
    except RetryError as error:
        await _silent(engine, str(error))
        return False
    await _silent(engine, "")
    for order in engine.books.doubtful():
        await look_up(engine, order, view)
    for order in list(engine.books.orders.values()):
        await _walk(engine, order, view)
    for envelope in list(engine.books.envelopes.values()):
        await proceed(engine, envelope, view)
    return True


async def catch_up(engine: "Engine", view: MarketView) -> None:
    """Book everything that the broker knows and we do not; raises RetryError when it does not answer completely."""
    await movements(engine)
    await _poll(engine, view)
    await _executions(engine, view)


async def _silent(engine: "Engine", why: str) -> None:
    """Tell once that the broker does not answer, and once that it does again."""
    was, engine.books.silent = engine.books.silent, bool(why)
    if was == bool(why):
        return
    title = "The broker does not answer" if why else "The broker answers again"
    body = f"{why}. Until it answers nothing is sent and no exit can fire." if why else "Orders and exits are followed again."
    note = tell.desk_note("broker", title, body, engine.clock.now(), Tone.BAD if why else Tone.GOOD)
    await engine.journal.put_notes([note])
    engine.notifier.wake()


async def movements(engine: "Engine") -> None:
    """Book what moved the account without a fill: splits, dividends, expiries, deliveries. One that makes no sense halts."""
    since = (engine.books.movements_since or engine.clock.now()) - LOOK_BACK
    for movement in await ask(engine.broker.transactions(since)):
        if movement.id in engine.books.movements | engine.books.frozen:
            continue
        try:
            await _move(engine, movement)
        except BadDataError as error:
            engine.books.frozen.add(movement.id)
            await halt.alarm(engine, f"movement {movement.id}: {error}")


async def _move(engine: "Engine", movement: Transaction) -> None:
    before = sorted(engine.books.positions.values(), key=lambda position: (position.opened_at, position.id))
    changed = [after for was, after in zip(before, settle_all(before, movement), strict=True) if after != was]
    if await engine.journal.record_transaction(movement, changed, [tell.movement_note(movement)]):
        engine.books.book_movement(movement)
        for position in changed:
            engine.books.keep(position)
        engine.notifier.wake()


async def _poll(engine: "Engine", view: MarketView) -> None:
    """Reports on the orders that are open at the broker."""
    begun = [order.created_at for order in engine.books.orders.values() if order.state not in DOUBTFUL]
    if not begun:
        return
    for report in await ask(engine.broker.reports(min(begun) - SKEW)):
        if report.key in engine.books.orders:
            await reports.apply(engine, report, view)


async def _executions(engine: "Engine", view: MarketView) -> None:
    """Executions that came after their order had ended, and those of somebody else, for which the desk halts."""
    books = engine.books
    told = await ask(engine.broker.fills(engine.clock.now() - FILLS_BACK))
    late = [fill for fill in told if (fill.exec_id, fill.version) not in books.fills and fill.order_key not in books.orders]
    for key in dict.fromkeys(fill.order_key for fill in late):
        report = await ask(engine.broker.find(key)) if key and await engine.journal.order(key) else None
        if report is not None:
            await reports.apply(engine, report, view)
        else:
            await _foreign(engine, [fill for fill in late if fill.order_key == key])


async def _foreign(engine: "Engine", fills: Sequence[Fill]) -> None:
    unseen = [fill for fill in fills if fill.exec_id not in engine.books.frozen]
    engine.books.frozen.update(fill.exec_id for fill in unseen)
    if unseen:
        first = unseen[0]
        what = f"{first.side} {first.quantity} {first.instrument_key.strip()} at {first.price}"
        await halt.alarm(engine, f"somebody else traded on this account: {what} (execution {first.exec_id})")


async def look_up(engine: "Engine", order: Order, view: MarketView) -> None:
    """Ask the broker about an order whose outcome is not proved. Not found proves nothing; time only escalates to people."""
    now = engine.clock.now()
    waited = (now - (order.sent_at or order.created_at)).total_seconds()
    if not _due(engine, order, waited):
        return
    engine.books.looked_up[order.key] = waited
    try:
        report = await ask(engine.broker.find(order.key))
    except RetryError:
        report = None
    if report is not None:
        await reports.apply(engine, report, view)
        return
    escalated = unfound(order, waited, engine.settings.unknown_seconds, now)
    if escalated is not order:
        body = f"{order.key} was not found at the broker for {waited:.0f} s. Look there yourself; it is not sent again."
        note = tell.desk_note(f"escalated-{order.key}", "Please look at the broker", body, now, Tone.BAD)
        await engine.journal.record_order(escalated, notes=[note])
        engine.books.orders[order.key] = escalated
        engine.notifier.wake()


def unfound(order: Order, waited: float, budget: float, now: datetime) -> Order:
    """An order that a look did not find: the same, or ESCALATED when it has been in doubt for longer than `budget` seconds."""
    if order.state is not OrderState.UNKNOWN or waited < budget:
        return order
    return replace(order, state=advance(order.state, OrderEvent.BUDGET), updated_at=now)


def _due(engine: "Engine", order: Order, waited: float) -> bool:
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


async def _walk(engine: "Engine", order: Order, view: MarketView) -> None:
    """A child that has worked long enough is cancelled; what is left goes to the next one at a better price for the market.

    A cancel is only a request: while nothing proves it, it is asked for again.
    """
    now = engine.clock.now()
    since = order.updated_at if order.state is OrderState.PENDING_CANCEL else order.sent_at or order.created_at
    walks = order.state in (*_RESTING, OrderState.PENDING_CANCEL) and order.key not in engine.books.frozen
    if walks:
        _see(engine, order, view)
    if not walks or (now - since).total_seconds() < walk.schedule(engine.settings, order.legs).seconds:
        return
    asked = replace(order, state=advance(order.state, OrderEvent.CANCEL_SENT), updated_at=now)
    await settle(engine, asked, view)
    report = await _cancel(engine, order.key)
    if report is not None:
        await reports.apply(engine, report, view)


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
    except RefusedError as error:
        try:
            report = await ask(engine.broker.find(key))
        except RetryError:
            return None
        if report is None:
            engine.books.frozen.add(key)
            await halt.alarm(engine, f"the broker does not know order {key} any more: {error}")
        return report


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
    last = children[-1]
    if sum(child.taken for child in children) >= envelope.quantity:
        return "its legs filled unevenly"
    if last.state in (OrderState.REJECTED, OrderState.DENIED):
        return last.reason or str(last.state)
    if len(children) >= len(walk.schedule(engine.settings, envelope.legs).shares):
        best = engine.books.best_seen.get(envelope.id)
        seen = "" if best is None else f"; the best that the market showed was {tell.per_share(abs(best))}"
        return f"nobody took it at {tell.per_share(abs(last.limit))}{seen}"
    if engine.clock.now() >= envelope.deadline:
        return "the approval has run out"
    return None


async def _finish(engine: "Engine", envelope: Envelope, children: Sequence[Order], reason: str) -> None:
    """W11. Legs that filled unevenly leave less cover than was approved: only exits are sent until somebody looked."""
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
    if min(units) < max(units):
        await halt.alarm(engine, f"{proposal.signal.symbol}: the legs of envelope {envelope.id} filled unevenly, {done}", 1)
