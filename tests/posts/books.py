"""Desks for posts: empty, with a small known book, and with more of everything than a message can hold."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from core.engine.engine import Engine
from core.model.market import Events
from core.model.notes import Note
from core.model.positions import EquityPoint, Position
from core.model.signals import Signal
from core.ports.journal import Scan
from tests.engine.rig import CALENDAR, Desk
from tests.kit import nouns

BEFORE = date(2024, 6, 10)


async def hold(engine: Engine, position: Position) -> None:
    """Put a position on the books, paid for (before fees)."""
    engine.books.keep(position)
    engine.books.cash -= sum((holding.cost for holding in position.holdings), Decimal(0)) - position.realised + position.fees
    await engine.journal.save_position(position)


async def small(desk: Desk) -> None:
    """Two positions, one closed trade, two equity points, set-ups of two sessions."""
    engine = desk.engine
    desk.market.names |= {
        "GAIN": nouns.symbol_view("GAIN", features={"close": 111.0}, events=Events(date(2024, 6, 14), earnings_known=True)),
        "LOSS": nouns.symbol_view("LOSS", features={"close": 88.0, "change_1d": -0.03}),
        "PAYS": nouns.symbol_view("PAYS", events=Events(nouns.DAY, earnings_known=True), features={"sessions_to_earnings": 1.0}),
    }
    desk.market.prices |= {"GAIN": 112.0, "LOSS": 90.0, "PAYS": 103.0}
    await hold(engine, replace(nouns.position("GAIN", 100), id="position-gain", opened_session=BEFORE))
    await hold(engine, replace(nouns.position("LOSS", 50), id="position-loss", opened_session=date(2024, 3, 20)))
    await engine.journal.save_position(closed("DONE", "250.00", "stop"))
    engine.books.cash += Decimal("248.00")
    for day, worth in ((date(2024, 6, 7), "100100"), (BEFORE, "100400"), (nouns.COMPLETED, "100500")):
        point = EquityPoint("paper", day, Decimal(worth), Decimal(0), Decimal(0), Decimal(0), Decimal(0))
        engine.books.equity.append(point)
        await engine.journal.record_equity(point)
    for signal in (setup("LEAD", nouns.COMPLETED, 70), setup("PAYS", nouns.COMPLETED, 64), setup("GAIN", BEFORE, 60)):
        await engine.journal.record_signal(signal)
    scan = Scan("atr_matrix", nouns.COMPLETED, nouns.NOW, 4, (("price", 4), ("trend_200", 2)), (("earnings", 1),), 2)
    await engine.journal.record_scan(scan)


async def crowded(desk: Desk) -> None:
    """Sixty names held or signalled, every text as long as it gets."""
    engine = desk.engine
    for place in range(60):
        name = f"LONG{place:02d}"
        features = {"close": 93.0, "change_1d": place / 1000 - 0.03, "sessions_to_earnings": 1.0}
        dividends = ((nouns.DAY, 0.123456789),)
        events = Events(nouns.DAY, earnings_known=True, dividends=dividends, splits=((nouns.DAY, 3.0),))
        desk.market.names[name] = nouns.symbol_view(name, features=features, events=events)
        desk.market.prices[name] = 80.0 + place
        bought = replace(
            nouns.position(name, 1), id=f"position-{place}", opened_session=date(2024, 1, 10), realised=Decimal("-123.45")
        )
        await hold(engine, bought)
        await engine.journal.save_position(closed(f"DONE{place}", f"{place - 30}.99", f"a long cause number {place}"))
        await engine.journal.record_signal(setup(name, nouns.COMPLETED, place))
        await engine.journal.record_signal(setup(name, BEFORE, place))
        engine.books.absent[f"gate with a long name number {place}"] = place
    gates = tuple((f"gate_with_a_long_name_{place}", 60 - place) for place in range(40))
    await engine.journal.record_scan(Scan("atr_matrix", nouns.COMPLETED, nouns.NOW, 60, gates, (), 60))
    for session in CALENDAR.between(date(2023, 6, 1), nouns.COMPLETED):
        point = EquityPoint("paper", session.day, Decimal(100_000), Decimal(0), Decimal(0), Decimal(0), Decimal(0))
        engine.books.equity.append(point)
        await engine.journal.record_equity(point)


def closed(symbol: str, realised: str, cause: str) -> Position:
    """A trade that ended on 11 June, with two dollars of fees."""
    return replace(
        nouns.position(symbol, 100),
        id=f"position-{symbol}",
        holdings=(),
        units=0,
        realised=Decimal(realised),
        fees=Decimal(2),
        closed_at=nouns.NOW - timedelta(days=1),
        closed_session=nouns.COMPLETED,
        close_cause=cause,
    )


def setup(symbol: str, session: date, score: float) -> Signal:
    return replace(nouns.signal(symbol), id=f"{symbol}-{session}", session=session, score=float(score))


def text(note: Note) -> str:
    """A note as a person reads it."""
    fields = [f"[{field.name}]\n{field.value}" for field in note.fields]
    return "\n\n".join([f"{note.topic} · {note.tone} · {note.id}\n# {note.title}", note.body, *fields, f"-- {note.footer}"]) + "\n"
