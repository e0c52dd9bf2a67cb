"""Views of the replayed market: through splits, with chains, and the promise that nothing looks ahead."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from core.feeds.flatfiles.tape import Sources, Tape, load
from core.market.panel import CLOSE, KEEP
from core.model.instruments import Option, Right
from core.model.market import ActionKind, MarketView
from tests.feeds.files import DAYS, flat, table
from tests.feeds.stage import Stage, session_of
from tests.feeds.test_flatfiles import ACTIONS


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
