"""Reconcile: crash, restart and reconnect are one path. Load the journal, look at the broker, say what was found.

Nothing is repaired by guessing: orders are matched by their key, positions and cash must agree, otherwise the desk halts.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from core.engine import audits, compare, follow, halt, legs, locks, opening, poll, reports, tell
from core.engine.wire import ask
from core.market.sessions import NEW_YORK
from core.model.errors import RetryError
from core.model.market import MarketView
from core.model.notes import Tone
from core.model.orders import DOUBTFUL, Fill, Order, OrderEvent, OrderState, Report, advance
from core.model.proposals import PENDING, ProposalState
from core.portfolio.ledger import cash_after

if TYPE_CHECKING:
    from core.engine.engine import Engine

T = TypeVar("T")

TRIES = 5
#: From so many open orders on they are asked for together.
MANY = 5
#: How long after an execution its fee may still be told.
FEES_BACK = timedelta(days=7)
RESULTS_DAYS = 400


async def start(engine: "Engine") -> None:
    """Load, settle what was in flight, compare with the broker, tell. Everything is told in one note.

    Raises
    ------
    RetryError
        The broker did not answer completely, several times.
    """
    denied = await recover(engine)
    body, good = await _settle(engine, await engine.view(), denied)
    at = engine.clock.now()
    note = tell.desk_note("reconciled", "Desk started", "\n".join([body, *_loud(engine)]), at, Tone.GOOD if good else Tone.BAD)
    await engine.journal.put_notes([note])
    engine.notifier.wake()


async def again(engine: "Engine", view: MarketView) -> None:
    """The same after the broker was silent; raises RetryError as soon as it is again."""
    await _settle(engine, view, 0, tries=1)


async def _settle(engine: "Engine", view: MarketView, denied: int, tries: int = TRIES) -> tuple[str, bool]:
    """Match orders, book what happened, compare twice. Answers what was found, and whether everything is in order."""
    began = engine.clock.monotonic()
    matched, unknown = await _match_orders(engine, view, tries)
    await poll.catch_up(engine, view)
    if engine.audited:
        await audits.open_orders(engine, view)
    found = await compare.conclude(engine, await compare.twice(engine, view))
    watch, now = engine.books.watch, engine.clock.monotonic()
    watch.done.update(dict.fromkeys(("orders", "positions", "balances", "movements", "executions"), now))
    await compared(engine)
    outside = sum(position.is_external for position in engine.books.positions.values())
    theirs = f"{outside} positions and {len(watch.outside)} orders of somebody else, " if outside or watch.outside else ""
    engine.reconciled = (
        f"{len(engine.books.positions)} positions, {len(engine.books.pending)} open cards, {matched} orders matched, "
        f"{unknown} unknown, {denied} not sent, {theirs}{len(found)} differences"
    )
    held_back = [f"{symbol} is held back: {lock.reason}." for (symbol, _), lock in sorted(watch.locks.items())]
    lines = [f"{engine.reconciled} ({now - began:.1f} s).", *map(str, found), *held_back]
    return "\n".join(lines), not (found or unknown or held_back)


async def compared(engine: "Engine") -> None:
    """Everything was compared just now; the next start asks for what happened since."""
    at = engine.reconciled_at = engine.clock.now()
    if engine.audited:
        engine.books.watch.compared_at = at
        await engine.journal.set_setting(f"compared:{engine.account}", at.isoformat())


async def audit(engine: "Engine", view: MarketView) -> None:
    """Book what is not booked yet and compare with the broker, at the end of a session. A broker that is silent says nothing."""
    try:
        await poll.catch_up(engine, view)
        found = await compare.conclude(engine, await compare.twice(engine, view))
    except RetryError:
        return
    await compared(engine)
    engine.reconciled = f"{len(engine.books.positions)} positions, {len(found)} differences"


def _loud(engine: "Engine") -> list[str]:
    settings = engine.settings
    loud = []
    if settings.entries == "auto":
        loud.append("**Entries are approved by policy: nobody is asked.**")
    elif settings.auto_below > 0:
        loud.append(f"**Entries that can lose less than {tell.money(settings.auto_below)} are approved by policy.**")
    kill = engine.books.kill
    if kill.level:
        loud.append(f"**{halt.LEVELS[kill.level]}** since {kill.at:%Y-%m-%d %H:%M} UTC: {kill.reason}")
    return loud


async def recover(engine: "Engine") -> int:
    """Take the journal's word for everything, and settle what was being sent. Answers how many orders are not sent any more."""
    await load(engine)
    return await _in_flight(engine)


async def load(engine: "Engine") -> None:
    """Fill the books in memory from the journal."""
    books, journal, account = engine.books, engine.journal, engine.account
    before, kill = books.kill, await journal.kill()
    if books.kill is before:
        books.kill = kill
    opened_with = await journal.setting(f"start_cash:{account}") or await opening.first(engine)
    fills, moved = await journal.fills(account), await journal.transactions(account)
    books.cash = cash_after(Decimal(opened_with), fills, moved)
    books.fills = {fill.exec_id: fill for fill in fills}
    books.movements = {movement.id for movement in moved}
    books.movements_since = max((movement.at for movement in moved), default=None)
    books.equity = list(await journal.equity(account))[-260:]
    books.orders = {order.key: order for order in await journal.unfinished_orders()}
    books.pending = {stored.proposal.id: stored for stored in await journal.proposals(sorted(PENDING))}
    books.envelopes = {envelope.id: envelope for envelope in await journal.open_envelopes()}
    books.granted = {}
    for envelope_id in books.envelopes:
        _, books.granted[envelope_id] = await reports.granted(engine, envelope_id)
    await _load_results(engine)
    compared_at = await journal.setting(f"compared:{account}")
    books.watch.compared_at = datetime.fromisoformat(compared_at) if compared_at else None
    await locks.load(engine)
    await legs.load(engine)
    await _load_feeless(engine, fills)


async def _load_feeless(engine: "Engine", fills: Sequence[Fill]) -> None:
    """Executions of late whose fee may still be told, with the position that pays it."""
    since = engine.clock.now() - FEES_BACK
    feeless: dict[str, str] = {}
    for fill in fills:
        if fill.fee is None and fill.at >= since:
            order = await engine.journal.order(fill.order_key) if fill.order_key else None
            envelope = await engine.journal.envelope(order.envelope_id) if order else None
            feeless[fill.exec_id] = envelope.position_id if envelope else ""
    engine.books.watch.feeless = feeless


async def _load_results(engine: "Engine") -> None:
    books = engine.books
    now = engine.clock.now()
    today = now.astimezone(NEW_YORK).date()
    positions = await engine.journal.positions(engine.account, closed_since=today - timedelta(days=RESULTS_DAYS))
    books.positions = {position.id: position for position in positions if position.is_open}
    paused = await engine.journal.setting("paused_session")
    books.paused_session = datetime.fromisoformat(paused).date() if paused else None
    closed = sorted(
        (p for p in positions if p.closed_at is not None and not p.is_external), key=lambda p: (p.closed_at or p.opened_at, p.id)
    )
    since = [p for p in closed if books.paused_session is None or (p.closed_session or today) >= books.paused_session]
    books.results = [position.realised >= position.fees for position in since]
    session = engine.sessions.at(now)
    if session is not None:
        books.session = session.day
        books.trades_today = await engine.journal.envelopes_claimed(engine.account, session.open)


async def _in_flight(engine: "Engine") -> int:
    """SENDING may have reached the broker: UNKNOWN. NEW was approved but never marked: DENIED, it is not sent late."""
    now = engine.clock.now()
    denied = 0
    for order in list(engine.books.orders.values()):
        settled = stranded(order, now)
        if settled is None:
            continue
        await engine.journal.record_order(settled)
        engine.books.orders[order.key] = settled
        if settled.terminal:
            engine.books.orders.pop(order.key)
            denied += 1
    await _withdraw_drafts(engine, now)
    return denied


def stranded(order: Order, now: datetime) -> Order | None:
    """What becomes of an order that a dead process left: one being sent is UNKNOWN, one not yet sent is DENIED; None: as it was."""
    if order.state is OrderState.SENDING:
        return replace(order, state=advance(order.state, OrderEvent.LOSE), reason="the desk stopped while sending", updated_at=now)
    if order.state is OrderState.NEW:
        reason = "the desk stopped before the order was sent; it is not sent late"
        return replace(order, state=advance(order.state, OrderEvent.DENY), reason=reason, updated_at=now)
    return None


async def _withdraw_drafts(engine: "Engine", now: datetime) -> None:
    """A draft that the policy was about to approve has no card that anybody could answer."""
    for stored in list(engine.books.pending.values()):
        if stored.state is ProposalState.DRAFT and stored.message_id is None and not await _has_card(engine, stored.proposal.id):
            reason = "the desk stopped before the policy decided"
            note = tell.decided_note(stored.proposal, ProposalState.WITHDRAWN, reason, now)
            await engine.journal.close_proposal(stored.proposal.id, ProposalState.WITHDRAWN, reason, now, [note])
            engine.books.pending.pop(stored.proposal.id)


async def _has_card(engine: "Engine", proposal_id: str) -> bool:
    return any(pending.note.proposal_id == proposal_id for pending in await engine.journal.pending_notes(1000))


async def _match_orders(engine: "Engine", view: MarketView, tries: int) -> tuple[int, int]:
    """(orders that the broker knows, orders still in doubt)."""
    orders, matched = list(engine.books.orders.values()), 0
    listed = await _listed(engine, orders, tries)
    for order in orders:
        report = listed.get(order.key) or await _insist(engine, partial(poll.find, engine, order.key), tries)
        if report is not None:
            matched += 1
            await reports.apply(engine, report, view)
    for envelope in list(engine.books.envelopes.values()):
        await follow.proceed(engine, envelope, view)
    return matched, sum(order.state in DOUBTFUL for order in engine.books.orders.values())


async def _listed(engine: "Engine", orders: Sequence[Order], tries: int) -> Mapping[str, Report]:
    """Reports by key, asked for in one question where there are many; what is not listed is looked up one by one."""
    if len(orders) < MANY:
        return {}
    since = min(order.created_at for order in orders) - poll.SKEW
    told = await _insist(engine, partial(engine.broker.reports, since), tries)
    return {report.key: report for report in told if report.key is not None}


async def _insist(engine: "Engine", question: Callable[[], Awaitable[T]], tries: int) -> T:
    for attempt in range(tries - 1):
        try:
            return await ask(question())
        except RetryError:
            await engine.clock.sleep(0.2 * 2**attempt)
    return await ask(question())
