"""The clock in trouble: it jumps, the machine slept, the time zones are missing."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from core.model.proposals import ProposalState
from tests.engine.rig import desk

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=1)])
async def test_f077_a_clock_that_jumps_ahead_ends_cards_and_sends_nothing(tmp_path: Path, jump: timedelta) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        one.clock.instant += jump
        await one.react(card)
        assert await one.state(card) in (ProposalState.EXPIRED, ProposalState.GATE_DENIED, ProposalState.STALE)
        assert await one.orders() == []


@pytest.mark.parametrize("jump", [timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)])
async def test_f077_a_clock_that_jumps_back_books_everything_once(tmp_path: Path, jump: timedelta) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.clock.instant -= jump
        await one.tick(seconds=1)
        one.clock.instant += jump
        await one.tick(seconds=1)
        assert len(await one.orders()) == 1
        assert await one.journal.verify_audit() > 0
        await one.agrees()
        assert one.engine.books.kill.level == 0


async def test_f077_a_clock_that_jumps_back_makes_no_card_live_longer(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        one.later(minutes=20)
        one.clock.instant -= timedelta(minutes=10)
        await one.react(card)
        assert await one.orders() == []


async def test_f079_after_three_hours_of_sleep_no_card_of_before_can_be_approved(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        await one.tick(hours=3)
        assert await one.state(card) is ProposalState.EXPIRED
        await one.react(card)
        assert await one.orders() == []


def test_f087_without_time_zones_nothing_starts() -> None:
    words = (
        "import sys, zoneinfo; zoneinfo.reset_tzpath(to=[]); sys.modules['tzdata'] = None;"
        "sys.argv = ['bot', 'doctor', '--config', 'nowhere.yaml']; import runpy; runpy.run_module('bot', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "New_York" in done.stderr


def test_f132_the_hosts_time_zone_and_language_change_nothing() -> None:
    words = (
        "from datetime import date; from core.market.sessions import Sessions; from tests.kit import nouns; from bot import tables;"
        "s = Sessions.open(date(2024, 1, 2), date(2024, 12, 31)); p = nouns.proposal();"
        "from core.engine.tell import card_note; n = card_note(p, 'test', charts=False);"
        "print(p.digest, s.on(date(2024, 7, 3)), s.next(nouns.NOW), n)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", words],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "TZ": zone, "LC_ALL": language},
        ).stdout
        for zone, language in (("UTC", "C.UTF-8"), ("Pacific/Kiritimati", "tr_TR.UTF-8"), ("America/St_Johns", "de_DE.UTF-8"))
    }  # fmt: skip
    assert len(said) == 1
