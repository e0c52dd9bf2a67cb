"""Breakers: each at its limit and just inside it, what it does, and what clears it."""

import pytest

from core.engine.breakers import BREAKERS, Effect, Measured, tripped
from core.engine.safety import SafetySettings

LIMITS = SafetySettings()
MEBIBYTE = 2**20

#: Breaker -> (measured at its limit, measured just inside it, what it does).
CASES = {
    "rejects": (Measured(rejects=3), Measured(rejects=2), Effect.REDUCE_ONLY),
    "unknown": (Measured(unknown=("a", "b")), Measured(unknown=("a",)), Effect.REDUCE_ONLY),
    "broker": (Measured(broker_failed=0.31), Measured(broker_failed=0.3), Effect.ENTRIES_OFF),
    "feed": (Measured(feed_age=15.1), Measured(feed_age=15.0), Effect.ENTRIES_OFF),
    "lag": (Measured(lagging=5.0), Measured(lagging=4.9), Effect.ENTRIES_OFF),
    "disk_low": (Measured(disk=2048 * MEBIBYTE - 1), Measured(disk=2048 * MEBIBYTE), Effect.ENTRIES_OFF),
    "disk_out": (Measured(disk=512 * MEBIBYTE - 1), Measured(disk=512 * MEBIBYTE), Effect.HALT),
    "memory": (Measured(memory=4096 * MEBIBYTE + 1), Measured(memory=4096 * MEBIBYTE), Effect.ENTRIES_OFF),
    "descriptors": (Measured(descriptors=0.9), Measured(descriptors=0.89), Effect.HALT),
    "audit": (Measured(audit="audit row 3 does not fit its hash"), Measured(), Effect.HALT),
    "duplicate": (Measured(duplicate="number 7 stands for a and for b"), Measured(), Effect.HALT),
    "day_reduce": (Measured(day_change=-0.03), Measured(day_change=-0.0299), Effect.REDUCE_ONLY),
    "day_halt": (Measured(day_change=-0.05), Measured(day_change=-0.0499), Effect.HALT),
    "week_halt": (Measured(week_change=-0.08), Measured(week_change=-0.0799), Effect.HALT),
    "crashes": (Measured(crashes=3), Measured(crashes=2), Effect.HALT),
    "discord": (Measured(discord_gone=120.1), Measured(discord_gone=120.0), Effect.REDUCE_ONLY),
}


def test_every_breaker_is_tried() -> None:
    assert set(CASES) == {breaker.__name__ for breaker in BREAKERS}


@pytest.mark.parametrize("name", list(CASES))
def test_a_breaker_trips_at_its_limit_and_not_inside_it(name: str) -> None:
    beyond, inside, effect = CASES[name]
    (trip,) = [trip for trip in tripped(beyond, LIMITS) if trip.breaker == name]
    assert trip.effect is effect
    assert trip.sentence
    assert trip.clears
    assert "/resume" in trip.clears or effect is Effect.ENTRIES_OFF
    assert not [trip for trip in tripped(inside, LIMITS) if trip.breaker == name]


def test_what_was_not_measured_trips_nothing() -> None:
    assert tripped(Measured(), LIMITS) == ()


@pytest.mark.parametrize("name", ["rejects", "feed", "lag", "disk_low", "day_halt", "crashes", "discord"])
def test_the_sentence_names_measure_and_limit(name: str) -> None:
    (trip,) = [trip for trip in tripped(CASES[name][0], LIMITS) if trip.breaker == name]
    assert "limit" in trip.sentence
    assert any(letter.isdigit() for letter in trip.sentence)


@pytest.mark.parametrize("name", list(CASES))
def test_every_limit_is_a_setting(name: str) -> None:
    """With limits that are far away nothing trips; facts that have no limit (audit, duplicates) always do."""
    far = SafetySettings(
        rejects=9, unknown=9, broker_failures=0.99, feed_seconds=99, lag_for_seconds=99, disk_low=1, disk_out=1,
        memory=9999, descriptors=1.0,
        day_reduce=0.9, day_halt=0.9, week_halt=0.9, crashes=9, discord_seconds=999,
    )  # fmt: skip
    assert bool(tripped(CASES[name][0], far)) is (name in ("audit", "duplicate"))
