"""Locks: underlyings on which the desk opens nothing until the reason is gone. Durable, and read again inside the claim."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.engine import tell
from core.model.doubts import Hold, Lock
from core.model.notes import Note, Tone
from core.model.orders import OrderState
from core.model.positions import Position

if TYPE_CHECKING:
    from core.engine.engine import Engine


async def load(engine: "Engine") -> None:
    """Read what is held back from the journal."""
    engine.books.watch.locks = {(lock.symbol, lock.kind): lock for lock in await engine.journal.doubts.locks(engine.account)}


async def hold(engine: "Engine", symbol: str, kind: Hold, reason: str, notes: Sequence[Note] = ()) -> None:
    """Hold an underlying back, once per kind of reason."""
    lock = Lock(engine.account, symbol, kind, reason, engine.clock.now())
    if await engine.journal.doubts.lock(lock, notes):
        engine.notifier.wake()
    engine.books.watch.locks.setdefault((symbol, kind), lock)


def held_note(engine: "Engine", symbol: str, reason: str) -> Note:
    """Tell that an underlying is held back."""
    body = f"{symbol}: {reason}. Nothing is opened on it until that is known."
    return tell.desk_note(f"lock-{symbol}", f"{symbol} is held back", body, engine.clock.now(), Tone.BAD)


async def let_go(engine: "Engine", symbol: str, kind: Hold, by: str, why: str) -> bool:
    """Let an underlying go and say so; False when it was not held back."""
    lock = engine.books.watch.locks.pop((symbol, kind), None)
    if lock is None:
        return False
    at = engine.clock.now()
    note = tell.desk_note(f"unlock-{symbol}-{kind}", f"{symbol} is free again", why, at, Tone.GOOD)
    if await engine.journal.doubts.unlock(lock, by, at, [note]):
        engine.notifier.wake()
    return True


async def sweep(engine: "Engine") -> None:
    """Let go what was held back for a doubt that has gone."""
    watch = engine.books.watch
    if not watch.locks:
        return
    doubtful = {symbol_of(engine, order.envelope_id) for order in engine.books.doubtful() if order.state is OrderState.ESCALATED}
    for symbol, kind in list(watch.locks):
        if kind is Hold.DOUBT and symbol not in doubtful and symbol not in watch.candidates:
            await let_go(engine, symbol, kind, "engine", f"What was in doubt about {symbol} is known now.")


def symbol_of(engine: "Engine", envelope_id: str) -> str:
    """Underlying of an open envelope."""
    proposal = engine.books.granted.get(envelope_id)
    return proposal.signal.symbol if proposal else ""


def rests(engine: "Engine", position: Position) -> bool:
    """Whether no strategy may touch the position: somebody else's, or one whose underlying somebody else traded."""
    return position.is_external or engine.books.watch.held(position.symbol, Hold.OUTSIDE)
