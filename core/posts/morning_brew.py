"""Morning brew: what the desk knows before the open."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from core.engine.engine import Engine
from core.model.market import MarketView
from core.model.notes import Note, NoteField, Tone, Topic
from core.model.positions import Book
from core.posts import _held, _market, _signals
from core.posts._text import ABSENT, block, count, field, new_york_day, short_day


@dataclass(frozen=True, slots=True)
class MorningBrew:
    """Regime and index trend, movers, top set-ups, events of the day, positions that need a look, yesterday's set-ups."""

    name: ClassVar[str] = "morning_brew"

    top: int = 5

    async def compose(self, engine: Engine, at: datetime) -> Note:
        """Write the note; it stands on the last completed bar and on quotes of this morning where there are any."""
        view, day = await engine.view(), new_york_day(at)
        book = await engine.book(view)
        setups = await _signals.setups(engine, view.completed)
        mine = sorted({position.symbol for position in book.held} | {signal.symbol for signal in setups[: self.top]})
        names = _market.watched(view, mine)
        shown = [_signals.setup_line(signal) for signal in setups[: self.top]]
        closed = engine.sessions.on(view.completed)
        moved = _market.overnight(view, names, closed.close) if closed else []
        fields = (
            field("Since the close", moved, f"{ABSENT}: no fresh quotes before the open"),
            field(f"Movers of {short_day(view.completed)}", _market.last_movers(view), ABSENT),
            field(
                f"Top set-ups ({len(setups)} in all)", shown, "" if shown else await _signals.nothing_found(engine, view.completed)
            ),
            field("Today", _market.events_of(engine, view, day, mine), "nothing is known"),
            field("Needs a look", await self._attention(engine, view, book, day_at=at), "nothing"),
            await self._yesterday(engine, view),
        )
        regime = view.regime.above_sma200 if view.regime else None
        return Note(
            id=f"morning-brew-{day}",
            topic=Topic.MORNING_BREW,
            title=f"Morning brew · {short_day(day)}",
            body=block(_market.regime_lines(view), ABSENT),
            at=at,
            tone=Tone.INFO if regime is None else (Tone.GOOD if regime else Tone.WARN),
            fields=fields,
            footer=f"completed bar of {view.completed} · {view.source}",
        )

    async def _attention(self, engine: Engine, view: MarketView, book: Book, *, day_at: datetime) -> list[str]:
        today = _held.Today(view, engine.sessions, new_york_day(day_at))
        lines = [line for marked in book.positions for line in _held.attention(marked, today)]
        waiting = await engine.pending()
        doubtful = engine.books.doubtful()
        if waiting:
            lines.append(f"{count(len(waiting), 'approval card')} waiting for a decision")
        if doubtful:
            lines.append(f"{count(len(doubtful), 'order')} with an unknown outcome")
        return lines

    async def _yesterday(self, engine: Engine, view: MarketView) -> NoteField:
        """Set-ups of the session before the last one, and what the last one did to them."""
        session = engine.sessions.previous(view.completed).day
        predicted = await _signals.setups(engine, session)
        found = tuple(one for signal in predicted if (one := _signals.outcome(signal, view)) is not None)
        missing = f"{ABSENT}: their next bar is missing"
        otherwise = missing if predicted else await _signals.nothing_found(engine, session)
        return field(
            f"Set-ups of {short_day(session)}, one session later", _signals.outcome_lines(found, len(predicted)), otherwise
        )
