"""Sessions of the New York exchange, against dates that the exchange published."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.sessions import NEW_YORK, Sessions
from core.model.errors import OperatorError

START, END = date(2006, 1, 1), date(2030, 12, 31)


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    return Sessions.open(START, END)


SHARED = Sessions.open(date(2014, 1, 1), date(2020, 12, 31))


@pytest.mark.parametrize(
    "day",
    [
        date(2012, 7, 3),
        date(2015, 11, 27),
        date(2018, 12, 24),
        date(2026, 11, 27),
        date(2026, 12, 24),
        date(2027, 11, 26),
        date(2028, 7, 3),
        date(2028, 11, 24),
    ],
)
def test_f083_the_day_before_a_holiday_closes_at_one(sessions: Sessions, day: date) -> None:
    session = sessions.on(day)
    assert session is not None
    assert session.early
    assert session.close.astimezone(NEW_YORK).strftime("%H:%M") == "13:00"


@pytest.mark.parametrize(
    "day",
    [
        date(2007, 1, 2),  # mourning for President Ford
        date(2012, 10, 29),  # hurricane Sandy
        date(2012, 10, 30),
        date(2018, 12, 5),  # mourning for President Bush
        date(2025, 1, 9),  # mourning for President Carter
        date(2022, 6, 20),  # first Juneteenth
        date(2027, 3, 26),  # Good Friday
        date(2027, 6, 18),
        date(2027, 7, 5),
        date(2027, 12, 24),
        date(2026, 11, 21),  # a Saturday
    ],
)
def test_a_holiday_is_no_session(sessions: Sessions, day: date) -> None:
    assert sessions.on(day) is None


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2024, 3, 8), 14, 21),  # standard time, the Friday before the change
        (date(2024, 3, 11), 13, 20),  # daylight saving, the Monday after
        (date(2024, 11, 1), 13, 20),
        (date(2024, 11, 4), 14, 21),
        (date(2006, 4, 3), 13, 20),  # the rule of 2006: the first Sunday of April
        (date(2006, 3, 31), 14, 21),
    ],
)
def test_the_open_follows_daylight_saving(sessions: Sessions, day: date, opens: int, closes: int) -> None:
    session = sessions.on(day)
    assert session is not None
    assert session.open == datetime(day.year, day.month, day.day, opens, 30, tzinfo=UTC)
    assert session.close == datetime(day.year, day.month, day.day, closes, 0, tzinfo=UTC)
    assert not session.early


def test_the_session_of_an_instant_is_that_of_its_new_york_date(sessions: Sessions) -> None:
    late = datetime(2024, 7, 11, 1, 0, tzinfo=UTC)  # still the 10th in New York
    session = sessions.at(late)
    assert session is not None
    assert session.day == date(2024, 7, 10)


def test_next_skips_a_session_that_has_just_opened(sessions: Sessions) -> None:
    today = sessions.on(date(2024, 7, 3))
    assert today is not None
    assert sessions.next(today.open - timedelta(seconds=1)) == today
    assert sessions.next(today.open).day == date(2024, 7, 5)


def test_counting_around_a_long_weekend(sessions: Sessions) -> None:
    wednesday, friday, monday = date(2026, 11, 25), date(2026, 11, 27), date(2026, 11, 30)
    assert sessions.count(wednesday, monday) == 2
    assert sessions.count(monday, wednesday) == -2
    assert sessions.count(friday, date(2026, 11, 29)) == 0
    assert sessions.ahead(wednesday, 1) == friday
    assert sessions.ahead(date(2026, 11, 26), 0) == wednesday
    assert sessions.ahead(monday, -1) == friday
    assert sessions.previous(monday).day == friday
    assert [session.day for session in sessions.between(wednesday, date(2026, 11, 29))] == [wednesday, friday]


@pytest.mark.parametrize("question", ["on", "previous", "next", "at", "between", "count", "ahead"])
def test_a_date_outside_the_calendar_is_refused_with_its_horizon(sessions: Sessions, question: str) -> None:
    outside = date(2031, 1, 2)
    instant = datetime(2031, 1, 2, 15, tzinfo=UTC)
    questions: dict[str, Callable[[], object]] = {
        "on": lambda: sessions.on(outside),
        "previous": lambda: sessions.previous(outside),
        "next": lambda: sessions.next(instant),
        "at": lambda: sessions.at(instant),
        "between": lambda: sessions.between(START, outside),
        "count": lambda: sessions.count(START, outside),
        "ahead": lambda: sessions.ahead(date(2030, 12, 30), 5),
    }
    with pytest.raises(OperatorError, match="2006-01-01 to 2030-12-31"):
        questions[question]()


@pytest.mark.parametrize("last", [date(2024, 1, 1), date(2023, 1, 1), date(2900, 1, 1)])
def test_an_impossible_horizon_is_one_sentence(last: date) -> None:
    with pytest.raises(OperatorError, match="2024-01-01"):
        Sessions.open(date(2024, 1, 1), last)


@given(st.dates(date(2014, 2, 1), date(2020, 11, 30)), st.integers(-10, 10))
def test_ahead_and_count_undo_each_other(day: date, steps: int) -> None:
    there = SHARED.ahead(day, steps)
    assert SHARED.count(day, there) == steps
    assert SHARED.on(there) is not None
    here = SHARED.on(day)
    if here is not None:
        assert SHARED.next(SHARED.previous(day).open) == here
