"""Flatten: close everything that we hold, with limit orders inside their bands, never with market orders.

Two persons decide it (`core.engine.confirm`). Then every open order is cancelled, and each turn of an open market proposes to close
whatever is still held, on the road of every exit; a position that cannot be priced or sold is tried again, across restarts.
"""

from typing import TYPE_CHECKING

from core.engine import manage, tell
from core.engine.vet import closable
from core.model.kill import Level
from core.model.market import MarketView
from core.model.notes import Tone
from core.model.positions import Position
from core.model.signals import Signal

if TYPE_CHECKING:
    from core.engine.engine import Engine


def effect(engine: "Engine") -> str:
    """What flattening would do now, in one clause."""
    held = [f"{position.symbol} {closable(position)}" for position in _ours(engine)]
    orders = len(engine.books.orders)
    what = f"close {', '.join(held)}" if held else "close nothing, because nothing is held"
    return f"on account {engine.account} it would cancel {orders} open order{'' if orders == 1 else 's'} and {what}"


async def turn(engine: "Engine", view: MarketView) -> None:
    """Propose to close what is held and has nothing under way; tell once when nothing is held any more."""
    kill = engine.books.kill
    if kill.level != Level.FLATTEN or (engine.clearing is not None and not engine.clearing.done()):
        return
    if not _ours(engine) and not engine.books.envelopes:
        await _done(engine)
        return
    if not view.is_open:
        return
    for position in _ours(engine):
        signal = _signal(engine, position, view)
        if await manage.free(engine, position, signal):
            await manage.close(engine, signal, view)


def _ours(engine: "Engine") -> list[Position]:
    """Positions by id; what somebody else holds on the account is never touched."""
    return [position for _, position in sorted(engine.books.positions.items()) if not position.is_external]


def _signal(engine: "Engine", position: Position, view: MarketView) -> Signal:
    """One signal for each position, quantity and flattening: a turn that repeats it is another attempt of the same."""
    kill, units = engine.books.kill, closable(position)
    occasion = f"flatten|{kill.generation}|{position.id}|{units}"
    return manage.commanded(position, view, occasion, "flatten", f"{kill.by} asked to close everything: {kill.reason}.", units)


async def _done(engine: "Engine") -> None:
    """Nothing is held: say so, once for each flattening."""
    name, generation = "flattened", str(engine.books.kill.generation)
    if engine.flattened != generation and await engine.journal.setting(name) != generation:
        body = "Nothing is held and nothing is under way. The desk stays stopped until it is resumed."
        note = tell.desk_note(name, "Everything is closed", body, engine.clock.now(), Tone.WARN)
        await engine.journal.put_notes([note])
        await engine.journal.set_setting(name, generation)
        engine.page(note.title, body)
        engine.notifier.wake()
    engine.flattened = generation
