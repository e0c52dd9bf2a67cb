"""Halt: a durable switch that is read inside the claim and again right before the socket write."""

from typing import TYPE_CHECKING

from core.engine import tell
from core.model.notes import Tone
from core.ports.journal import Kill

if TYPE_CHECKING:
    from core.engine.engine import Engine

LEVELS = {0: "ACTIVE", 1: "REDUCE ONLY", 2: "HALT"}


async def halt(engine: "Engine", by: str, reason: str, level: int = 2) -> None:
    """Set level 1 (exits only) or 2 (nothing is sent). In force from the moment that this returns, across restarts.

    A halt never lowers the level; only `resume` does.
    """
    at = engine.clock.now()
    kill = Kill(max(level, engine.books.kill.level), by, reason, at)
    engine.books.kill = kill
    meaning = "no order is sent" if kill.level >= 2 else "only orders that reduce risk are sent"
    note = tell.desk_note("halt", f"Desk: {LEVELS[kill.level]}", f"{by}: {reason}. From now on {meaning}.", at, Tone.BAD)
    await engine.journal.set_kill(kill, [note])
    engine.books.kill = kill  # again: the books may have been read from the journal meanwhile
    await engine.journal.audit(by, "halt", {"level": kill.level, "reason": reason}, at)
    engine.notifier.wake()


async def alarm(engine: "Engine", reason: str, level: int = 2) -> None:
    """Halt because of something that cannot be; a desk that is halted already only writes it down."""
    if engine.books.kill.level < level:
        await halt(engine, "engine", reason, level)
    else:
        await engine.journal.audit("engine", "alarm", {"reason": reason}, engine.clock.now())


async def resume(engine: "Engine", by: str, reason: str) -> None:
    """Back to ACTIVE, unless somebody halts meanwhile."""
    at = engine.clock.now()
    before, kill = engine.books.kill, Kill(0, by, reason, at)
    note = tell.desk_note("resume", "Desk: ACTIVE", f"{by}: {reason}. Orders are sent again.", at, Tone.GOOD)
    await engine.journal.set_kill(kill, [note])
    if engine.books.kill is before:
        engine.books.kill = kill
    await engine.journal.audit(by, "resume", {"reason": reason}, at)
    engine.notifier.wake()
