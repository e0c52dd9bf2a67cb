"""Positions, equity, switches, jobs."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest

from core.journal.journal import SqlJournal
from core.model.errors import BadDataError, NotAllowedError
from core.ports.journal import Kill
from tests.journal.build import DAY, LATER, NOW, equity, note, position


async def test_positions_are_open_until_nothing_is_held(journal: SqlJournal) -> None:
    await journal.save_position(position(), [note("opened")])
    await journal.save_position(position(units=1))
    assert await journal.positions("paper") == [position(units=1)]
    closed = position(units=0, closed=DAY)
    await journal.save_position(closed)
    assert await journal.positions("paper") == []
    assert await journal.positions("paper", closed_since=DAY) == [closed]
    assert await journal.positions("paper", closed_since=DAY + timedelta(days=1)) == []


async def test_positions_come_oldest_first_for_one_account(journal: SqlJournal) -> None:
    young = replace(position("b"), opened_at=LATER)
    for one in (young, position("c"), replace(position("d"), account="live")):
        await journal.save_position(one)
    assert [one.id for one in await journal.positions("paper")] == ["c", "b"]
    assert [one.id for one in await journal.positions("live")] == ["d"]


async def test_equity_has_one_point_a_day_and_the_last_measure_holds(journal: SqlJournal) -> None:
    for point in (equity(), equity(date(2024, 3, 1)), equity(worth="99999.99")):
        await journal.record_equity(point)
    assert await journal.equity("paper") == [equity(date(2024, 3, 1)), equity(worth="99999.99")]
    assert await journal.equity("paper", DAY) == [equity(worth="99999.99")]
    assert await journal.equity("live") == []


async def test_without_a_word_nothing_is_halted(journal: SqlJournal) -> None:
    assert (await journal.kill()).level == 0


async def test_the_last_kill_level_holds_and_every_change_is_audited(journal: SqlJournal) -> None:
    for number, level in enumerate((2, 1, 0)):
        await journal.set_kill(Kill(level, "ann", f"to {level}", NOW), [note(f"kill-{level}")], after=number)
    assert await journal.kill() == Kill(0, "ann", "to 0", NOW, generation=3)
    assert [row.action for row in await journal.audit_rows()] == ["kill level"] * 3
    assert len(await journal.notes()) == 3


async def test_a_kill_level_rises_by_itself_and_falls_only_after_the_generation_that_was_looked_at(journal: SqlJournal) -> None:
    first = await journal.set_kill(Kill(2, "ann", "stop", NOW))
    second = await journal.set_kill(Kill(1, "bob", "less", NOW))
    assert (first.level, second.level) == (2, 2)
    assert second.generation > first.generation
    with pytest.raises(NotAllowedError, match="changed meanwhile by bob: less"):
        await journal.set_kill(Kill(0, "ann", "go", NOW), after=first.generation)
    assert (await journal.set_kill(Kill(0, "ann", "go", NOW), after=second.generation)).level == 0


async def test_settings_keep_their_last_value(journal: SqlJournal) -> None:
    assert await journal.setting("paused") is None
    await journal.set_setting("paused", "2024-03-04")
    await journal.set_setting("paused", "")
    assert await journal.setting("paused") == ""


async def test_an_occasion_of_a_job_is_taken_once(journal: SqlJournal) -> None:
    assert await journal.last_job("scan") is None
    taken = await asyncio.gather(*(journal.claim_job("scan", NOW) for _ in range(20)))
    assert sorted(taken) == [False] * 19 + [True]
    assert await journal.claim_job("brew", NOW)
    assert await journal.claim_job("scan", LATER)
    assert not await journal.claim_job("scan", NOW)
    assert await journal.last_job("scan") == LATER


async def test_times_come_back_aware_and_naive_ones_are_refused(journal: SqlJournal) -> None:
    await journal.claim_job("scan", NOW)
    last = await journal.last_job("scan")
    assert last is not None
    assert last.tzinfo is UTC
    with pytest.raises(BadDataError, match="time zone"):
        await journal.claim_job("scan", NOW.replace(tzinfo=None))
