"""Close: the end of a session in the books."""

from typing import TYPE_CHECKING

from core.engine import tell
from core.model.money import ZERO
from core.model.notes import Tone
from core.model.positions import EquityPoint

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: Losing closes in a row after which entries pause for the next session (the rule `losing_streak` reads the pause).
PAUSE_AFTER = 5
KEPT_SESSIONS = 260


async def session(engine: "Engine") -> None:
    """Store the session's equity point and pause entries after a losing streak."""
    view = await engine.view()
    if view.session is None:
        return
    book = await engine.book(view)
    everything = await engine.journal.positions(engine.account, closed_since=view.session.day)
    closed_today = [position for position in everything if not position.is_open]
    unrealised = sum((mark.unrealised or ZERO for mark in book.positions), ZERO)
    point = EquityPoint(
        account=engine.account,
        day=view.session.day,
        net_liquidation=book.net_liquidation,
        cash=book.cash,
        realised=sum((position.realised for position in closed_today), ZERO),
        unrealised=unrealised,
        fees=sum((position.fees for position in closed_today), ZERO),
    )
    await engine.journal.record_equity(point)
    engine.books.equity = [*engine.books.equity, point][-KEPT_SESSIONS:]
    await _pause(engine)


async def _pause(engine: "Engine") -> None:
    if engine.books.losing_streak < PAUSE_AFTER:
        return
    now = engine.clock.now()
    pause = engine.sessions.next(now).day
    engine.books.paused_session = pause
    engine.books.results.clear()
    await engine.journal.set_setting("paused_session", pause.isoformat())
    body = f"{PAUSE_AFTER} closed positions in a row lost; no entries on {pause}."
    await engine.journal.put_notes([tell.desk_note("pause", "Entries pause", body, now, Tone.WARN)])
