from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.timetable import JOBS, Anchor, Days, Job, Occasion, due, occasions, upcoming
from core.market.sessions import NEW_YORK, Sessions

FIRST, LAST = date(2019, 1, 1), date(2026, 12, 31)
SESSIONS = Sessions.open(FIRST, LAST)
START = datetime(2019, 1, 2, tzinfo=UTC)
MINUTES = int((datetime(2026, 12, 20, tzinfo=UTC) - START).total_seconds() // 60)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def told(day: str) -> list[tuple[str, str]]:
    start = local(f"{day}T00:00")
    return [(o.job, f"{o.at.astimezone(NEW_YORK):%H:%M}") for o in occasions(JOBS, start, start + timedelta(days=1), SESSIONS)]


def test_a_plain_session_has_its_jobs_in_order() -> None:
    assert told("2026-06-10") == [
        ("morning_brew", "08:30"),
        ("status", "09:00"),
        ("entries", "09:35"),
        ("close", "16:05"),
        ("scan", "16:10"),
        ("portfolio_digest", "16:20"),
    ]


def test_f083_an_early_close_moves_what_follows_the_close() -> None:
    assert told("2025-11-28")[3:] == [("close", "13:05"), ("scan", "13:10"), ("portfolio_digest", "13:20")]


@pytest.mark.parametrize("holiday", ["2025-12-25", "2026-04-03", "2025-01-09", "2026-06-14"])
def test_a_day_without_a_session_has_no_jobs(holiday: str) -> None:
    assert told(holiday) == []


def test_saturday_has_the_weekly_review_alone() -> None:
    assert told("2026-06-13") == [("weekly_review", "10:00")]


@pytest.mark.parametrize("day", ["2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"])
def test_f080_daylight_saving_does_not_move_the_wall_clock(day: str) -> None:
    assert told(day)[0] == ("morning_brew", "08:30")
    assert told(day)[2] == ("entries", "09:35")


def test_f080_every_day_of_eight_years_has_each_job_once_or_not_at_all() -> None:
    everything = occasions(JOBS, START, datetime(2026, 12, 30, tzinfo=UTC), SESSIONS)
    per_day = Counter((o.job, o.at.astimezone(NEW_YORK).date()) for o in everything)
    assert set(per_day.values()) == {1}
    days = [session.day for session in SESSIONS.between(date(2019, 1, 2), date(2026, 12, 29))]
    for job in JOBS:
        got = sorted(day for name, day in per_day if name == job.name)
        assert got == (days if job.days is Days.SESSIONS else [day for day in got if day.weekday() == 5])
    assert [o.at for o in everything] == sorted(o.at for o in everything)


@given(st.integers(0, MINUTES), st.lists(st.integers(1, 60 * 20), min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_f082_looking_at_any_times_gives_each_occasion_once(start: int, steps: list[int]) -> None:
    punctual = tuple(Job(job.name, job.anchor, job.minutes, job.days) for job in JOBS)
    looks = [START + timedelta(minutes=start)]
    for step in steps:
        looks.append(looks[-1] + timedelta(minutes=step))
    looks = [look for look in looks if look < datetime(2026, 12, 30, tzinfo=UTC)]
    found = [occasion for since, now in pairwise(looks) for occasion in due(punctual, since, now, SESSIONS)]
    assert found == list(occasions(JOBS, looks[0], looks[-1], SESSIONS))


@given(st.integers(0, MINUTES), st.integers(1, 60 * 24 * 20))
@settings(max_examples=150, deadline=None)
def test_f081_after_a_gap_each_job_runs_at_most_once_and_never_too_late(start: int, gap: int) -> None:
    since = START + timedelta(minutes=start)
    now = min(since + timedelta(minutes=gap), datetime(2026, 12, 30, tzinfo=UTC))
    found = due(JOBS, since, now, SESSIONS)
    everything = occasions(JOBS, since, now, SESSIONS)
    assert max(Counter(o.job for o in found).values(), default=0) <= 1
    for job in JOBS:
        last = [o for o in everything if o.job == job.name][-1:]
        expected = [o for o in last if job.late is None or now - o.at <= job.late]
        assert [o for o in found if o.job == job.name] == expected


@given(st.integers(0, MINUTES))
@settings(max_examples=100, deadline=None)
def test_the_upcoming_occasion_is_the_first_that_becomes_due(start: int) -> None:
    now = START + timedelta(minutes=start)
    found = upcoming(JOBS, now, SESSIONS)
    assert occasions(JOBS, now, found.at, SESSIONS)[0] == found
    assert not due(JOBS, now, found.at - timedelta(microseconds=1), SESSIONS)


def test_a_scan_missed_on_friday_runs_on_monday_but_the_brew_of_friday_does_not() -> None:
    found = due(JOBS, local("2026-06-12T08:00"), local("2026-06-15T08:00"), SESSIONS)
    assert [o.job for o in found] == ["close", "scan"]
    assert found[1] == Occasion(local("2026-06-12T16:10"), "scan")


def test_a_job_in_the_hours_when_the_clock_shifts_is_refused() -> None:
    with pytest.raises(ValueError, match="the clock may shift"):
        Job("backup", Anchor.MIDNIGHT, 150)
    with pytest.raises(ValueError, match="which a Saturday has not"):
        Job("review", Anchor.OPEN, 5, Days.SATURDAYS)
