"""Portfolio digest: what the account is worth after the close, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from core.charts.build import equity_chart
from core.engine.engine import Engine
from core.engine.tell import money
from core.model.market import MarketView
from core.model.money import ZERO, cents
from core.model.notes import EquityChart, Note, NoteField, Tone, Topic
from core.model.positions import Book, EquityPoint, Marked
from core.portfolio import performance
from core.portfolio.holdings import cost
from core.portfolio.performance import Exposure
from core.posts import _held, _limits
from core.posts._text import count, field, gain, new_york_day, part, percent, ratio, short_day


@dataclass(frozen=True, slots=True)
class Earned:
    """Dollars earned: on the day, and since the start with its two parts (realised after fees + unrealised = total)."""

    day: Decimal
    total: Decimal
    realised: Decimal
    unrealised: Decimal
    begun: Decimal


@dataclass(frozen=True, slots=True)
class PortfolioDigest:
    """Value, the day and the whole apart, exposure, heat, best and worst, use of the limits, exits that are due."""

    name: ClassVar[str] = "portfolio_digest"

    count: int = 3

    async def compose(self, engine: Engine, at: datetime) -> Note:
        """Write the note at current marks; positions without a sound quote count at their last known value and are named."""
        view, day = await engine.view(), new_york_day(at)
        book = await engine.book(view)
        points = await engine.journal.equity(engine.account) if engine.settings.charts else engine.books.equity
        earned = _earned(engine, book, points, day)
        fees = await _fees_today(engine, day)
        return Note(
            id=f"portfolio-digest-{day}",
            topic=Topic.PORTFOLIO,
            title=f"Portfolio · {short_day(day)}",
            body=_summary(book, earned),
            at=at,
            tone=Tone.INFO if earned.day == 0 else (Tone.GOOD if earned.day > 0 else Tone.BAD),
            fields=(
                *_results(book, earned, fees),
                *_stakes(book, performance.exposure(book)),
                *self._positions(engine, book, view, day),
                field("Use of the limits", _limits.usage(engine, book, view), "no limit is switched on"),
            ),
            footer=f"{engine.account} · {view.source}",
            chart=_picture(engine, points, view.source),
        )

    def _positions(self, engine: Engine, book: Book, view: MarketView, day: date) -> tuple[NoteField, ...]:
        ranked = performance.ranked(book.positions)
        best = [marked for marked in ranked if _held.result(marked) >= 0][: self.count]
        worst = [marked for marked in reversed(ranked) if _held.result(marked) < 0][: self.count]
        today = _held.Today(view, engine.sessions, day)
        due = [line for marked in book.positions for line in _held.exits_due(engine, marked, today)]
        blind: list[Marked] = [marked for marked in book.positions if marked.unrealised is None]
        return (
            field("Best", map(_held.result_line, best), _none_best(book, ranked)),
            *((field("Worst", map(_held.result_line, worst), ""),) if worst else ()),
            *((field("Without a sound quote", map(_held.result_line, blind), ""),) if blind else ()),
            field("Exits due", due, "none"),
        )


def _none_best(book: Book, ranked: Sequence[Marked]) -> str:
    if not book.positions:
        return "nothing is held"
    return "no position is in profit" if ranked else "no position has a sound quote"


def _summary(book: Book, earned: Earned) -> str:
    change = percent(ratio(earned.day, book.day_start), 2)
    stale = f"\n{count(book.stale_marks, 'position')} without a sound quote, at the last known value." if book.stale_marks else ""
    return f"Worth **{money(book.net_liquidation)}**, today **{gain(earned.day)}** ({change}).{stale}"


def _earned(engine: Engine, book: Book, points: Sequence[EquityPoint], day: date) -> Earned:
    begun = engine.settings.start_cash + sum((point.flows for point in points), ZERO)
    today = sum((point.flows for point in points if point.day == day), ZERO)
    held = sum((cost(position.holdings) for position in book.held), ZERO)
    total, realised = cents(book.net_liquidation - begun), cents(book.cash + held - begun)
    return Earned(book.net_liquidation - book.day_start - today, total, realised, total - realised, begun)


async def _fees_today(engine: Engine, day: date) -> Decimal | None:
    """Fees of the session; None when the broker has not said all of them yet."""
    session = engine.sessions.on(day)
    fills = await engine.journal.fills(engine.account, since=session.open) if session else ()
    return None if any(fill.fee is None for fill in fills) else sum((fill.fee or ZERO for fill in fills), ZERO)


def _results(book: Book, earned: Earned, fees: Decimal | None) -> tuple[NoteField, ...]:
    """The day and the whole, never mixed: the day is a change of value, the whole is what was earned since the start."""
    share = percent(ratio(earned.total, earned.begun), 2)
    return (
        NoteField("Day", f"{gain(earned.day)}\nfrom {money(book.day_start)}, fees {money(fees)}"),
        NoteField("Since the start", f"{gain(earned.total)}\n{share} of {money(earned.begun)}"),
        NoteField("Made of", f"realised after fees {gain(earned.realised)}\nunrealised {gain(earned.unrealised)}"),
    )


def _stakes(book: Book, at_stake: Exposure) -> tuple[NoteField, ...]:
    short = f"\nshort {money(at_stake.short)}" if at_stake.short else ""
    blind = f"\n{book.stale_marks} not counted, no quote" if book.stale_marks else ""
    return (
        NoteField("Exposure", f"{part(at_stake.gross)}\nlong {money(at_stake.long)}{short}{blind}"),
        NoteField("Heat", f"{part(at_stake.heat)}\n{money(at_stake.at_risk)} at risk"),
        NoteField("Cash", f"{money(book.cash)}\n{part(ratio(book.cash, book.net_liquidation))}"),
    )


def _picture(engine: Engine, points: Sequence[EquityPoint], source: str) -> EquityChart | None:
    if not engine.settings.charts or not points:
        return None
    return equity_chart(points, f"Equity of {engine.account}", source)
