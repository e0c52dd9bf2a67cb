"""When things happen: one table, and a pure answer to "what is due?". New York time; holidays and early closes from the calendar.

The `tick` loop (follow orders, manage exits, expire cards) is no job: it runs all through a session.
To add a job, add a line to `JOBS` and a function of that name to the composition root.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from core.market.sessions import NEW_YORK, Sessions

DAY = timedelta(days=1)
#: Daylight saving moves the clock in these hours, so a job in them would run twice or never.
_SHIFTING = time(4)


class Days(StrEnum):
    """On which days a job runs."""

    SESSIONS = "sessions"
    SATURDAYS = "Saturdays"


class Anchor(StrEnum):
    """What a moment is counted from."""

    MIDNIGHT = "midnight in New York"
    OPEN = "session open"
    CLOSE = "session close"


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the table.

    Attributes
    ----------
    anchor, minutes : Anchor, int
        The moment: so many minutes after the anchor. After midnight they are read as a wall clock: 510 is 08:30 on every day.
    late : timedelta or None
        Catch-up: how late the job may still run when the program was down at its moment; None: until its next occasion.
    """

    name: str
    anchor: Anchor
    minutes: int
    days: Days = Days.SESSIONS
    late: timedelta | None = None

    def __post_init__(self) -> None:
        if self.anchor is Anchor.MIDNIGHT and self.wall_clock < _SHIFTING:
            raise ValueError(f"job {self.name!r} at {self.wall_clock:%H:%M}: the clock may shift then; choose 04:00 or later")
        if self.days is Days.SATURDAYS and self.anchor is not Anchor.MIDNIGHT:
            raise ValueError(f"job {self.name!r} counts from the {self.anchor}, which a Saturday has not; give a wall clock")

    @property
    def wall_clock(self) -> time:
        """New York time of a job that is anchored at midnight."""
        return time(self.minutes // 60, self.minutes % 60)


@dataclass(frozen=True, slots=True, order=True)
class Occasion:
    """One moment of one job: the key under which it is claimed, so that it happens once."""

    at: datetime
    job: str


JOBS = (
    Job("morning_brew", Anchor.MIDNIGHT, 8 * 60 + 30, late=timedelta(hours=4)),
    Job("status", Anchor.MIDNIGHT, 9 * 60, late=timedelta(hours=1)),
    Job("entries", Anchor.OPEN, 5, late=timedelta(hours=3)),
    Job("close", Anchor.CLOSE, 5),
    Job("scan", Anchor.CLOSE, 10),
    Job("portfolio_digest", Anchor.CLOSE, 20, late=timedelta(hours=12)),
    Job("weekly_review", Anchor.MIDNIGHT, 10 * 60, Days.SATURDAYS, late=timedelta(days=1)),
)


def due(jobs: Sequence[Job], since: datetime, now: datetime, sessions: Sessions) -> tuple[Occasion, ...]:
    """Give what became due after `since`, up to and including `now`, in order.

    After a gap each job runs at most once, for its latest occasion, and only when that is not too late. So any division of a
    stretch of time that looks at least once a day gives the same occasions.
    """
    latest: dict[str, Occasion] = {}
    allowed = {job.name: job.late for job in jobs}
    places = {job.name: place for place, job in enumerate(jobs)}
    for occasion in occasions(jobs, since, now, sessions):
        latest[occasion.job] = occasion
    found = [occasion for occasion in latest.values() if (late := allowed[occasion.job]) is None or now - occasion.at <= late]
    return tuple(sorted(found, key=lambda occasion: (occasion.at, places[occasion.job])))


def occasions(jobs: Sequence[Job], since: datetime, until: datetime, sessions: Sessions) -> tuple[Occasion, ...]:
    """Give every moment after `since`, up to and including `until`, in order; those of one moment in the order of the table."""
    found = [
        Occasion(at, job.name)
        for day in _days(since, until)
        for job in jobs
        if (at := moment(job, day, sessions)) is not None and since < at <= until
    ]
    return tuple(sorted(found, key=lambda occasion: occasion.at))


def upcoming(jobs: Sequence[Job], now: datetime, sessions: Sessions) -> Occasion:
    """Give the next occasion after `now`: until then nobody needs to look.

    Raises
    ------
    OperatorError
        The calendar ends before there is one.
    """
    start = now
    while True:
        found = occasions(jobs, start, start + DAY, sessions)
        if found:
            return found[0]
        start += DAY


def moment(job: Job, day: date, sessions: Sessions) -> datetime | None:
    """Give the job's moment on a New York date, aware UTC; None when it has none on that day."""
    session = sessions.on(day)
    if job.days is Days.SATURDAYS:
        return _wall(day, job) if day.weekday() == 5 else None
    if session is None:
        return None
    if job.anchor is Anchor.MIDNIGHT:
        return _wall(day, job)
    return (session.open if job.anchor is Anchor.OPEN else session.close) + timedelta(minutes=job.minutes)


def _wall(day: date, job: Job) -> datetime:
    return datetime.combine(day, job.wall_clock, NEW_YORK).astimezone(UTC)


def _days(since: datetime, until: datetime) -> Iterator[date]:
    """Walk the New York dates that the stretch touches."""
    day, last = since.astimezone(NEW_YORK).date(), until.astimezone(NEW_YORK).date()
    while day <= last:
        yield day
        day += DAY
