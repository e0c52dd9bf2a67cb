"""Halt: a durable switch that is read inside the claim and again right before the socket write."""

from typing import TYPE_CHECKING

from core.engine import tell
from core.model.notes import Tone
from core.ports.journal import Kill

if TYPE_CHECKING:
    from core.engine.engine import Engine

LEVELS = {0: "ACTIVE", 1: "REDUCE ONLY", 2: "HALT"}


async def halt(engine: "Engine", by: str, reason: str, level: int = 2) -> None:
    """Set level 1 (exits only) or 2 (nothing is sent). In force from the moment that this returns, across restarts."""
    at = engine.clock.now()
    kill = Kill(level, by, reason, at)
    engine.books.kill = kill
    meaning = "no order is sent" if level >= 2 else "only orders that reduce risk are sent"
    note = tell.desk_note("halt", f"Desk: {LEVELS[level]}", f"{by}: {reason}. From now on {meaning}.", at, Tone.BAD)
    await engine.journal.set_kill(kill, [note])
    await engine.journal.audit(by, "halt", {"level": level, "reason": reason}, at)
    engine.notifier.wake()


async def resume(engine: "Engine", by: str, reason: str) -> None:
    """Back to ACTIVE."""
    at = engine.clock.now()
    kill = Kill(0, by, reason, at)
    note = tell.desk_note("resume", "Desk: ACTIVE", f"{by}: {reason}. Orders are sent again.", at, Tone.GOOD)
    await engine.journal.set_kill(kill, [note])
    await engine.journal.audit(by, "resume", {"reason": reason}, at)
    engine.books.kill = kill
    engine.notifier.wake()
