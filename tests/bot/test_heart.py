"""The pace of the simulated market: a day in five minutes, real speed while a card waits, nights skipped once all is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import SimulatedClock
from bot.heart import EVENING, Heart
from bot.jobs import Jobs
from bot.settings import DemoSettings, load
from bot.timetable import JOBS, Occasion, upcoming
from core.model.errors import RetryError
from core.model.market import CorporateAction
from core.model.proposals import ProposalState
from tests.engine.rig import CALENDAR, Desk, desk
from tests.kit import nouns

FAST = DemoSettings(speed=96.0)


def no_actions(_: date) -> tuple[CorporateAction, ...]:
    return ()


@asynccontextmanager
async def beating(folder: Path, now: datetime) -> AsyncIterator[tuple[Desk, Heart, SimulatedClock]]:
    """A desk whose time is simulated from an instant on; its jobs were done up to there."""
    async with desk(folder, card_seconds=60) as one:
        await one.begin()
        clock = SimulatedClock(folder / "clock.json", now)
        one.engine.clock = one.market.clock = clock  # type: ignore[assignment]  # the market asks it for the time alone
        posts = {post.name: post for post in load("", {}).posts}
        heart = Heart(one.engine, Jobs(one.engine, posts, now), one.broker, no_actions, FAST)
        yield one, heart, clock


def test_a_day_takes_five_minutes_at_the_default_speed() -> None:
    session = CALENDAR.on(nouns.DAY)
    assert session is not None
    brew = upcoming(JOBS, session.open - timedelta(hours=2), CALENDAR)
    assert brew.job == "morning_brew"
    lived = (session.close + EVENING - brew.at).total_seconds() / DemoSettings().speed
    assert 270 <= lived <= 330


def test_cards_of_the_demo_live_a_minute() -> None:
    assert DemoSettings().card_seconds == 60


async def test_time_runs_at_real_speed_while_a_card_waits(tmp_path: Path) -> None:
    async with beating(tmp_path, nouns.NOW) as (one, heart, clock):
        await heart.turn()
        assert clock.speed == 1.0
        (stored,) = await one.journal.proposals([ProposalState.OPEN])
        await one.engine.void(stored.proposal.id, "a test of the pace")
        await heart.turn()
        assert clock.speed == 96.0


async def test_a_card_that_nobody_answers_ends_and_the_market_runs_on(tmp_path: Path) -> None:
    async with beating(tmp_path, nouns.NOW + timedelta(seconds=61)) as (one, heart, clock):
        await heart.turn()
        assert await one.journal.proposals([ProposalState.OPEN]) == []
        assert len(await one.journal.proposals([ProposalState.EXPIRED])) == 1
        assert clock.speed == 96.0


async def test_a_night_is_skipped_when_everything_is_told_and_not_before(tmp_path: Path) -> None:
    evening = datetime(2024, 6, 12, 20, 45, tzinfo=UTC)
    async with beating(tmp_path, evening) as (one, heart, clock):
        (stored,) = await one.journal.proposals([ProposalState.OPEN])
        await one.engine.void(stored.proposal.id, "nobody is here")
        await heart.turn()
        assert clock.now() < evening + timedelta(minutes=20), "notes still wait to be told"
        while waiting := await one.journal.pending_notes(1):
            await one.journal.note_delivered(waiting[0].seq, 1, waiting[0].seq, evening)
        await heart.turn()
        following = upcoming(JOBS, evening, CALENDAR)
        assert following == Occasion(datetime(2024, 6, 13, 12, 30, tzinfo=UTC), "morning_brew")
        assert timedelta(0) < following.at - clock.now() <= timedelta(minutes=1)


@pytest.mark.parametrize("error", [RetryError("the vendor did not answer"), ZeroDivisionError("a defect")])
async def test_a_turn_that_fails_is_counted_and_the_next_one_comes(tmp_path: Path, error: Exception) -> None:
    async with beating(tmp_path, nouns.NOW) as (one, heart, _):
        await heart.turn()
        assert one.engine.measures.percent("ticks") == 100.0
        one.market.fails = error
        await heart.turn()
        one.market.fails = None
        await heart.turn()
        assert one.engine.measures.counts["ticks"] == (2, 3)


async def test_the_account_is_compared_with_its_broker_in_the_evening_too(tmp_path: Path) -> None:
    evening = datetime(2024, 6, 13, 0, 31, tzinfo=UTC)
    async with beating(tmp_path, evening) as (one, heart, _):
        (stored,) = await one.journal.proposals([ProposalState.OPEN])
        await one.engine.void(stored.proposal.id, "nothing waits any more")
        await heart.turn()
        assert one.engine.reconciled_at is not None
        assert one.engine.reconciled_at >= evening
        assert one.engine.reconciled == "0 positions, 0 differences"
