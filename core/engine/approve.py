"""Approve: the only door to an order.

A yes of a person or of the policy becomes an envelope after the order was priced and vetted again at that moment, in one
transaction of the journal. This module is the only place that makes an `ApprovedOrder`.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.engine import deadline, halt, quorum, send, tell, walk
from core.engine.settings import Policy
from core.engine.vet import Price, Refused, closable, price_legs, revet, vet
from core.model.errors import BadDataError, NotClaimedError, RetryError
from core.model.kill import Level
from core.model.market import MarketView
from core.model.money import ZERO
from core.model.notes import Tone
from core.model.orders import Order, OrderState
from core.model.proposals import (
    PENDING,
    Approval,
    ApprovedOrder,
    Envelope,
    Evidence,
    Proposal,
    ProposalState,
    Verdict,
    Vote,
)
from core.model.signals import Intent
from core.ports.journal import StoredProposal

if TYPE_CHECKING:
    from core.engine.engine import Engine

EVIDENCE_SECONDS = 5.0


async def decide(engine: "Engine", outcome: Proposal | Refused, view: MarketView, *, ask: bool = False) -> None:
    """Store a proposal (W1) and either ask for it with a card or let the policy say yes; `ask`: a person decides in any case."""
    at = engine.clock.now()
    if isinstance(outcome, Refused):
        await engine.journal.put_notes([tell.refused_note(outcome.signal, outcome.reason, at)])
        engine.notifier.wake()
        return
    what = quorum.asked(engine, outcome)
    if isinstance(what, Verdict):
        outcome = replace(outcome, verdicts=(*outcome.verdicts, what))
    if outcome.blocked or isinstance(what, Verdict):
        note = tell.refused_note(outcome.signal, tell.blocked_text(outcome), at)
        await engine.journal.record_proposal(outcome, ProposalState.BLOCKED, [note])
        engine.notifier.wake()
        return
    automatic = not ask and _waved_through(engine, outcome)
    charts, protected = engine.settings.charts, engine.broker.capabilities.protective_orders
    notes = [] if automatic else [tell.card_note(outcome, view.source, charts=charts, takes=str(what), protected=protected)]
    if not await engine.journal.record_proposal(outcome, ProposalState.DRAFT, notes):
        return
    stored = StoredProposal(outcome, ProposalState.DRAFT)
    engine.books.pending[outcome.id] = stored
    deadline.begin(engine, outcome.id)
    if automatic:
        await claim(engine, stored, ("policy",), view.as_of, policy=True)
    engine.notifier.wake()


def _waved_through(engine: "Engine", proposal: Proposal) -> bool:
    settings = engine.settings
    if proposal.intent is Intent.CLOSE:
        return settings.exits is Policy.AUTO or engine.books.kill.level == Level.FLATTEN
    return settings.entries is Policy.AUTO or proposal.max_loss < settings.auto_below


async def vote(engine: "Engine", vote: Vote, evidence: Evidence | None) -> str | None:
    """Record one reaction or button (W4). An allowed yes with fresh evidence goes to the claim."""
    stored = await engine.journal.proposal(vote.proposal_id)
    if stored is None:
        return "This card belongs to no proposal of this desk."
    await engine.journal.record_vote(vote)
    if not vote.allowed:
        return f"You may not decide here: {vote.reason or 'you are not on the list of approvers'}. It was noted."
    if stored.state not in PENDING:
        return f"Already {stored.state}: {stored.reason or 'nothing changes'}."
    if not vote.present:
        await quorum.withdrawn(engine, stored.proposal)
        return "Withdrawn." if vote.approve else "Veto withdrawn."
    if not vote.approve:
        return await end(engine, stored, ProposalState.VETOED, f"vetoed by {vote.voter}")
    if evidence is None:
        return None
    return await _weigh(engine, stored, evidence)


def against(evidence: Evidence) -> tuple[ProposalState, str] | None:
    """Why fresh evidence carries no claim: the state that the card goes to, or OPEN where it waits on; None: it carries one."""
    if not evidence.intact:
        return ProposalState.VOID, evidence.reason or "the card is not as it was posted"
    if evidence.vetoers:
        return ProposalState.VETOED, f"vetoed by {', '.join(evidence.vetoers)}"
    if not evidence.approvers:
        return (
            ProposalState.OPEN,
            "No approval stands that counts: the person must be on the list, hold the role and keep the reaction.",
        )
    return None


async def _weigh(engine: "Engine", stored: StoredProposal, evidence: Evidence) -> str:
    refusal = against(evidence)
    if refusal is not None:
        state, reason = refusal
        if state is ProposalState.VOID:
            return await _void(engine, stored, reason)
        return reason if state is ProposalState.OPEN else await end(engine, stored, state, reason)
    what = quorum.asked(engine, stored.proposal)
    if isinstance(what, Verdict):
        return await end(engine, stored, ProposalState.GATE_DENIED, what.reason)
    count = await quorum.tally(engine, stored.proposal, what, evidence)
    if not count.enough:
        return await quorum.tell_count(engine, stored.proposal, count)
    answer = await claim(engine, stored, count.counted, evidence.read_at, policy=False, needed=what.persons)
    await quorum.watch(engine, stored.proposal, count.counted)
    return answer


async def void(engine: "Engine", proposal_id: str, reason: str) -> None:
    """End a proposal whose card was touched; one that has ended already stays as it is."""
    stored = await engine.journal.proposal(proposal_id)
    if stored is not None and stored.state in PENDING:
        await _void(engine, stored, reason)


async def _void(engine: "Engine", stored: StoredProposal, reason: str) -> str:
    body = f"{stored.proposal.id}: {reason}"
    await engine.journal.audit("desk", "card void", {"proposal": stored.proposal.id, "reason": reason}, engine.clock.now())
    await engine.journal.put_notes([tell.desk_note("void", "A card was tampered with", body, engine.clock.now(), Tone.BAD)])
    return await end(engine, stored, ProposalState.VOID, reason)


async def claim(
    engine: "Engine", stored: StoredProposal, by: tuple[str, ...], evidence_at: datetime, *, policy: bool, needed: int = 1
) -> str:
    """Price and vet again, then turn the yes into an envelope with its first order (W5) and send it. Answers one sentence."""
    started = engine.clock.monotonic()
    proposal = stored.proposal
    if closed := halt.entries_off(engine, proposal.intent):
        return await end(engine, stored, ProposalState.GATE_DENIED, closed) if policy else f"Not approved now: {closed}."
    view = await engine.view(quotes=[leg.instrument for leg in proposal.legs])
    fresh = revet(engine, proposal, view, await engine.book(view))
    ended = await _changed(engine, stored, fresh, view)
    if ended is not None:
        return ended
    now = engine.clock.now()
    if not policy and now - evidence_at > timedelta(seconds=EVIDENCE_SECONDS):
        raise RetryError("What was read on Discord is too old to act on; it is read again.")
    approval = Approval(proposal.id, proposal.digest, by, policy, now, evidence_at, needed)
    envelope = _grant(proposal, approval, view)
    limit = child_limit(engine, envelope, price_legs(proposal.legs, view, engine.settings.net_tick), 1)
    order = next_order(envelope, 1, envelope.quantity, limit, now)
    notes = [] if policy else [tell.decided_note(proposal, ProposalState.CLAIMED, f"approved by {', '.join(by)}", now)]
    try:
        await engine.journal.claim(approval, envelope, order, now, notes)
    except NotClaimedError as error:
        return await _lost(engine, stored, error)
    books = engine.books
    books.pending.pop(proposal.id, None)
    books.envelopes[envelope.id], books.granted[envelope.id], books.orders[order.key] = envelope, proposal, order
    books.count_trade(view.session.day if view.session else None)
    engine.notifier.wake()
    await send.send(engine, envelope, order, view, started)
    return f"Approved: {tell.order_text(proposal)}"


async def _lost(engine: "Engine", stored: StoredProposal, error: NotClaimedError) -> str:
    """The claim was refused; a proposal that it did not end is still open."""
    if error.state not in PENDING:
        engine.books.pending.pop(stored.proposal.id, None)
        note = tell.decided_note(stored.proposal, ProposalState(error.state), str(error), engine.clock.now())
        await engine.journal.put_notes([note])
        engine.notifier.wake()
    return f"Not approved: {error}"


async def _changed(engine: "Engine", stored: StoredProposal, fresh: Proposal | Refused, view: MarketView) -> str | None:
    """End the proposal when the world moved away from it; a new card where a smaller or dearer order is still wanted."""
    proposal = stored.proposal
    if doubtful := _locked(engine, proposal):
        return await end(engine, stored, ProposalState.GATE_DENIED, doubtful)
    if jump := deadline.jumped(engine, proposal.id):
        return await _again(engine, stored, ProposalState.STALE, jump, view)
    if isinstance(fresh, Refused):
        return await end(engine, stored, ProposalState.GATE_DENIED, fresh.reason)
    if fresh.blocked:
        return await end(engine, stored, ProposalState.GATE_DENIED, tell.blocked_text(fresh))
    position = engine.books.positions.get(proposal.signal.position_id or "")
    held = closable(position) if position else 0
    if proposal.intent is Intent.CLOSE and held < proposal.quantity:
        return await end(engine, stored, ProposalState.GATE_DENIED, f"only {held} are still held")
    if fresh.limit < proposal.floor:
        now, asked = tell.per_share(abs(fresh.limit)), tell.per_share(abs(proposal.floor))
        reason = f"the price moved to {now}, beyond the {asked} of the card"
        return await _again(engine, stored, ProposalState.STALE, reason, view)
    smallest = min((verdict.quantity for verdict in fresh.verdicts if verdict.quantity is not None), default=proposal.quantity)
    if smallest < proposal.quantity:
        return await _again(engine, stored, ProposalState.SUPERSEDED, f"only {smallest} of {proposal.quantity} fit now", view)
    return None


def _locked(engine: "Engine", proposal: Proposal) -> str | None:
    """Nothing is sent on a symbol while nobody knows what became of an order on it."""
    symbol, books = proposal.signal.symbol, engine.books
    for order in books.doubtful():
        before = books.granted.get(order.envelope_id)
        if before is not None and before.signal.symbol == symbol:
            return f"{symbol} is locked: what became of order {order.key} is not known yet"
    return None


async def _again(engine: "Engine", stored: StoredProposal, state: ProposalState, reason: str, view: MarketView) -> str:
    sentence = await end(engine, stored, state, reason)
    signal = stored.proposal.signal
    wide = await engine.view(chains=[signal.symbol]) if signal.intent is Intent.OPEN else view
    attempt = stored.proposal.attempt + 1
    await decide(engine, vet(engine, signal, wide, await engine.book(wide), attempt), wide)
    return f"{sentence} A new card shows the order as it is now."


async def end(engine: "Engine", stored: StoredProposal, state: ProposalState, reason: str) -> str:
    """A pending proposal ends without an order; its card says why."""
    at = engine.clock.now()
    note = tell.decided_note(stored.proposal, state, reason, at)
    await engine.journal.close_proposal(stored.proposal.id, state, reason, at, [note])
    engine.books.pending.pop(stored.proposal.id, None)
    engine.notifier.wake()
    return f"{stored.proposal.signal.symbol}: {state}, {reason.rstrip('.')}."


def _grant(proposal: Proposal, approval: Approval, view: MarketView) -> Envelope:
    closing = proposal.intent is Intent.CLOSE
    session_end = view.session.close if view.session else approval.at
    return Envelope(
        id=proposal.id,
        proposal_id=proposal.id,
        signal_id=proposal.signal.id,
        digest=proposal.digest,
        account=proposal.account,
        legs=proposal.legs,
        quantity=proposal.quantity,
        limit=proposal.limit,
        floor=proposal.floor,
        tick=proposal.tick,
        intent=proposal.intent,
        position_id=(proposal.signal.position_id or proposal.id) if closing else proposal.id,
        reserved=ZERO if closing else proposal.max_loss,
        approved_by=approval.by,
        approved_at=approval.at,
        deadline=session_end,
    )


def child_limit(engine: "Engine", envelope: Envelope, price: Price, number: int) -> Decimal:
    """Limit of a child by the schedule of its order, at the quotes of now."""
    shares = walk.schedule(engine.settings, envelope.legs, envelope.intent).shares
    return walk.limit(price.mid, price.natural, envelope.floor, shares[min(number, len(shares)) - 1], price.grid)


def next_order(envelope: Envelope, number: int, quantity: int, limit: Decimal, now: datetime) -> Order:
    """Child order as NEW; its key is that of the `ApprovedOrder` it will be sent as."""
    order = ApprovedOrder(envelope, number, quantity, limit)
    return Order(
        key=order.key,
        envelope_id=envelope.id,
        number=number,
        account=envelope.account,
        legs=envelope.legs,
        quantity=quantity,
        limit=limit,
        state=OrderState.NEW,
        created_at=now,
        updated_at=now,
    )


def approved(envelope: Envelope, order: Order) -> ApprovedOrder:
    """Give the order as it may be sent.

    Raises
    ------
    BadDataError
        It lies outside its envelope.
    """
    inside = envelope.legs == order.legs and 1 <= order.quantity <= envelope.quantity and order.limit >= envelope.floor
    if not inside:
        raise BadDataError(f"order {order.key} lies outside its envelope: {order.quantity} at {order.limit}")
    return ApprovedOrder(envelope, order.number, order.quantity, order.limit)
