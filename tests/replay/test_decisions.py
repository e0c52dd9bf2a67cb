"""When a decision may become a fill: never before the next open, and within a bar the adverse event comes first."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.feeds.flatfiles.walk import FIRST_LOOK
from core.market.sessions import NEW_YORK, Sessions
from core.model.orders import Fill
from core.model.positions import Position
from core.model.signals import Intent
from tests.replay import slices
from tests.replay.books import Facts, facts
from tests.replay.slices import Run

CALENDAR = Sessions.open(date(2012, 1, 3), date(2018, 1, 3))


def entries(found: Facts) -> list[Fill]:
    return [fill for fill in found.fills if found.signal_of(fill).intent is Intent.OPEN]


def no_entry_before_the_next_open(run: Run) -> int:
    found = facts(run.out)
    for fill in entries(found):
        signal = found.signal_of(fill)
        decided, following = CALENDAR.between(signal.session, CALENDAR.ahead(signal.session, 1))
        assert signal.as_of > decided.close
        assert following.open < fill.at < following.close
    return len(entries(found))


def test_no_entry_fills_before_the_open_that_follows_its_bar(adjusted: Run) -> None:
    assert no_entry_before_the_next_open(adjusted) > 30


def test_no_entry_fills_before_the_open_on_prices_as_traded(raw: Run) -> None:
    assert no_entry_before_the_next_open(raw) > 30


def test_every_fill_lies_inside_its_session_and_its_bar(raw: Run) -> None:
    """A share never trades beyond the day's range by more than half a spread."""
    bars = pq.read_table(raw.request.sources.bars).to_pylist()
    span = {(row["symbol"], row["date"].date()): (row["low"], row["high"]) for row in bars}
    for fill in facts(raw.out).fills:
        symbol = fill.instrument_key.strip()
        if fill.multiplier != 1:
            continue
        low, high = span[symbol, fill.at.astimezone(NEW_YORK).date()]
        half = Decimal("0.006") + fill.price * Decimal("0.0003")
        assert Decimal(low) - half <= fill.price <= Decimal(high) + half


def sold(found: Facts, position: Position) -> list[tuple[str, Fill]]:
    """What closed a position: (cause, fill), in order."""
    closing = [(found.signal_of(fill), fill) for fill in found.fills]
    mine = [(signal.cause, fill) for signal, fill in closing if signal.position_id == position.id]
    return sorted(mine, key=lambda pair: pair[1].at)


@pytest.fixture(scope="module")
def holding(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Position]:
    """A replay in shares that ends while something is held for some sessions already."""
    folder = tmp_path_factory.mktemp("holding")
    days = date(2014, 9, 2), date(2014, 11, 24)
    run = slices.run(slices.request(slices.panel(shared, folder), days, folder / "out", slices.loose("stock")))
    held = [position for position in facts(run.out).positions if position.is_open and not position.fired]
    return run, max(held, key=lambda position: (position.units, position.id))


def with_bar(run: Run, folder: Path, symbol: str, bar: dict[str, float]) -> Run:
    """Replay one session more, in which this symbol trades as told."""
    day = CALENDAR.ahead(run.request.last, 1)
    rows = slices.rows(run.request.sources.bars, date.min, day).to_pylist()
    for row in rows:
        if row["symbol"] == symbol and row["date"].date() == day:
            row.update(bar)
    schema = pq.read_schema(run.request.sources.bars)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "told.parquet")
    sources = replace(run.request.sources, bars=folder / "told.parquet")
    return slices.again(run, folder / "out", sources=sources, last=day)


def test_a_bar_that_touches_the_stop_and_every_rung_is_a_stop(holding: tuple[Run, Position], tmp_path: Path) -> None:
    run, position = holding
    stop, spot = float(position.plan.stop), float(position.entry_spot)
    told = with_bar(run, tmp_path, position.symbol, {"open": spot, "low": stop * 0.98, "high": spot * 9, "close": spot})
    found = facts(told.out)
    ((cause, fill),) = sold(found, position)
    assert cause == "stop"
    assert fill.quantity == position.units
    assert float(fill.price) == pytest.approx(stop, rel=0.001)


def test_a_gap_through_the_stop_fills_at_the_open(holding: tuple[Run, Position], tmp_path: Path) -> None:
    run, position = holding
    gapped = float(position.plan.stop) * 0.90
    bar = {"open": gapped, "low": gapped * 0.9, "high": gapped * 1.02, "close": gapped}
    told = with_bar(run, tmp_path, position.symbol, bar)
    ((cause, fill),) = sold(facts(told.out), position)
    assert cause == "stop"
    assert float(fill.price) == pytest.approx(gapped, rel=0.001)
    day = CALENDAR.on(told.request.last)
    assert day is not None
    assert fill.at - day.open == FIRST_LOOK < timedelta(minutes=10)


def test_a_bar_that_touches_rungs_alone_climbs_them_each_once(holding: tuple[Run, Position], tmp_path: Path) -> None:
    run, position = holding
    spot = float(position.entry_spot)
    told = with_bar(run, tmp_path, position.symbol, {"open": spot, "low": spot, "high": spot * 9, "close": spot * 9})
    done: dict[str, int] = defaultdict(int)
    for cause, fill in sold(facts(told.out), position):
        done[cause] += fill.quantity
    assert list(done) == ["ladder-7", "ladder-8", "ladder-9", "ladder-10"]
    assert sum(done.values()) == position.units
    prices = [fill.price for _, fill in sold(facts(told.out), position)]
    assert prices == sorted(prices)
