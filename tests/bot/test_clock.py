"""The simulated clock across restarts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.clock import SimulatedClock

BEGIN = datetime(2026, 1, 5, 13, 28, tzinfo=UTC)
FAST = 100_000.0


def test_no_fact_lies_in_the_future_of_a_clock_that_was_killed(tmp_path: Path) -> None:
    clock = SimulatedClock(tmp_path / "clock.json", BEGIN)
    clock.set_speed(FAST)
    last = [clock.now() for _ in range(1000)][-1]
    assert SimulatedClock(tmp_path / "clock.json", BEGIN).now() >= last


def test_a_card_keeps_its_time_when_the_desk_is_killed_while_it_waits(tmp_path: Path) -> None:
    clock = SimulatedClock(tmp_path / "clock.json", BEGIN)
    clock.set_speed(FAST)
    while clock.now() < BEGIN + timedelta(minutes=10):
        pass
    clock.set_speed(1.0)
    clock.settle()
    last = clock.now()
    again = SimulatedClock(tmp_path / "clock.json", BEGIN).now()
    assert timedelta(0) <= again - last < timedelta(seconds=10)
