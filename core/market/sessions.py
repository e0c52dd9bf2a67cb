"""Sessions of the New York exchange: trading days with their open and close, early closes and daylight saving included."""

import warnings
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self
from zoneinfo import ZoneInfo

import exchange_calendars

from core.model.errors import OperatorError
from core.model.market import Session

NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """Every session from `start` to `end`; each question about a date outside of that raises OperatorError.

    Attributes
    ----------
    start, end : date
        The horizon, both included.
    all : tuple of Session
        Oldest first.
    days : tuple of date
        New York date of each session in `all`.
    opens : tuple of datetime
        Aware UTC open of each session in `all`.
    """

    start: date
    end: date
    all: tuple[Session, ...]
    days: tuple[date, ...]
    opens: tuple[datetime, ...]

    @classmethod
    def open(cls, start: date, end: date) -> Self:
        """Build the calendar for the horizon.

        Raises
        ------
        OperatorError
            The horizon is empty, holds no session or lies beyond what the calendar knows.
        """
        if start >= end:
            raise OperatorError(f"the calendar from {start} to {end} is empty: the first day must come before the last")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # exchange_calendars still uses names that pandas renames in its version 4
            try:
                calendar = exchange_calendars.get_calendar("XNYS", start=start.isoformat(), end=end.isoformat())
            except ValueError as error:
                raise OperatorError(f"the New York calendar cannot cover {start} to {end}: choose other dates ({error})") from error
            early = set(calendar.early_closes.date.tolist())
            days = calendar.sessions.date.tolist()
            opens = [_utc(instant) for instant in calendar.opens.to_numpy("datetime64[us]").tolist()]
            closes = [_utc(instant) for instant in calendar.closes.to_numpy("datetime64[us]").tolist()]
        every = tuple(Session(day, opens[i], closes[i], day in early) for i, day in enumerate(days))
        return cls(start, end, every, tuple(days), tuple(opens))

    def on(self, day: date) -> Session | None:
        """Give the session of a New York date; None on a weekend or holiday."""
        self._cover(day)
        place = bisect_left(self.days, day)
        return self.all[place] if place < len(self.days) and self.days[place] == day else None

    def at(self, instant: datetime) -> Session | None:
        """Give the session of the instant's New York date, whether or not the market is open at that moment."""
        return self.on(instant.astimezone(NEW_YORK).date())

    def next(self, instant: datetime) -> Session:
        """Give the first session that opens after the instant."""
        self._cover(instant.astimezone(NEW_YORK).date())
        return self._pick(bisect_right(self.opens, instant), f"no session opens after {instant:%Y-%m-%d}")

    def previous(self, day: date) -> Session:
        """Give the last session before the day."""
        self._cover(day)
        return self._pick(bisect_left(self.days, day) - 1, f"no session comes before {day}")

    def between(self, first: date, last: date) -> tuple[Session, ...]:
        """Give every session from `first` to `last`, both included."""
        self._cover(first)
        self._cover(last)
        return self.all[bisect_left(self.days, first) : bisect_right(self.days, last)]

    def count(self, first: date, last: date) -> int:
        """Count the sessions after `first` up to and including `last`; negative when `last` is the earlier one."""
        self._cover(first)
        self._cover(last)
        return bisect_right(self.days, last) - bisect_right(self.days, first)

    def ahead(self, day: date, sessions: int) -> date:
        """Give the day that comes so many sessions after `day`; 0 is the session of `day` or the last one before it."""
        self._cover(day)
        place = bisect_right(self.days, day) - 1 + sessions
        return self._pick(place, f"{sessions} sessions from {day} is too far").day

    def _pick(self, place: int, problem: str) -> Session:
        if not 0 <= place < len(self.all):
            raise OperatorError(f"{problem} in the calendar, which covers {self.start} to {self.end}: open a longer one")
        return self.all[place]

    def _cover(self, day: date) -> None:
        if not self.start <= day <= self.end:
            raise OperatorError(f"{day} is outside the calendar, which covers {self.start} to {self.end}: open a longer one")


def _utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC)
