"""Why a symbol is or is not a signal: now, and on any past day, on the simulated market."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot import tables
from core.feeds.simulated import SimulatedSettings
from core.market.sessions import Sessions
from core.model.errors import RefusedError, UnknownSymbolError
from tests.engine.rig import Desk, desk

DAY = date(2026, 1, 7)
SETTINGS = SimulatedSettings(symbols=40)


@asynccontextmanager
async def simulated(folder: Path, now: datetime) -> AsyncIterator[Desk]:
    """A desk that looks at the simulated market."""
    async with desk(folder, since=now) as one:
        one.engine.sessions = Sessions.open(date(2023, 1, 3), date(2027, 12, 31))
        one.engine.market = SETTINGS.open(one.clock, one.engine.sessions)
        yield one


async def test_a_past_day_is_explained_with_the_numbers_of_that_day(tmp_path: Path) -> None:
    async with simulated(tmp_path / "then", datetime(2026, 1, 7, 21, 30, tzinfo=UTC)) as one:
        symbols = (await one.engine.view()).symbols[:10]
        then = [await one.engine.explain(symbol) for symbol in symbols]
    async with simulated(tmp_path / "later", datetime(2026, 1, 16, 15, tzinfo=UTC)) as two:
        assert [await two.engine.explain(symbol, DAY) for symbol in symbols] == then
        now = [await two.engine.explain(symbol) for symbol in symbols]
    assert {found.session for found in then} == {DAY}
    assert {found.session for found in now} == {date(2026, 1, 15)}
    assert [replace(found, session=DAY) for found in now] != then
    gates = next(iter(one.engine.strategies.values())).gates
    for found in then:
        assert [result.name for result in found.results] == [gate.name for gate in gates]
        assert all(result.threshold is not None for result in found.results)


async def test_a_day_without_a_bar_and_an_unknown_symbol_get_a_sentence(tmp_path: Path) -> None:
    async with simulated(tmp_path, datetime(2026, 1, 16, 15, tzinfo=UTC)) as one:
        symbol = (await one.engine.view()).symbols[0]
        with pytest.raises(RefusedError, match="no completed session"):
            await one.engine.explain(symbol, date(2026, 1, 10))
        with pytest.raises(UnknownSymbolError, match="NOBODY"):
            await one.engine.explain("NOBODY", DAY)


@pytest.mark.parametrize("typed", ["yesterday", "2026-02-30", "7/1/2026", "2026-01-07'; --"])
def test_a_day_that_is_none_gets_one_sentence(typed: str) -> None:
    with pytest.raises(RefusedError, match="is no date; write it as YYYY-MM-DD") as caught:
        tables.day(typed)
    assert "\n" not in str(caught.value)


def test_a_day_that_is_left_out_is_the_last_one() -> None:
    assert tables.day(None) is None
    assert tables.day(" 2026-01-07 ") == DAY
