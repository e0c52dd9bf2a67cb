"""Legs: a position whose legs do not match has less cover than was approved.

Reports of one execution arrive leg by leg, so a mismatch younger than half a minute is only pending. Older, the underlying is held
back, people are told what stands uncovered, and a card proposes to close just that. Nothing is legged into, nothing goes at the
market.
"""

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from core.engine import approve, locks, tell
from core.engine.vet import closable, vet
from core.market.sessions import NEW_YORK
from core.model.doubts import Hold
from core.model.instruments import Leg, Stock
from core.model.market import MarketView
from core.model.money import ZERO
from core.model.notes import Tone
from core.model.positions import Holding, Position
from core.model.proposals import Envelope
from core.model.signals import Intent, Signal

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: How long legs may be told one after the other.
PENDING_SECONDS = 30.0


def uncovered(position: Position, shape: tuple[Leg, ...]) -> tuple[Holding, ...]:
    """What a position holds beyond the whole units of the shape that it was opened as."""
    held = {holding.instrument: holding for holding in position.holdings}
    if any(isinstance(thing, Stock) for thing in held) and not any(isinstance(leg.instrument, Stock) for leg in shape):
        return ()
    amounts = [(leg, held[leg.instrument].quantity if leg.instrument in held else 0) for leg in shape]
    whole = min(max(0, amount * leg.side.sign) // leg.ratio for leg, amount in amounts)
    return tuple(
        replace(held[leg.instrument], quantity=left)
        for leg, amount in amounts
        if (left := amount - leg.side.sign * leg.ratio * whole)
    )


async def load(engine: "Engine") -> None:
    """Learn again what the positions of several legs were opened as."""
    watch = engine.books.watch
    watch.shapes.clear()
    watch.uneven.clear()
    for position in engine.books.positions.values():
        opened = None if position.is_stock or position.is_external else await engine.journal.envelope(position.id)
        if opened is not None:
            await note(engine, position, opened)


async def note(engine: "Engine", position: Position, envelope: Envelope) -> None:
    """Notice whether the legs of a position match after it changed."""
    watch = engine.books.watch
    if envelope.intent is Intent.OPEN and len(envelope.legs) > 1:
        watch.shapes[position.id] = envelope.legs
    shape = watch.shapes.get(position.id)
    if shape is None:
        return
    if position.is_open and uncovered(position, shape):
        watch.uneven.setdefault(position.id, engine.clock.monotonic())
        return
    if not position.is_open:
        watch.shapes.pop(position.id, None)
    if watch.uneven.pop(position.id, None) is not None:
        why = f"The legs of {position.symbol} match again." if position.is_open else f"{position.symbol} is closed."
        await locks.let_go(engine, position.symbol, Hold.LEGS, "engine", why)


async def turn(engine: "Engine", view: MarketView) -> None:
    """Tell what has been uncovered for too long, once, with a card that would close it."""
    watch = engine.books.watch
    for position_id, since in list(watch.uneven.items()):
        position = engine.books.positions.get(position_id)
        if position is None:
            watch.uneven.pop(position_id)
        elif engine.clock.monotonic() - since >= PENDING_SECONDS and not watch.held(position.symbol, Hold.LEGS):
            await _risk(engine, position, uncovered(position, watch.shapes[position_id]), view)


async def _risk(engine: "Engine", position: Position, excess: tuple[Holding, ...], view: MarketView) -> None:
    at = view.as_of
    spot = view.price([position.symbol]).get(position.symbol, position.entry_spot)
    what = ", ".join(f"{one.quantity:+d} × {tell.instrument_text(one.instrument)}" for one in excess)
    stands = sum((abs(one.quantity) * one.instrument.multiplier * spot for one in excess), ZERO)
    reason = f"its legs filled unevenly: {what} stand uncovered"
    body = (
        f"{position.symbol}: {what} stand uncovered for {PENDING_SECONDS:.0f} s, which moves like up to {tell.money(stands)} of "
        "the underlying. Nothing more is opened on it. A card proposes to close what is uncovered; nothing is sent without a yes."
    )
    note = tell.desk_note(f"legs-{position.id}", "Legs do not match", body, at, Tone.BAD)
    engine.page("Legs do not match", body)
    await locks.hold(engine, position.symbol, Hold.LEGS, reason, [note])
    await _propose(engine, replace(position, holdings=excess, units=0), view)


async def _propose(engine: "Engine", bare: Position, view: MarketView) -> None:
    """A card for what is uncovered, whatever the policy for exits says: a person decides."""
    signal = Signal(
        id=hashlib.sha256(f"legs|{bare.id}|{view.as_of.isoformat()}".encode()).hexdigest()[:16],
        strategy=bare.strategy,
        symbol=bare.symbol,
        intent=Intent.CLOSE,
        cause="leg risk",
        session=view.as_of.astimezone(NEW_YORK).date(),
        as_of=view.as_of,
        price=view.price([bare.symbol]).get(bare.symbol, bare.entry_spot),
        reason="The legs do not match; this would close what is uncovered.",
        position_id=bare.id,
        quantity=closable(bare),
    )
    await engine.journal.record_signal(signal)
    alone = replace(engine, books=replace(engine.books, positions={bare.id: bare}))
    await approve.decide(engine, vet(alone, signal, view, await engine.book(view)), view, ask=True)
