"""When Interactive Brokers rests: the nightly reset, the weekend, and the weekly login with a second factor (New York time)."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
#: Nothing is sent from so long before a reset until it is over.
MARGIN = timedelta(minutes=10)
_NIGHT = (time(23, 45), timedelta(hours=1))
_WEEKEND = (time(23, 0), timedelta(hours=4))
_SATURDAY, _SUNDAY = 5, 6
_LOGIN = time(1)


def resting(now: datetime) -> str:
    """Why nothing should be sent at this instant; empty when it may.

    The servers for North America are reset from 23:45 to 00:45 from Sunday to Friday and from Saturday 23:00 to Sunday 03:00.
    """
    local = now.astimezone(NEW_YORK)
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        begin, length = _WEEKEND if day.weekday() == _SATURDAY else _NIGHT
        opens = datetime.combine(day, begin, NEW_YORK)
        if opens - MARGIN <= local < opens + length:
            return f"Interactive Brokers resets its servers until {(opens + length).strftime('%H:%M')} New York time"
    return ""


def login_due(now: datetime, seen: datetime) -> bool:
    """Whether the weekly login (Sunday 01:00 New York) has passed since the session was last seen alive."""
    local = now.astimezone(NEW_YORK)
    sunday = local.date() - timedelta(days=(local.weekday() - _SUNDAY) % 7)
    due = datetime.combine(sunday, _LOGIN, NEW_YORK)
    if due > local:
        due -= timedelta(days=7)
    return seen < due.astimezone(UTC)
