"""Doing what is due: once a day across restarts, and what changes the desk is told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.jobs import Jobs
from bot.settings import load
from core.model.errors import RetryError
from tests.engine.rig import Desk, desk

WEDNESDAY = datetime(2024, 6, 12, 12, 0, tzinfo=UTC)
EVENING = WEDNESDAY.replace(hour=21)
POSTS = {post.name: post for post in load("", {}).posts}


def jobs(one: Desk, since: datetime = WEDNESDAY) -> Jobs:
    return Jobs(one.engine, POSTS, since)


async def ids(one: Desk) -> list[str]:
    return [note.id for note in await one.journal.notes()]


async def day(one: Desk, planned: Jobs, step: timedelta = timedelta(minutes=10)) -> list[str]:
    """Live through the session, looking again and again; the jobs that were done, in order."""
    done = []
    while one.clock.now() < EVENING:
        done += [occasion.job for occasion in await planned.run(one.clock.now())]
        one.clock.turn_to(one.clock.now() + step)
    return done


async def test_a_session_has_every_job_in_its_order(tmp_path: Path) -> None:
    async with desk(tmp_path, since=WEDNESDAY) as one:
        await one.engine.start()
        assert await day(one, jobs(one)) == ["morning_brew", "status", "entries", "close", "scan", "portfolio_digest"]


async def test_f081_a_post_is_written_once_a_day_even_across_restarts(tmp_path: Path) -> None:
    now = WEDNESDAY
    while now < EVENING:
        async with desk(tmp_path, since=now) as one:
            await one.engine.start()
            planned = jobs(one, now - timedelta(days=5))
            for _ in range(2):
                await planned.run(one.clock.now())
            told = await ids(one)
        now += timedelta(minutes=40)
    for name in ("morning-brew-2024-06-12", "portfolio-digest-2024-06-12"):
        assert told.count(name) == 1
    assert len([key for key in told if key.startswith("status-20240612")]) == 1
    async with desk(tmp_path, since=EVENING) as one:
        assert len(await one.journal.equity("paper")) == 1


async def test_a_post_that_a_crash_cut_short_is_written_after_the_restart(tmp_path: Path) -> None:
    async with desk(tmp_path, since=WEDNESDAY) as one:
        await one.engine.start()

        async def dies(*_: object) -> bool:
            raise SystemExit

        one.clock.turn_to(WEDNESDAY + timedelta(minutes=31))
        journal = one.engine.journal
        one.engine.journal = Cut(journal, dies)  # type: ignore[assignment]  # the same journal, which dies before the job is noted
        with pytest.raises(SystemExit):
            await jobs(one).run(one.clock.now())
    async with desk(tmp_path, since=WEDNESDAY + timedelta(minutes=32)) as two:
        await two.engine.start()
        assert [occasion.job for occasion in await jobs(two).run(two.clock.now())] == ["morning_brew"]
        assert (await ids(two)).count("morning-brew-2024-06-12") == 1


class Cut:
    """A journal whose process dies when a job is to be noted as done."""

    def __init__(self, journal: object, dies: object) -> None:
        self.journal, self.claim_job = journal, dies

    def __getattr__(self, name: str) -> object:
        return getattr(self.journal, name)


async def test_a_job_that_fails_is_told_and_does_not_fail_again_and_again(tmp_path: Path) -> None:
    async with desk(tmp_path, since=WEDNESDAY) as one:
        await one.engine.start()
        one.market.fails = RetryError("the vendor did not answer")
        one.clock.turn_to(WEDNESDAY + timedelta(minutes=31))
        planned = jobs(one)
        for _ in range(3):
            await planned.run(one.clock.now())
            one.later(minutes=1)
        (note,) = await one.told("morning_brew failed")
        assert note.topic == "status"
        assert "the vendor did not answer" in note.body


async def test_every_change_of_the_desk_is_told_in_the_status_channel(tmp_path: Path) -> None:
    async with desk(tmp_path, since=WEDNESDAY) as one:
        await one.engine.start()
        await one.engine.halt("owner", "lunch")
        one.later(minutes=1)
        await one.engine.resume("owner", "back")
        told = [note.title for note in await one.journal.notes() if note.topic == "status"]
    assert told == ["Desk started", "Desk: HALT", "Desk: ACTIVE"]
