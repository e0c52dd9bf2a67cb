"""The order of a replayed session: open, adverse touches, low, favourable touches, close."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.feeds.flatfiles.tape import Sources, Tape, load
from core.model.errors import BadDataError, UnknownSymbolError
from core.model.instruments import Stock
from tests.feeds.files import DAYS, flat, table
from tests.feeds.stage import Levels, Stage, levels, session_of


@pytest.fixture
def three(tmp_path: Path) -> Tape:
    """Three names that stood at 10, then X opens 10, high 14, low 7, close 12; Y likewise doubled; Z has no bar that day."""
    rows = [*flat("X", DAYS[:4]), *flat("Y", DAYS[:4], 20.0), *flat("Z", (*DAYS[:4], DAYS[5]))]
    rows += [f"X,{DAYS[4]},10,14,7,12,100", f"Y,{DAYS[4]},20,28,14,24,100"]
    rows += [*flat("X", DAYS[5:]), *flat("Y", DAYS[5:], 20.0)]
    return load(Sources(table(tmp_path / "bars.csv", rows)))


async def prices(three: Tape, watched: Levels, symbol: str = "X") -> list[float]:
    stage = Stage.on(three)
    stage.warm(4)
    return [float(found[symbol]) for _, found in await stage.walk(DAYS[4], watched)]


async def test_without_triggers_a_session_is_its_open_and_its_close(three: Tape) -> None:
    stage = Stage.on(three)
    stage.warm(4)
    session = session_of(three, DAYS[4])
    path = await stage.walk(DAYS[4], {})
    assert [instant for instant, _ in path] == [session.open + timedelta(minutes=5), session.close - timedelta(minutes=1)]
    assert [found["X"] for _, found in path] == [10, 12]
    assert "Z" not in path[0][1]


async def test_the_stop_comes_before_the_ladder_and_the_low_between_them(three: Tape) -> None:
    watched = levels(X=["9.5", "8", "13", "13.5", "6", "15"])
    assert await prices(three, watched) == [10, 9.5, 8, 7, 13, 13.5, 12]


async def test_a_level_that_the_open_is_beyond_is_seen_at_the_open_alone(three: Tape) -> None:
    assert await prices(three, levels(X=["10.0"])) == [10, 7, 12]


async def test_levels_exactly_at_low_and_high_are_touched(three: Tape) -> None:
    assert await prices(three, levels(X=["7", "14"])) == [10, 7, 14, 12]


async def test_a_name_that_nobody_watches_stays_at_its_open_until_the_close(three: Tape) -> None:
    assert await prices(three, levels(X=["9", "13"]), "Y") == [20, 20, 20, 20, 24]


async def test_names_take_their_steps_one_after_the_other_and_time_only_runs_forward(three: Tape) -> None:
    stage = Stage.on(three)
    stage.warm(4)
    path = await stage.walk(DAYS[4], levels(Y=["15", "27"], X=["9", "8", "13"], Z=["9"], Q=["1"]))
    assert [(float(found["X"]), float(found["Y"])) for _, found in path] == [
        (10, 20),
        (9, 20),
        (8, 20),
        (8, 15),
        (7, 14),
        (13, 14),
        (13, 27),
        (12, 24),
    ]
    instants = [instant for instant, _ in path]
    assert instants == sorted(set(instants))


async def test_thousands_of_levels_fit_into_a_session_that_closes_early(tmp_path: Path) -> None:
    day = date(2023, 11, 24)
    tape = load(Sources(table(tmp_path / "bars.csv", [*flat("X", [date(2023, 11, 22)], 100.0), f"X,{day},100,150,50,100,1"])))
    stage = Stage.on(tape)
    stage.warm(1)
    many = [Decimal(cents) / 100 for cents in range(5000, 15000, 4)]
    path = await stage.walk(day, {"X": many})
    session = session_of(tape, day)
    assert session.early
    instants = [instant for instant, _ in path]
    assert len(instants) == 2501
    assert instants == sorted(set(instants))
    assert instants[-1] == session.close - timedelta(minutes=1)


async def test_triggers_are_asked_again_after_each_instant(three: Tape) -> None:
    stage = Stage.on(three)
    stage.warm(4)
    session, watched, seen = session_of(three, DAYS[4]), dict(levels(X=["9", "8", "13"])), []
    stage.market.begin(session)
    for instant in stage.market.walk(session, lambda: watched):
        stage.clock.turn_to(instant)
        seen.append((await stage.market.view()).price(["X"])["X"])
        if seen[-1] == 9:
            watched.clear()  # the position is closed: nobody watches any more
    assert seen == [10, 9, 12]


async def test_quotes_stand_around_the_price_and_say_that_they_are_modelled(three: Tape) -> None:
    stage = Stage.on(three)
    stage.warm(4)
    session = session_of(three, DAYS[4])
    stage.market.begin(session)
    next(iter(stage.market.walk(session, dict)))
    stage.clock.turn_to(session.open + timedelta(minutes=20))
    view = await stage.market.view()
    quote = view.quote(Stock("X"))
    assert quote is not None
    assert (quote.bid, quote.ask, quote.modelled) == (Decimal("9.995"), Decimal("10.005"), True)
    assert quote.as_of == view.as_of
    assert view.quote(Stock("Z")) is None
    assert view.symbol("Z").quote is None
    with pytest.raises(UnknownSymbolError, match="'QQ'"):
        view.symbol("QQ")


async def test_before_the_open_only_yesterdays_price_is_known_and_it_is_stale(three: Tape) -> None:
    stage = Stage.on(three)
    stage.warm(4)
    session = session_of(three, DAYS[4])
    stage.market.begin(session)
    stage.clock.turn_to(session.open - timedelta(hours=1))
    view = await stage.market.view()
    quote = view.symbol("X").quote
    assert not view.is_open
    assert view.completed == DAYS[3]
    assert quote is not None
    assert quote.mid == 10
    assert quote.as_of == session_of(three, DAYS[3]).close


async def test_a_view_keeps_what_it_saw_when_the_market_moves_on(three: Tape) -> None:
    stage = Stage.on(three)
    stage.warm(4)
    session = session_of(three, DAYS[4])
    stage.market.begin(session)
    walk = stage.market.walk(session, dict)
    stage.clock.turn_to(next(walk))
    early = await stage.market.view()
    stage.clock.turn_to(next(walk))
    stage.market.complete(session)
    assert early.price(["X"]) == {"X": 10}
    assert len(early.symbol("X").bars) == 4
    assert early.symbol("X").features["close"] == 10
    assert len((await stage.market.view()).symbol("X").bars) == 5


def test_sessions_come_in_order_and_each_begins_before_it_is_completed(three: Tape) -> None:
    stage = Stage.on(three)
    first, second = session_of(three, DAYS[0]), session_of(three, DAYS[1])
    with pytest.raises(BadDataError, match="not the next one"):
        stage.market.begin(second)
    with pytest.raises(BadDataError, match="must begin"):
        stage.market.complete(first)
    with pytest.raises(BadDataError, match="must begin"):
        next(stage.market.walk(first, dict))
    stage.market.begin(first)
    with pytest.raises(BadDataError, match="not the next one"):
        stage.market.begin(second)
