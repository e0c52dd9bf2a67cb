"""The market as it stood on a past day."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from bot.clock import HandClock
from core.feeds.simulated import SimulatedSettings
from core.market.sessions import Sessions
from core.model.errors import RefusedError

CALENDAR = Sessions.open(date(2023, 1, 3), date(2027, 12, 31))
SETTINGS = SimulatedSettings(symbols=40)


async def test_the_past_is_the_market_as_it_was_then() -> None:
    clock = HandClock(datetime(2026, 1, 7, 21, 30, tzinfo=UTC))
    then = await SETTINGS.open(clock, CALENDAR).view()
    clock.turn_to(datetime(2026, 1, 16, 15, tzinfo=UTC))
    past = await SETTINGS.open(clock, CALENDAR).past(date(2026, 1, 7))
    assert past.completed == date(2026, 1, 7) == then.completed
    for name, column in then.features.columns.items():
        assert np.array_equal(column, past.features.columns[name], equal_nan=True), name


@pytest.mark.parametrize("day", [date(2026, 1, 10), date(2026, 1, 16), date(2030, 1, 7)])
async def test_a_weekend_today_and_the_future_are_no_past(day: date) -> None:
    market = SETTINGS.open(HandClock(datetime(2026, 1, 16, 15, tzinfo=UTC)), CALENDAR)
    with pytest.raises(RefusedError, match=r"no completed session|outside"):
        await market.past(day)
