"""The replayed market: the order of a session, views through splits, and the promise that nothing looks ahead."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bot.clock import HandClock
from core.feeds.flatfiles.market import ReplayMarket
from core.feeds.flatfiles.tape import Sources, Tape, load
from core.market.panel import CLOSE, KEEP
from core.model.errors import BadDataError, UnknownSymbolError
from core.model.instruments import Option, Right, Stock
from core.model.market import ActionKind, MarketView, Session
from tests.feeds.files import DAYS, flat, table
from tests.feeds.test_flatfiles import ACTIONS

Levels = Mapping[str, Sequence[Decimal]]


def levels(**given: Sequence[str]) -> Levels:
    return {symbol: [Decimal(level) for level in found] for symbol, found in given.items()}


def session_of(tape: Tape, day: date) -> Session:
    session = tape.calendar.on(day)
    assert session is not None
    return session


@dataclasses.dataclass
class Stage:
    tape: Tape
    clock: HandClock
    market: ReplayMarket

    @classmethod
    def on(cls, tape: Tape) -> "Stage":
        clock = HandClock(session_of(tape, tape.days[0]).open - timedelta(hours=6))
        return cls(tape, clock, ReplayMarket(tape, clock))

    def warm(self, sessions: int) -> None:
        for day in self.tape.days[:sessions]:
            self.market.advance(session_of(self.tape, day))

    async def walk(self, day: date, watched: Levels) -> list[tuple[datetime, dict[str, Decimal]]]:
        """Prices of all names at each instant of the session."""
        session, path = session_of(self.tape, day), []
        self.market.begin(session)
        for instant in self.market.walk(session, lambda: watched):
            self.clock.turn_to(instant)
            view = await self.market.view()
            assert view.as_of == instant
            path.append((instant, view.price(self.tape.symbols)))
        self.market.complete(session)
        return path


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
    assert quote.as_of == session_of(three, DAYS[3]).close - timedelta(minutes=1)


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


@pytest.fixture
def split(tmp_path: Path) -> Tape:
    """A name that splits two for one before the eighth session, after a dividend."""
    rows = [*flat("A", DAYS[:7], 100.0, 1000), *flat("A", DAYS[7:], 50.0, 2000), *flat("B", DAYS)]
    actions = [f"A,{DAYS[7]},split,2,,True", f"A,{DAYS[3]},,0,0.5,"]
    return load(Sources(table(tmp_path / "bars.csv", rows), actions=table(tmp_path / "actions.csv", actions, ACTIONS)))


async def test_on_the_morning_of_a_split_everything_is_in_the_new_units(split: Tape) -> None:
    stage = Stage.on(split)
    stage.warm(7)
    before = await stage.market.view()
    assert before.symbol("A").bars.close.tolist() == [100.0] * 7
    (action,) = stage.market.begin(session_of(split, DAYS[7]))
    assert (action.kind, action.value) == (ActionKind.SPLIT, Decimal(2))
    view = await stage.market.view()
    name = view.symbol("A")
    assert name.bars.close.tolist() == [50.0] * 7
    assert name.bars.volume.tolist() == [2000.0] * 7
    assert name.features["close"] == name.features["raw_close"] == 50.0
    assert name.quote is not None
    assert name.quote.mid == 50
    assert name.events.splits == ((DAYS[7], 2.0),)
    assert name.events.dividends == ((DAYS[3], 0.5),)
    assert before.symbol("A").bars.close.tolist() == [100.0] * 7
    assert view.symbol("B").bars.close.tolist() == [10.0] * 7


def seen(view: MarketView, columns: Sequence[str]) -> list[object]:
    """Everything that a view shows, as bits."""
    found: list[object] = [view.completed, view.regime, view.vix, view.rate, view.session]
    found += [(name, row.tobytes()) for name, row in sorted(view.features.columns.items())]
    found += [(name, row.tobytes()) for name, row in sorted(view.features.absent.items())]
    for symbol in columns:
        name = view.symbol(symbol)
        bars = [
            row.tobytes()
            for row in (name.bars.day, name.bars.open, name.bars.high, name.bars.low, name.bars.close, name.bars.volume)
        ]
        chain = name.chain and (name.chain.contracts, name.chain.bid.tobytes(), name.chain.iv_rank, name.chain.dividend_yield)
        found.append((symbol, name.quote, name.events, bars, chain))
    return found


async def look(tape: Tape, places: Sequence[int], symbols: Sequence[str]) -> dict[int, list[object]]:
    """What is seen at the first instant and after the close of some sessions."""
    stage = Stage.on(tape)
    found: dict[int, list[object]] = {}
    for place, day in enumerate(tape.days):
        session = session_of(tape, day)
        if place not in places:
            stage.market.advance(session)
            continue
        actions = stage.market.begin(session)
        stage.clock.turn_to(next(stage.market.walk(session, dict)))
        morning = seen(await stage.market.view(chains=symbols[:3]), symbols)
        stage.market.complete(session)
        stage.clock.turn_to(session.close)
        found[place] = [actions, morning, seen(await stage.market.view(), symbols)]
    return found


async def test_cutting_the_real_raw_tape_at_any_day_changes_no_bit_before_it(shared: Path) -> None:
    daily = shared / "data/daily"
    bars, actions = daily / "raw_unadjusted_2015_2017.parquet", daily / "raw_2015_2017_corporate_actions.csv.gz"
    tape = load(Sources(bars, index=(daily / "etf_adjusted_2005_2017.parquet",), actions=actions))
    assert tape.raw
    splits = [place for place, found in tape.actions.items() if any(action.kind is ActionKind.SPLIT for action in found)]
    ends = [place for place, found in tape.actions.items() if any(action.kind is ActionKind.DELISTING for action in found)]
    places = sorted({splits[0], splits[40], splits[-1], ends[0] - 1, ends[0], 301})
    split_names = [action.symbol for place in splits for action in tape.actions[place] if action.kind is ActionKind.SPLIT]
    symbols = [*split_names[::20], tape.actions[ends[0]][-1].symbol, "AAPL"]
    whole = await look(tape, places, symbols)
    for place in places:
        part = await look(tape.until(tape.days[place]), [place], symbols)
        assert part[place] == whole[place]


async def test_cutting_the_files_themselves_changes_no_bit_either(shared: Path, tmp_path: Path) -> None:
    """Also the cleaning and the calendar must not know what comes later."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    source = shared / "data/daily/raw_unadjusted_2015_2017.parquet"
    actions = shared / "data/daily/raw_2015_2017_corporate_actions.csv.gz"
    whole = load(Sources(source, actions=actions))
    table_of_bars = pq.read_table(source)
    for place in (120, 301):
        kept = table_of_bars.filter(pc.less_equal(table_of_bars["date"].cast("date32"), whole.days[place]))
        pq.write_table(kept, tmp_path / "cut.parquet")
        part = load(Sources(tmp_path / "cut.parquet", actions=actions))
        columns = [whole.symbols.index(symbol) for symbol in part.symbols]
        assert part.bars.tobytes() == whole.bars[:, : place + 1, columns].tobytes()
        assert part.actions == whole.until(whole.days[place]).actions


async def test_bars_of_a_view_are_those_of_the_panel_through_real_splits(shared: Path) -> None:
    daily = shared / "data/daily"
    bars, actions = daily / "raw_unadjusted_2015_2017.parquet", daily / "raw_2015_2017_corporate_actions.csv.gz"
    tape = load(Sources(bars, actions=actions))
    stage = Stage.on(tape)
    stage.warm(len(tape.days))
    view = await stage.market.view()
    for column, symbol in enumerate(tape.symbols):
        matrix = stage.market.state.panel.matrix(column, KEEP)
        there = ~np.isnan(matrix[CLOSE])
        found = view.symbol(symbol).bars
        assert found.close.tobytes() == matrix[CLOSE][there].tobytes()
        assert found.volume.tobytes() == matrix[4][there].tobytes()


async def test_a_chain_is_modelled_when_asked_for_and_a_contract_is_quoted_alone(shared: Path) -> None:
    tape = load(Sources(shared / "data/daily/etf_adjusted_2005_2017.parquet"))
    stage = Stage.on(tape)
    stage.warm(400)
    stage.clock.turn_to(session_of(tape, tape.days[399]).close)
    view = await stage.market.view(chains=["SPY"])
    chain = view.symbol("SPY").chain
    assert chain is not None
    assert chain.modelled
    assert 0 <= chain.iv_rank <= 100
    assert view.symbol("XLF").chain is None
    contract = chain.contracts[len(chain.contracts) // 2]
    quote = view.quote(contract)
    assert quote is not None
    assert (float(quote.bid), float(quote.ask)) == (chain.bid[len(chain.contracts) // 2], chain.ask[len(chain.contracts) // 2])
    young = Stage.on(tape)
    young.warm(15)
    assert (await young.market.view(chains=["QQQ"])).symbol("QQQ").chain is None
    assert (await young.market.view()).quote(Option("QQQ", date(2005, 6, 17), Right.CALL, Decimal(40))) is None
