"""Close: the end of a session in the books."""

from typing import TYPE_CHECKING

from core.engine import reconcile, tell
from core.model.money import ZERO
from core.model.notes import Tone
from core.model.positions import EquityPoint

if TYPE_CHECKING:
    from core.engine.engine import Engine

KEPT_SESSIONS = 260


async def session(engine: "Engine") -> None:
    """Compare with the broker, store the session's equity point, and pause entries after a losing streak."""
    view = await engine.view()
    if view.session is None:
        return
    await reconcile.audit(engine, view)
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
    engine.books.equity = [*(earlier for earlier in engine.books.equity if earlier.day != point.day), point][-KEPT_SESSIONS:]
    await _pause(engine)


async def _pause(engine: "Engine") -> None:
    """After the losing streak that the rule of that name allows, entries rest through the next session."""
    limit = next((getattr(rule, "limit", None) for rule in engine.rules if rule.name == "losing_streak"), None)
    if limit is None or engine.books.losing_streak < limit:
        return
    now = engine.clock.now()
    pause = engine.sessions.next(now).day
    engine.books.paused_session = pause
    engine.books.results.clear()
    await engine.journal.set_setting("paused_session", pause.isoformat())
    body = f"{limit} closed positions in a row lost; no entries on {pause}."
    await engine.journal.put_notes([tell.desk_note("pause", "Entries pause", body, now, Tone.WARN)])
