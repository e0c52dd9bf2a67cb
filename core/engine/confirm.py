"""Confirm: what takes two persons where two are configured, and two steps otherwise (`/resume`, `/flatten`)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.engine import flatten, halt, tell
from core.model.errors import NotAllowedError
from core.model.kill import Level
from core.model.notes import Tone

if TYPE_CHECKING:
    from core.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Wish:
    """The first of two steps: what, by whom, why, when, and the switch as it stood then."""

    action: str
    by: str
    reason: str
    at: datetime
    generation: int

    @property
    def code(self) -> str:
        """What the second step repeats: it binds the action, the person, the moment and the switch."""
        said = f"{self.action}|{self.by}|{self.reason}|{self.at.isoformat()}|{self.generation}"
        return hashlib.sha256(said.encode()).hexdigest()[:6]


async def confirm(engine: "Engine", wish: Wish, code: str, people: int, effect: str) -> Wish | str:
    """Take a step. Answers the confirmed wish, in the name of everybody who took part, or the sentence that asks for the next one.

    Parameters
    ----------
    people : int
        How many persons may approve; from two on the second step is another person's.
    effect : str
        What would happen, in one clause.

    Raises
    ------
    NotAllowedError
        The code is wrong or has run out, or the same person took both steps where two are needed.
    """
    first = _standing(engine, wish, people)
    if code:
        if first is None or code.strip().lower() != first.code:
            raise NotAllowedError(
                f"The code {code[:12]!r} is wrong or has run out; type /{wish.action} without a code to begin anew."
            )
        if people > 1 and first.by == wish.by:
            raise NotAllowedError(f"You took the first step yourself; another approver types /{wish.action} code:{first.code}.")
        engine.wishes.pop(wish.action, None)
        by = f"{first.by} and {wish.by}" if wish.by != first.by else wish.by
        return Wish(wish.action, by, first.reason, wish.at, wish.generation)
    engine.wishes[wish.action] = wish
    await engine.journal.audit(wish.by, f"{wish.action} asked", {"reason": wish.reason}, wish.at)
    window = _window(engine, people)
    if people < 2:
        return f"This is the first step: {effect}. Type /{wish.action} code:{wish.code} within {window:.0f} s to do it."
    how = f"another approver types /{wish.action} code:{wish.code} within {window / 60:.0f} minutes"
    title, body = f"{wish.by} asks to {wish.action}", f"{wish.reason}: {effect}. To agree, {how}."
    await engine.journal.put_notes([tell.desk_note(f"{wish.action}-asked", title, body, wish.at, Tone.WARN)])
    engine.notifier.wake()
    return f"This is the first of two persons: {effect}. Now {how}."


def _window(engine: "Engine", people: int) -> float:
    return engine.safety.confirm_seconds if people < 2 else engine.safety.second_person_seconds


def _standing(engine: "Engine", wish: Wish, people: int) -> Wish | None:
    """The first step, when it still stands and nobody touched the switch since."""
    first = engine.wishes.get(wish.action)
    if first is None or (wish.at - first.at).total_seconds() > _window(engine, people) or first.generation != wish.generation:
        return None
    return first


async def resume(engine: "Engine", by: str, reason: str, code: str, people: int) -> str:
    """Take one of the two steps to send again; answers one sentence, raises as `confirm` and `halt.resume` do."""
    refusal = halt.cool_down(engine)
    if refusal or engine.books.kill.level == Level.ACTIVE:
        return refusal or "The desk is active already."
    done = await confirm(engine, _wish(engine, "resume", by, reason), code, people, Level.ACTIVE.meaning)
    if isinstance(done, str):
        return done
    await engine.resume(done.by, done.reason)
    return f"Desk: {Level.ACTIVE.words}, {Level.ACTIVE.meaning}."


async def flatten_all(engine: "Engine", by: str, reason: str, code: str, people: int) -> str:
    """Take one of the two steps to close everything; answers one sentence, raises as `confirm` does."""
    kill = engine.books.kill
    if kill.level == Level.FLATTEN:
        return f"That is under way since {kill.at:%H:%M:%S} UTC by {kill.by}."
    done = await confirm(engine, _wish(engine, "flatten", by, reason), code, people, flatten.effect(engine))
    if isinstance(done, str):
        return done
    await engine.halt(done.by, done.reason, Level.FLATTEN)
    return f"Desk: {Level.FLATTEN.words}, {Level.FLATTEN.meaning}."


def _wish(engine: "Engine", action: str, by: str, reason: str) -> Wish:
    return Wish(action, by, reason, engine.clock.now(), engine.books.kill.generation)
