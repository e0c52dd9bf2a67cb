"""Weekly review: what the week earned, which trades made it, and what became of the ideas."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import ClassVar

from core.charts.build import equity_chart
from core.engine.engine import Engine
from core.engine.tell import money
from core.market.sessions import NEW_YORK
from core.model.money import ZERO
from core.model.notes import EquityChart, Note, NoteField, Tone, Topic
from core.model.positions import EquityPoint, Position
from core.model.proposals import ProposalState
from core.model.signals import Intent
from core.portfolio import performance
from core.posts import _held
from core.posts._text import ABSENT, count, field, gain, new_york_day, number, part, percent, ratio, short_day

PICTURED = 126


@dataclass(frozen=True, slots=True)
class Week:
    """The sessions of a week: first and last day, Monday to Friday."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """First instant of the week in New York."""
        return datetime.combine(self.first, time(), NEW_YORK).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class WeeklyReview:
    """Result of the week, closed trades with their causes, ideas and what became of them, what is still held."""

    name: ClassVar[str] = "weekly_review"

    async def compose(self, engine: Engine, at: datetime) -> Note:
        """Write the note about the last week that ended before `at`."""
        week = _week(at)
        points = [point for point in engine.books.equity if point.day <= week.last]
        closed = [
            position
            for position in await engine.journal.positions(engine.account, closed_since=week.first)
            if not position.is_open and position.closed_session is not None and position.closed_session <= week.last
        ]
        view = await engine.view()
        today = _held.Today(view, engine.sessions, new_york_day(at))
        book = await engine.book(view)
        coming = [line for marked in book.positions for line in _held.attention(marked, today)]
        result = _result(points, week, engine.settings.start_cash)
        return Note(
            id=f"weekly-review-{week.last}",
            topic=Topic.PORTFOLIO,
            title=f"Week to {short_day(week.last)}",
            body=_summary(points, week, engine.settings.start_cash),
            at=at,
            tone=Tone.INFO if not result else (Tone.GOOD if result > 0 else Tone.BAD),
            fields=(
                *_trades(closed),
                field("Closed by cause", _causes(closed), "no trade was closed"),
                field("Best and worst", _extremes(closed), ABSENT),
                field("Ideas", await _ideas(engine, week), "no set-ups"),
                field(f"Into next week ({len(book.positions)} held)", coming, "nothing needs a look"),
            ),
            footer=f"{engine.account} · {view.source}",
            chart=_picture(engine, points, view.source),
        )


def _week(at: datetime) -> Week:
    """Monday to Friday of the last week whose Friday is before the New York date of the instant."""
    day = new_york_day(at)
    friday = day - timedelta(days=(day.weekday() - 4) % 7 or 7)
    return Week(friday - timedelta(days=4), friday)


def _result(points: Sequence[EquityPoint], week: Week, start_cash: Decimal) -> Decimal | None:
    """Change of net liquidation over the week without flows; None when no session of it was recorded."""
    inside = [point for point in points if point.day >= week.first]
    if not inside:
        return None
    begun = performance.day_start(points, week.first, start_cash)
    return inside[-1].net_liquidation - begun - sum((point.flows for point in inside), ZERO)


def _summary(points: Sequence[EquityPoint], week: Week, start_cash: Decimal) -> str:
    result = _result(points, week, start_cash)
    if result is None:
        return f"Result {ABSENT}: no session of this week was recorded."
    begun = performance.day_start(points, week.first, start_cash)
    values = performance.adjusted(points)
    lost = performance.drawdown(values[-1], max(values))
    change = percent(ratio(result, begun), 2)
    return f"**{gain(result)}** ({change}), now worth {money(points[-1].net_liquidation)}, {part(lost)} below the highest close."


def _trades(closed: Sequence[Position]) -> tuple[NoteField, ...]:
    results = [performance.net(position) for position in closed]
    won, lost = [one for one in results if one > 0], [one for one in results if one <= 0]
    gross = -sum(lost, ZERO)
    rate = f"{len(won)} won, {len(lost)} lost" + (f"\n{part(len(won) / len(results))} won" if results else "")
    mean = (_mean(won), _mean(lost))
    return (
        NoteField("Closed trades", rate),
        NoteField("Net result", f"{gain(sum(results, ZERO))}\nfees {gain(-sum((one.fees for one in closed), ZERO))}"),
        NoteField("Average", f"win {gain(mean[0])}, loss {gain(mean[1])}\nprofit factor {number(ratio(sum(won, ZERO), gross))}"),
    )


def _causes(closed: Sequence[Position]) -> list[str]:
    grouped: dict[str, list[Decimal]] = defaultdict(list)
    for position in closed:
        grouped[position.close_cause or ABSENT].append(performance.net(position))
    ordered = sorted(grouped.items(), key=lambda row: (-sum(row[1], ZERO), row[0]))
    return [f"{cause}: {len(results)}, {gain(sum(results, ZERO))}" for cause, results in ordered]


def _extremes(closed: Sequence[Position]) -> list[str]:
    ordered = sorted(closed, key=lambda position: (-performance.net(position), position.id))
    chosen = ordered if len(ordered) <= 4 else [*ordered[:2], *ordered[-2:]]
    return [f"**{one.symbol}** {gain(performance.net(one))} ({one.close_cause or ABSENT})" for one in chosen]


async def _ideas(engine: Engine, week: Week) -> list[str]:
    """Opening signals of the week and where their proposals ended."""
    signals = [one for one in await engine.journal.signals(week.first) if one.intent is Intent.OPEN and one.session <= week.last]
    if not signals:
        return []
    ends: Counter[ProposalState] = Counter()
    asked = 0
    for signal in signals:
        stored = await engine.journal.proposals_of(signal.id)
        asked += bool(stored)
        ends.update(one.state for one in stored)
    told = ", ".join(f"{times} {state}" for state, times in sorted(ends.items(), key=lambda row: (-row[1], row[0])))
    return [f"{count(len(signals), 'set-up')}, {asked} proposed", *([f"proposals: {told}"] if told else [])]


def _mean(results: Sequence[Decimal]) -> Decimal | None:
    return sum(results, ZERO) / len(results) if results else None


def _picture(engine: Engine, points: Sequence[EquityPoint], source: str) -> EquityChart | None:
    if not engine.settings.charts or not points:
        return None
    return equity_chart(points[-PICTURED:], f"Equity of {engine.account}, last {min(len(points), PICTURED)} sessions", source)
