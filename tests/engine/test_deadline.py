"""Deadlines on both clocks (C.3): the last instant, clocks that are set or stand still, and machines that slept."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.model.proposals import ProposalState
from tests.engine.rig import Desk, desk

LIFE = 600


def jump(one: Desk, seconds: float) -> None:
    """The wall clock is set; the monotonic one does not notice."""
    one.clock.instant += timedelta(seconds=seconds)


async def test_the_last_second_counts_and_the_end_itself_does_not(tmp_path: Path) -> None:
    async with desk(tmp_path, card_seconds=LIFE) as one:
        card = await one.begin()
        one.later(seconds=LIFE - 1)
        assert "Approved" in str(await one.react(card))
    (other := tmp_path / "other").mkdir()
    async with desk(other, card_seconds=LIFE) as one:
        card = await one.begin()
        one.later(seconds=LIFE)
        assert "expired" in str(await one.react(card))
        assert await one.orders() == []


@pytest.mark.parametrize("seconds", [3, -3, 60, -60, 400])
async def test_f077_a_wall_clock_that_jumped_while_a_card_waited_makes_it_stale_and_asks_anew(
    tmp_path: Path, seconds: float
) -> None:
    async with desk(tmp_path, card_seconds=LIFE) as one:
        card = await one.begin()
        one.later(seconds=100)
        jump(one, seconds)
        answer = str(await one.react(card))
        assert f"jumped by {seconds:+d} s" in answer
        assert await one.state(card) is ProposalState.STALE
        assert await one.orders() == []
        again = card.replace(".1", ".2")
        await one.post(again, 78)
        assert "Approved" in str(await one.react(again))


@pytest.mark.parametrize("seconds", [1.5, -1.5])
async def test_a_clock_that_is_set_by_a_moment_changes_nothing(tmp_path: Path, seconds: float) -> None:
    async with desk(tmp_path, card_seconds=LIFE) as one:
        card = await one.begin()
        jump(one, seconds)
        assert "Approved" in str(await one.react(card))


async def test_f077_a_wall_clock_that_was_set_back_keeps_no_card_alive(tmp_path: Path) -> None:
    async with desk(tmp_path, card_seconds=LIFE) as one:
        card = await one.begin()
        jump(one, -3600)
        one.later(seconds=LIFE - 10)
        await one.engine.tick()
        assert await one.state(card) is ProposalState.OPEN
        one.later(seconds=20)
        await one.engine.tick()
        assert await one.state(card) is ProposalState.EXPIRED


async def test_f079_after_three_hours_of_sleep_every_card_is_over(tmp_path: Path) -> None:
    async with desk(tmp_path, card_seconds=LIFE) as one:
        card = await one.begin()
        jump(one, 3 * 3600)
        await one.engine.tick()
        assert await one.state(card) is ProposalState.EXPIRED
        assert one.engine.books.seen == {}


async def test_a_restart_begins_to_measure_anew(tmp_path: Path) -> None:
    async with desk(tmp_path, card_seconds=LIFE) as one:
        card = await one.begin()
        now = one.clock.now()
    async with desk(tmp_path, card_seconds=LIFE) as one:
        one.clock.turn_to(now + timedelta(seconds=60))
        await one.engine.start()
        await one.engine.tick()
        assert "Approved" in str(await one.react(card))
