"""The watchdog: what it takes for dead, stuck and well, whom it tells, what it cancels, and who watches it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from bot import app_watchdog, pulse
from bot.clock import HandClock, SystemClock
from bot.pulse import Pulse
from bot.settings import Settings, load
from bot.settings_watch import WatchdogSettings
from bot.watchdog import Health, Watchdog, judge
from brokers.paper import FillModel
from core.journal.journal import open_journal
from core.model.kill import Level
from tests.bot.rig import until
from tests.bot.test_pager import Hook, hook
from tests.engine.halts import Pager
from tests.engine.rig import desk
from tests.kit import nouns

BEAT = Pulse(4711, nouns.NOW, in_session=True, positions=2, entries=1)
NOON = nouns.NOW + timedelta(hours=1)
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("beat", "lives", "in_session", "age", "health"),
    [
        (BEAT, True, True, 5, Health.WELL),
        (BEAT, True, True, 30, Health.WELL),
        (BEAT, True, True, 31, Health.STUCK),
        (BEAT, True, False, 3_600, Health.WELL),
        (BEAT, False, True, 15, Health.WELL),
        (BEAT, False, True, 16, Health.DEAD),
        (BEAT, False, False, 16, Health.DEAD),
        (replace(BEAT, stopped=True), False, False, 5, Health.STOPPED),
        (replace(BEAT, stopped=True), False, True, 5, Health.DEAD),
        (replace(BEAT, stopped=True, positions=0, entries=0), False, True, 5, Health.STOPPED),
        (None, False, True, 5, Health.ABSENT),
        (None, False, False, 5, Health.WELL),
    ],
)
def test_the_watchdog_tells_dead_stuck_and_stopped_apart(
    beat: Pulse | None, lives: bool, in_session: bool, age: int, health: Health
) -> None:
    now = nouns.NOW + timedelta(seconds=age)
    assert judge(beat, lives=lives, in_session=in_session, now=now, stuck_seconds=30).health is health


class Kennel:
    """A watchdog on a clock turned by hand, over real files."""

    def __init__(self, folder: Path, **settings: float) -> None:
        self.folder, self.clock, self.pager = folder, HandClock(nouns.NOW), Pager()
        self.lives, self.open, self.cancelled = True, True, 0
        chosen = WatchdogSettings(**settings)  # type: ignore[arg-type]
        self.dog = Watchdog(folder, chosen, self.pager, self.clock, lambda *_: self.open, self.cancel, lambda _: self.lives)

    async def cancel(self) -> str:
        self.cancelled += 1
        return "cancelled qm1-a-1"

    def beat(self, **changes: object) -> None:
        pulse.beat(self.folder / pulse.HEARTBEAT, replace(BEAT, at=self.clock.now(), **changes))  # type: ignore[arg-type]

    async def look(self, seconds: float = 5.0) -> Health:
        self.clock.turn_to(self.clock.now() + timedelta(seconds=seconds))
        return (await self.dog.look()).health


async def test_a_dead_desk_is_paged_once_and_once_again_when_it_is_back(tmp_path: Path) -> None:
    kennel = Kennel(tmp_path)
    kennel.beat()
    assert await kennel.look() is Health.WELL
    kennel.lives = False
    seen = [await kennel.look() for _ in range(5)]
    assert seen == [Health.WELL] * 2 + [Health.DEAD] * 3
    assert [title for title, _ in kennel.pager.pages] == ["The desk is dead"]
    assert "2 open positions, 1 open entry orders" in kennel.pager.text
    kennel.lives = True
    kennel.beat()
    await kennel.look()
    assert [title for title, _ in kennel.pager.pages] == ["The desk is dead", "The desk is back"]


async def test_a_stuck_desk_is_noticed_within_half_a_minute_and_a_little(tmp_path: Path) -> None:
    kennel = Kennel(tmp_path)
    kennel.beat()
    seen = [await kennel.look() for _ in range(8)]
    assert seen == [Health.WELL] * 6 + [Health.STUCK] * 2
    assert kennel.pager.pages[0][0] == "The desk is stuck"


async def test_after_ten_minutes_open_entry_orders_are_cancelled_once(tmp_path: Path) -> None:
    kennel = Kennel(tmp_path)
    kennel.beat()
    kennel.lives = False
    await kennel.look(16)
    await kennel.look(595)
    assert kennel.cancelled == 0
    for _ in range(3):
        await kennel.look(5)
    assert kennel.cancelled == 1
    assert "cancelled qm1-a-1" in kennel.pager.text


async def test_nothing_is_cancelled_where_that_is_switched_off(tmp_path: Path) -> None:
    kennel = Kennel(tmp_path, cancel_minutes=0)
    kennel.beat()
    kennel.lives = False
    await kennel.look(16)
    await kennel.look(3_600)
    assert kennel.cancelled == 0


async def test_a_desk_that_never_came_is_missed_only_after_a_while_in_session(tmp_path: Path) -> None:
    kennel = Kennel(tmp_path)
    await kennel.look()
    assert kennel.pager.pages == []
    await kennel.look(31)
    assert kennel.pager.pages[0][0] == "The desk is not there"


async def test_a_damaged_heartbeat_is_no_heartbeat(tmp_path: Path) -> None:
    (tmp_path / pulse.HEARTBEAT).write_text('{"pid": 1, "at": "yesterd')
    assert pulse.read(tmp_path / pulse.HEARTBEAT) is None
    (tmp_path / pulse.HEARTBEAT).write_text("[]")
    assert pulse.read(tmp_path / pulse.HEARTBEAT) is None


async def test_the_watchdog_beats_itself_and_takes_its_heartbeat_away_when_it_ends(tmp_path: Path) -> None:
    dog = Watchdog(tmp_path, WatchdogSettings(every_seconds=0.01), Pager(), SystemClock(), lambda *_: False)
    running = asyncio.ensure_future(dog.run())
    await until(lambda: _beaten(tmp_path))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not (tmp_path / pulse.WATCHDOG).exists()


async def _beaten(folder: Path) -> Pulse | None:
    return pulse.read(folder / pulse.WATCHDOG)


async def _paged(one: Hook) -> bool | None:
    return bool(one.taken) or None


# over the broker


def settings(folder: Path, text: str = "") -> Settings:
    return load(f"journal: {{path: {folder / 'journal.db'}}}\n{text}", {})


async def test_open_entry_orders_are_cancelled_at_the_broker_and_exits_stay(tmp_path: Path) -> None:
    async with desk(tmp_path, walk_seconds=3_600.0, names=("LEAD",)) as one:
        await one.buy()
        one.market.size, one.market.prices["LEAD"] = 0, 93.0
        await one.tick()
        (exit_order,) = await one.broker.open_orders()
    assert exit_order.key in await _open(tmp_path)
    said = await app_watchdog.cancel_entries(settings(tmp_path), HandClock(NOON))
    assert said == "paper: no entry order is open at the broker"
    assert exit_order.key in await _open(tmp_path)


async def test_an_entry_that_waits_at_a_dead_desk_is_cancelled_and_the_desk_comes_back_reduced(tmp_path: Path) -> None:
    async with desk(tmp_path, walk=(0.0,), walk_seconds=3_600.0, fills=FillModel(mid_fill=0.0)) as one:
        await one.react(await one.begin())
        (entry,) = await one.broker.open_orders()
    said = await app_watchdog.cancel_entries(settings(tmp_path), HandClock(NOON))
    assert said == f"paper: cancelled {entry.key}"
    assert await _open(tmp_path) == []
    order = pulse.pulled(tmp_path)
    assert order is not None
    assert order.level == Level.REDUCE_ONLY


async def _open(folder: Path) -> list[str | None]:
    broker = await app_watchdog._open_broker(settings(folder), folder, HandClock(NOON))
    try:
        return [report.key for report in await broker.open_orders()]
    finally:
        await broker.close()  # type: ignore[attr-defined]  # every adapter has it


async def test_a_ledger_that_a_stuck_desk_still_holds_is_said_so(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        said = await app_watchdog.cancel_entries(settings(tmp_path), HandClock(NOON))
    assert "could not be cancelled" in said
    assert "by hand" in said


# as a process


async def test_the_watchdog_process_pages_a_dead_desk_over_its_own_path(tmp_path: Path) -> None:
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await dead.wait()
    pulse.beat(
        tmp_path / pulse.HEARTBEAT, Pulse(dead.pid, SystemClock().now() - timedelta(minutes=1), in_session=True, positions=1)
    )
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"journal": {"path": str(tmp_path / "j.db")}, "watchdog": {"every_seconds": 0.1}}))
    async with hook() as one:
        environment: Mapping[str, str] = {**os.environ, "QUANTMATRIX_PAGER_WEBHOOK": one.address, "PYTHONPATH": str(ROOT)}
        command = (sys.executable, "-m", "bot", "watchdog", "--config", str(config))
        process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
        try:
            await until(lambda: _paged(one), 60)
            assert one.taken[0]["title"] == "The desk is dead"
            assert pulse.read(tmp_path / pulse.WATCHDOG) is not None
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert one.address not in errors.decode()
    assert not (tmp_path / pulse.WATCHDOG).exists()


async def test_the_shell_halts_a_desk_that_is_dead(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"journal": {"path": str(tmp_path / "journal.db")}}))
    command = (sys.executable, "-m", "bot", "halt", "--config", str(config), "--level", "cancel", "--reason", "fire alarm")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert "does not run" in said.decode()
    journal = await open_journal(tmp_path / "journal.db")
    kill = await journal.kill()
    await journal.close()
    assert kill.level == Level.CANCEL_ALL
    assert "fire alarm" in kill.reason
    assert not (tmp_path / pulse.KILL).exists()


def test_the_heartbeat_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / pulse.HEARTBEAT
    pulse.beat(file, BEAT)
    assert pulse.read(file) == BEAT
    assert json.loads(file.read_text())["pid"] == 4711
    assert [entry.name for entry in tmp_path.iterdir()] == [pulse.HEARTBEAT]
