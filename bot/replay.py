"""The second composition root: the same engine on replayed prices, with a clock turned by hand.

Decisions stand on the completed bar, the earliest fill is the next open, and within a bar the adverse event comes first: the
market walks open, low side, high side, close, and stops at every price level that an open position waits for.
"""

import asyncio
import gc
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from bot import replay_summary, settings, street
from bot.clock import HandClock
from bot.jobs import Jobs
from bot.timetable import JOBS, occasions
from bot.wiring import Adapters, build_engine, surroundings
from brokers.paper import PaperBroker, PaperSettings
from core.charts import draw
from core.charts.build import equity_chart
from core.engine.engine import Engine
from core.engine.settings import Policy
from core.feeds.flatfiles.market import ReplayMarket
from core.feeds.flatfiles.tape import Sources, Tape, load
from core.journal.journal import SqlJournal, open_journal
from core.market.panel import CLOSE
from core.market.sessions import Sessions
from core.model.errors import OperatorError
from core.model.market import MarketView, Session
from core.model.notes import Note

CARD_SECONDS = 60
BATCH = 200
#: When the garbage collector runs: a replay makes hardly any garbage that only it finds.
RARELY = (100_000, 20, 20)
#: From midnight in New York to the open.
NIGHT = timedelta(hours=9, minutes=30)


@dataclass(frozen=True, slots=True)
class Request:
    """One replay: which files, which days, where to, who approves, and the settings of the desk."""

    sources: Sources
    first: date
    last: date
    out: Path
    approve: bool
    settings: settings.Settings
    progress: Callable[[int, int], None] = field(default=lambda _done, _total: None)


@dataclass(slots=True)
class TextNotifier:
    """Delivers every note as a line of text, in the order in which it would have been posted."""

    journal: SqlJournal
    path: Path
    awake: bool = False
    _posted: int = 0

    def wake(self) -> None:
        """Remember that something waits."""
        self.awake = True

    async def deliver(self, now: datetime) -> None:
        """Write what waits; a card stands in its channel from now on."""
        while self.awake:
            waiting = await self.journal.pending_notes(BATCH)
            self.awake = len(waiting) == BATCH
            lines = [json.dumps(_line(pending.note), sort_keys=True, ensure_ascii=False) + "\n" for pending in waiting]
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
            messages = {pending.seq: (1, self._posted + place) for place, pending in enumerate(waiting, 1)}
            self._posted += len(waiting)
            if messages:
                await self.journal.notes_delivered(messages, now)
            for pending in waiting:
                if pending.note.decidable and pending.note.proposal_id:
                    until = now + timedelta(seconds=CARD_SECONDS)
                    await self.journal.proposal_posted(pending.note.proposal_id, *messages[pending.seq], until)


def _line(note: Note) -> Mapping[str, object]:
    told = {one.name: getattr(note, one.name) for one in fields(note) if one.name != "chart"}
    rows = [{"name": one.name, "value": one.value, "inline": one.inline} for one in note.fields]
    told |= {"at": note.at.isoformat(), "fields": rows}
    return {name: value for name, value in told.items() if value is not None}


def replay(request: Request) -> dict[str, object]:
    """Run it and leave journal, notes, picture and summary in the folder; answers the summary.

    Raises
    ------
    OperatorError
        Files, dates or folder cannot be used.
    """
    tape = load(request.sources)
    chosen = [day for day in tape.days if request.first <= day <= request.last]
    if not chosen or not _bars(tape, chosen):
        covered = f"the bars cover {tape.days[0]} to {tape.days[-1]}"
        raise OperatorError(f"{covered}, no sound one lies between {request.first} and {request.last}: choose other dates or files")
    try:
        _prepare(request.out)
        return asyncio.run(_run(request, tape, chosen))
    except OSError as error:
        raise OperatorError(f"--out {request.out} cannot be written ({error.strerror}); name another folder") from error


def _prepare(out: Path) -> None:
    """Make the folder and take away what an earlier run left, the summary first: it stands for a run that was finished."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("summary.json", "journal.db", "journal.db.lock", "notes.jsonl", "equity.png"):
        (out / name).unlink(missing_ok=True)
    (out / "notes.jsonl").touch()


async def _run(request: Request, tape: Tape, chosen: Sequence[date]) -> dict[str, object]:
    clock = HandClock(_before(tape.calendar, chosen[0]))
    market = ReplayMarket(tape, clock)
    for day in tape.days:
        if day < chosen[0]:
            market.advance(_session(tape.calendar, day))
    journal = await open_journal(request.out / "journal.db", durable=False)
    gc.freeze()  # what was loaded stays until the end: the collector need not walk through it again and again
    usual = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        stage = await _stage(request, tape, clock, market, journal)
        for number, day in enumerate(chosen, 1):
            await stage.play(_session(tape.calendar, day))
            request.progress(number, len(chosen))
        return await _finish(request, tape, stage, chosen)
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
        await journal.close()


def _session(calendar: Sessions, day: date) -> Session:
    session = calendar.on(day)
    if session is None:
        raise OperatorError(f"the bars hold {day}, which is no session of the New York exchange: check the file")
    return session


def _before(calendar: Sessions, day: date) -> datetime:
    return _session(calendar, day).open - timedelta(hours=6)


async def _stage(request: Request, tape: Tape, clock: HandClock, market: ReplayMarket, journal: SqlJournal) -> "Stage":
    chosen = request.settings
    broker_settings = chosen.broker if isinstance(chosen.broker, PaperSettings) else PaperSettings()
    start_cash = chosen.engine.start_cash
    broker = await broker_settings.open(chosen.engine.account, start_cash, None, surroundings(clock, market, tape.calendar))
    notifier = TextNotifier(journal, request.out / "notes.jsonl")
    entries = Policy.AUTO if request.approve else Policy.ASK
    decided = replace(
        chosen.engine, strict=False, charts=False, entries=entries, exits=Policy.AUTO, card_seconds=CARD_SECONDS, walk=(1.0,)
    )
    adapters = Adapters(clock, market, broker, journal, notifier, tape.calendar)
    engine = build_engine(chosen, adapters, engine=decided)
    engine.audited = False
    await journal.take_lease("replay", clock.now())
    await engine.start()
    jobs = Jobs(engine, {post.name: post for post in chosen.posts}, clock.now())
    return Stage(engine, market, broker, notifier, clock, jobs, await market.view())


@dataclass(slots=True)
class Stage:
    """Everything that a replayed session needs."""

    engine: Engine
    market: ReplayMarket
    broker: PaperBroker
    notifier: TextNotifier
    clock: HandClock
    jobs: Jobs
    view: MarketView

    async def play(self, session: Session) -> None:
        """One session: what happens on the days and the night before, the walk through the bar, the completed bar."""
        for occasion in occasions(JOBS, self.clock.now(), session.open - NIGHT, self.engine.sessions):
            await self._at(occasion.at)
        actions = self.market.begin(session)
        await self._at(session.open - timedelta(hours=1))
        self.view = await self.market.view()
        await street.morning(self.broker, actions, self.view)
        for instant in self.market.walk(session, self._triggers):
            self.clock.turn_to(instant)
            await self.engine.tick()
            await self._at(instant)
        self.market.complete(session)
        self.clock.turn_to(session.close)
        await street.evening(self.broker, session.day, await self.market.view())
        await self._at(session.close + timedelta(minutes=30))

    async def _at(self, instant: datetime) -> None:
        self.clock.turn_to(instant)
        await self.jobs.run(instant)
        await self.notifier.deliver(instant)

    def _triggers(self) -> Mapping[str, Sequence[Decimal]]:
        """Prices at which the strategies would act on what is held now."""
        found: dict[str, list[Decimal]] = {}
        for position in self.engine.books.positions.values():
            levels = self.engine.strategies[position.strategy].triggers(position, self.view)
            found.setdefault(position.symbol, []).extend(levels)
        return found


def _bars(tape: Tape, chosen: Sequence[date]) -> int:
    """Bars that exist in the chosen sessions."""
    first = tape.days.index(chosen[0])
    return int(np.isfinite(tape.bars[CLOSE, first : first + len(chosen)]).sum())


async def _finish(request: Request, tape: Tape, stage: Stage, chosen: Sequence[date]) -> dict[str, object]:
    run = replay_summary.Run(
        first=chosen[0],
        last=chosen[-1],
        sessions=len(chosen),
        symbols=len(tape.symbols),
        symbol_bars=_bars(tape, chosen),
        approve="auto" if request.approve else "nobody: every card expires",
        raw=tape.raw,
        fingerprint=tape.fingerprint,
        defects=tape.defects,
    )
    summary = await replay_summary.summarise(stage.engine, run)
    points = await stage.engine.journal.equity(stage.engine.account)
    chart = equity_chart(points, f"Replay of {len(tape.symbols)} symbols", "flat files, modelled fills")
    (request.out / "equity.png").write_bytes(draw(chart))
    replay_summary.write(summary, request.out / "summary.json")
    return summary
