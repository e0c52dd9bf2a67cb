"""Halt: a durable switch that is read inside the claim and again right before the socket write."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from core.engine import tell
from core.engine.wire import ask
from core.model.errors import NotAllowedError, OperatorError, OutcomeUnknownError, RefusedError, RetryError
from core.model.kill import Level, forbidden
from core.model.notes import Tone
from core.model.orders import OrderState
from core.model.signals import Intent
from core.ports.journal import Kill

if TYPE_CHECKING:
    from core.engine.engine import Engine

LEVELS = {level.value: level.words for level in Level}
#: Keys of our orders begin so; orders of somebody else are never touched.
OURS = "qm1-"
#: Seconds between two looks at the open orders, and how many looks in a row must find none.
PAUSE, CLEAN = 0.5, 2


def forbids(engine: "Engine", intent: Intent) -> str | None:
    """Why no order of this intent may leave now, without waiting for anything; None when it may."""
    kill = engine.books.kill
    if engine.pulled():
        return "the desk was halted by the file KILL beside the journal"
    if forbidden(kill.level, intent):
        return f"the desk was halted by {kill.by}: {kill.reason}"
    return entries_off(engine, intent)


def entries_off(engine: "Engine", intent: Intent) -> str | None:
    """Why a breaker keeps entries back now; None when it does not, and for every exit."""
    return engine.gauges.entries_off if intent is Intent.OPEN and engine.gauges is not None else None


async def halt(engine: "Engine", by: str, reason: str, level: int = Level.HALT) -> None:
    """Stop the desk up to a level. In force from the moment that this is called, across restarts when it returns.

    A halt never lowers the level, with one exception: a person's HALT stops a flattening, after which nothing is sent.

    Raises
    ------
    OperatorError
        The journal could not keep it: it holds for this run, and people were paged.
    """
    before = engine.books.kill
    stops = before.level == Level.FLATTEN and Level.HALT <= level < Level.FLATTEN
    wanted = Level.CANCEL_ALL if stops else Level(max(level, before.level))
    kill = Kill(wanted, by, reason, engine.clock.now(), before.generation)
    engine.books.kill = kill
    title = f"Desk: {wanted.words}"
    note = tell.desk_note("halt", title, f"{by}: {reason}. From now on {wanted.meaning}.", kill.at, Tone.BAD)
    try:
        stored = await engine.journal.set_kill(kill, [note], after=before.generation if stops else None)
    except OperatorError as error:
        engine.page(f"{title}, and it could not be written down", f"{by}: {reason}. It holds until the desk stops. {error}")
        raise
    finally:
        if wanted >= Level.CANCEL_ALL:
            clear(engine)
    if stored.level >= engine.books.kill.level or stops:
        engine.books.kill = stored
    engine.notifier.wake()
    engine.page(title, f"{by}: {reason}. From now on {wanted.meaning}.")


async def alarm(engine: "Engine", reason: str, level: int = Level.HALT) -> None:
    """Halt because of something that cannot be; a desk that is halted already only writes it down. People are paged."""
    if engine.books.kill.level < level:
        await halt(engine, "engine", reason, level)
    else:
        engine.page("The desk raised an alarm", reason)
        await engine.journal.audit("engine", "alarm", {"reason": reason}, engine.clock.now())


async def resume(engine: "Engine", by: str, reason: str) -> None:
    """Back to ACTIVE, unless somebody halts meanwhile.

    Raises
    ------
    NotAllowedError
        The cool-down still runs, the file KILL still stands, or somebody halted meanwhile.
    """
    refusal = cool_down(engine)
    if refusal:
        raise NotAllowedError(refusal)
    at = engine.clock.now()
    before, kill = engine.books.kill, Kill(Level.ACTIVE, by, reason, at)
    note = tell.desk_note("resume", f"Desk: {Level.ACTIVE.words}", f"{by}: {reason}. Orders are sent again.", at, Tone.GOOD)
    stored = await engine.journal.set_kill(kill, [note], after=before.generation)
    if engine.books.kill is before:
        engine.books.kill = stored
    engine.notifier.wake()


def cool_down(engine: "Engine") -> str | None:
    """Why the desk may not be resumed yet, in one sentence; None when it may."""
    kill = engine.books.kill
    if engine.pulled():
        return "The file KILL still stands beside the journal; take it away first."
    until = kill.at + timedelta(minutes=engine.safety.resume_minutes)
    if kill.level >= Level.CANCEL_ALL and engine.clock.now() < until:
        return f"The desk cools down after {Level(kill.level).words}: it may be resumed from {until:%H:%M:%S} UTC."
    return None


def clear(engine: "Engine") -> None:
    """Begin to cancel every open order of ours, unless that is under way; nobody waits for it."""
    if engine.clearing is None or engine.clearing.done():
        engine.clearing = engine.begin(cancel_all(engine))


async def cancel_all(engine: "Engine") -> None:
    """List what is open, cancel each, list again, until two lists in a row are empty or the time is up; then people are paged.

    It asks the broker alone and waits for no decision: the books follow when its reports are read.
    """
    clock, limit = engine.clock, engine.safety.cancel_seconds
    began, clean, seen = clock.monotonic(), 0, set[str]()
    left: list[str] | None = None
    while clean < CLEAN and clock.monotonic() - began <= limit:
        left = await _open(engine)
        clean = clean + 1 if left == [] else 0
        seen.update(left or ())
        await asyncio.gather(*(_cancel(engine, key) for key in left or ()))
        if clean < CLEAN:
            await clock.sleep(PAUSE)
    await _tell(engine, seen, [] if clean >= CLEAN else left)


async def _open(engine: "Engine") -> list[str] | None:
    """Keys of our orders that may still fill, those under way included; None when the broker does not say."""
    try:
        reports = await ask(engine.broker.open_orders())
    except RetryError:
        return None
    listed = {report.key for report in reports if report.key is not None and report.key.startswith(OURS)}
    return sorted(listed | {order.key for order in engine.books.orders.values() if order.state is OrderState.SENDING})


async def _cancel(engine: "Engine", key: str) -> None:
    """Ask once; whatever the answer, the next list says whether the order is gone."""
    try:
        await ask(engine.broker.cancel(key))
    except (OutcomeUnknownError, RetryError, RefusedError):
        return


async def _tell(engine: "Engine", seen: set[str], left: list[str] | None) -> None:
    doubtful = [order.key for order in engine.books.doubtful()]
    open_still = "the broker does not say what is open" if left is None else ", ".join(left)
    if open_still:
        title = "Open orders could not be cancelled"
        body = f"After {engine.safety.cancel_seconds:.0f} s: {open_still}. Cancel them at the broker by hand."
        engine.page(title, body)
    else:
        title, body = "Open orders are cancelled", f"{len(seen)} were found, two looks in a row found none."
    if doubtful:
        body += f" The outcome of {', '.join(doubtful)} is unknown: look at the broker."
        engine.page("Orders of unknown outcome may still be open", body)
    tone = Tone.BAD if open_still or doubtful else Tone.GOOD
    await engine.journal.put_notes([tell.desk_note("cancelled", title, body, engine.clock.now(), tone)])
    engine.notifier.wake()
