"""Reconcile: crash, restart and reconnect are one path. Load the journal, look at the broker, say what was found.

Nothing is repaired by guessing: orders are matched by their key, positions and cash must agree, otherwise the desk halts.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.engine import follow, halt, reports, tell
from core.engine.wire import ask
from core.market.sessions import NEW_YORK
from core.model.errors import RetryError
from core.model.market import MarketView
from core.model.money import ZERO, cents
from core.model.notes import Tone
from core.model.orders import DOUBTFUL, Order, OrderEvent, OrderState, Report, advance
from core.model.proposals import PENDING, ProposalState
from core.portfolio.ledger import cash_after

if TYPE_CHECKING:
    from core.engine.engine import Engine

TRIES = 5
RESULTS_DAYS = 400


async def start(engine: "Engine") -> None:
    """Load, settle what was in flight, compare with the broker, tell.

    Raises
    ------
    RetryError
        The broker did not answer completely, several times.
    """
    began = engine.clock.monotonic()
    denied = await recover(engine)
    view = await engine.view()
    matched, unknown = await _match_orders(engine, view)
    await follow.catch_up(engine, view)
    differences = await _differences(engine)
    pending = len(engine.books.pending)
    engine.reconciled_at = engine.clock.now()
    engine.reconciled = (
        f"{len(engine.books.positions)} positions, {pending} open cards, {matched} orders matched, {unknown} unknown, "
        f"{denied} not sent, {len(differences)} differences"
    )
    took = engine.clock.monotonic() - began
    body = "\n".join([f"{engine.reconciled} ({took:.1f} s).", *differences, *_loud(engine)])
    tone = Tone.BAD if differences or unknown else Tone.GOOD
    note = tell.desk_note("reconciled", "Desk started", body, engine.reconciled_at, tone)
    await engine.journal.put_notes([note])
    if differences:
        await halt.alarm(engine, f"the broker and the journal disagree: {differences[0]}")
    engine.notifier.wake()


async def audit(engine: "Engine", view: MarketView) -> None:
    """Book what is not booked yet and compare with the broker, at the end of a session. A broker that is silent says nothing."""
    try:
        await follow.catch_up(engine, view)
        differences = await _differences(engine)
    except RetryError:
        return
    engine.reconciled_at = engine.clock.now()
    engine.reconciled = f"{len(engine.books.positions)} positions, {len(differences)} differences"
    if differences:
        await halt.alarm(engine, f"the broker and the journal disagree: {differences[0]}")


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
    opened_with = await journal.setting(f"start_cash:{account}") or await _opening_cash(engine)
    fills, moved = await journal.fills(account), await journal.transactions(account)
    books.cash = cash_after(Decimal(opened_with), fills, moved)
    books.fills = {(fill.exec_id, fill.version) for fill in fills}
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


async def _opening_cash(engine: "Engine") -> str:
    """At the very first start: what the account held before every movement that the broker reports (they are booked next)."""
    balances = await ask(engine.broker.account())
    reported = await ask(engine.broker.transactions(engine.clock.now() - follow.LOOK_BACK))
    opened_with = str(balances.cash - sum((movement.cash for movement in reported), ZERO))
    await engine.journal.set_setting(f"start_cash:{engine.account}", opened_with)
    return opened_with


async def _load_results(engine: "Engine") -> None:
    books = engine.books
    now = engine.clock.now()
    today = now.astimezone(NEW_YORK).date()
    positions = await engine.journal.positions(engine.account, closed_since=today - timedelta(days=RESULTS_DAYS))
    books.positions = {position.id: position for position in positions if position.is_open}
    paused = await engine.journal.setting("paused_session")
    books.paused_session = datetime.fromisoformat(paused).date() if paused else None
    closed = sorted((p for p in positions if p.closed_at is not None), key=lambda p: (p.closed_at or p.opened_at, p.id))
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


async def _match_orders(engine: "Engine", view: MarketView) -> tuple[int, int]:
    """(orders that the broker knows, orders still in doubt)."""
    matched = 0
    for order in list(engine.books.orders.values()):
        report = await _insist(engine, order.key)
        if report is not None:
            matched += 1
            await reports.apply(engine, report, view)
    for envelope in list(engine.books.envelopes.values()):
        await follow.proceed(engine, envelope, view)
    return matched, sum(order.state in DOUBTFUL for order in engine.books.orders.values())


async def _insist(engine: "Engine", key: str) -> Report | None:
    for attempt in range(TRIES):
        try:
            return await ask(engine.broker.find(key))
        except RetryError:
            if attempt == TRIES - 1:
                raise
            await engine.clock.sleep(0.2 * 2**attempt)
    return None


async def _differences(engine: "Engine") -> list[str]:
    """What the broker holds that the journal does not explain, in sentences; what an order in doubt may have changed is out."""
    ours: Counter[str] = Counter()
    for position in engine.books.positions.values():
        for holding in position.holdings:
            ours[holding.instrument.key] += holding.quantity
    theirs: Mapping[str, int] = await ask(engine.broker.positions())
    doubtful = {leg.instrument.key for order in engine.books.doubtful() for leg in order.legs}
    found = [
        f"{key.strip()}: the broker holds {theirs.get(key, 0)}, the journal {ours.get(key, 0)}"
        for key in sorted({*theirs, *ours} - doubtful)
        if theirs.get(key, 0) != ours.get(key, 0)
    ]
    if doubtful:
        return found
    account = await ask(engine.broker.account())
    allowed = max(Decimal(1), abs(account.cash) * Decimal("0.0005"))
    if abs(account.cash - engine.books.cash) > allowed:
        found.append(f"cash: the broker says {cents(account.cash)}, the journal {cents(engine.books.cash)}")
    return found
