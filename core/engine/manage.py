"""Manage: signals that wait become proposals, and positions worth closing become signals on the same road."""

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from core.engine import approve, locks
from core.engine.settings import Expression
from core.engine.vet import closable, vet
from core.market.sessions import NEW_YORK
from core.model.kill import Level
from core.model.market import MarketView
from core.model.positions import Position
from core.model.proposals import ProposalState
from core.model.signals import Intent, Signal
from core.ports.journal import StoredProposal

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: Pause before an exit that came to nothing is tried again.
AGAIN_SECONDS = 20.0


async def entries(engine: "Engine") -> None:
    """Vet the opening signals of the last completed bar, best score first, until `max_cards` proposals were made."""
    view = await engine.view()
    signals = [
        signal
        for signal in await engine.journal.signals(view.completed)
        if signal.intent is Intent.OPEN and signal.session == view.completed
    ]
    signals.sort(key=lambda signal: (-(signal.score or 0.0), signal.symbol))
    if engine.settings.expression is not Expression.STOCK and signals:
        view = await engine.view(chains=[signal.symbol for signal in signals])
    made = 0
    for signal in signals:
        if made >= engine.settings.max_cards:
            return
        made += 1
        if await engine.journal.proposals_of(signal.id):
            continue
        outcome = vet(engine, signal, view, await engine.book(view))
        await approve.decide(engine, outcome, view)


async def exits(engine: "Engine", view: MarketView) -> None:
    """Ask each strategy about each position that has nothing under way, and send what it wants closed down the road."""
    if not view.is_open or engine.books.kill.level >= Level.HALT:
        return
    for position in [one for one in engine.books.positions.values() if not locks.rests(engine, one)]:
        for signal in engine.strategies[position.strategy].manage(position, view):
            if position.id not in engine.books.positions or not await free(engine, position, signal):
                break
            await close(engine, signal, view)


async def free(engine: "Engine", position: Position, signal: Signal) -> bool:
    """Whether nothing is under way on the position. A card for a part of it gives way to a signal that closes it whole."""
    if not _under_way(engine, position):
        return True
    asked = _asked(engine, position)
    whole = (signal.quantity or 0) >= position.units
    if not asked or not whole or any(stored.proposal.quantity >= position.units for stored in asked):
        return False
    for stored in asked:
        await approve.end(engine, stored, ProposalState.SUPERSEDED, f"the whole position is to be closed: {signal.reason}")
    return not _under_way(engine, position)


def _under_way(engine: "Engine", position: Position) -> bool:
    return bool(_asked(engine, position)) or any(
        envelope.position_id == position.id for envelope in engine.books.envelopes.values()
    )


def _asked(engine: "Engine", position: Position) -> list[StoredProposal]:
    return [stored for stored in engine.books.pending.values() if stored.proposal.signal.position_id == position.id]


async def close(engine: "Engine", signal: Signal, view: MarketView) -> None:
    """One closing signal. A veto holds for the signal's session.

    What was blocked is asked again each turn, what was tried and came to nothing after a pause.
    """
    fresh = await engine.journal.record_signal(signal)
    earlier = [] if fresh else await engine.journal.proposals_of(signal.id)
    if any(stored.state is ProposalState.VETOED for stored in earlier):
        return
    tried = [stored.proposal.created_at for stored in earlier if stored.state is not ProposalState.BLOCKED]
    if tried and view.as_of - max(tried) < timedelta(seconds=AGAIN_SECONDS):
        return
    outcome = vet(engine, signal, view, await engine.book(view), len(earlier) + 1)
    still_blocked = getattr(outcome, "blocked", True) and any(stored.state is ProposalState.BLOCKED for stored in earlier)
    if not still_blocked:
        await approve.decide(engine, outcome, view)


async def close_by_hand(engine: "Engine", position_id: str, quantity: int | None, by: str) -> str:
    """A person asks to close; the order takes the road of every exit. Answers one sentence."""
    position = engine.books.positions.get(position_id)
    if position is None:
        return f"No open position is named {position_id!r}; /portfolio positions lists them."
    if position.is_external:
        return f"{position.symbol}: somebody else bought that, so it is never touched; /trades adopt takes shares over."
    most = closable(position)
    if quantity is not None and not 1 <= quantity <= most:
        return f"{position.symbol}: {quantity} cannot be closed, {most} are held."
    if _under_way(engine, position):
        return f"{position.symbol}: an order or a card for this position is already under way."
    view = await engine.view()
    occasion = f"manual|{position.id}|{view.as_of.isoformat()}"
    signal = commanded(position, view, occasion, "manual", f"{by} asked to close.", quantity or closable(position))
    await engine.journal.record_signal(signal)
    await engine.journal.audit(by, "close", {"position": position_id, "quantity": signal.quantity}, view.as_of)
    await approve.decide(engine, vet(engine, signal, view, await engine.book(view)), view)
    held = engine.books.positions.get(position_id)
    left = held.units if held else 0
    return f"{position.symbol}: closing {signal.quantity}; {left} held now. The trades channel tells how it goes."


def commanded(position: Position, view: MarketView, occasion: str, cause: str, reason: str, quantity: int) -> Signal:
    """Give the closing signal for a person's word; the same occasion is the same signal."""
    return Signal(
        id=hashlib.sha256(occasion.encode()).hexdigest()[:16],
        strategy=position.strategy,
        symbol=position.symbol,
        intent=Intent.CLOSE,
        cause=cause,
        session=view.as_of.astimezone(NEW_YORK).date(),
        as_of=view.as_of,
        price=view.price([position.symbol]).get(position.symbol, position.entry_spot),
        reason=reason,
        position_id=position.id,
        quantity=quantity,
    )
