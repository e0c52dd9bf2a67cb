"""The guard of a running desk: the file KILL, lateness, Discord, the watchdog, the audit; starts that end badly; the heartbeat."""

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot import machine, pulse
from bot.clock import HandClock, SystemClock
from bot.guard import Guard, Lateness
from bot.machine import Machine
from bot.pulse import Pulse
from bot.settings_watch import WatchdogSettings
from core.engine.gauges import Gauges
from core.engine.safety import SafetySettings
from core.model.errors import IllegalEventError, OperatorError
from core.model.kill import Level
from core.model.orders import OrderState
from tests.bot.rig import until
from tests.engine.halts import Pager
from tests.engine.rig import Desk, desk
from tests.kit import nouns

PLENTY = Machine(10**12, 10**8, 0.1)


class Watched:
    """A desk with a guard whose clock is turned by hand."""

    def __init__(self, one: Desk, folder: Path, **watch: object) -> None:
        self.desk, self.folder = one, folder
        self.clock, self.pager, self.online = HandClock(nouns.NOW), Pager(), True
        self.machine, self.broken = PLENTY, ""
        one.engine.gauges, one.engine.pager = Gauges(self.clock), self.pager
        one.engine.pulled = pulse.exists(folder / pulse.KILL)
        settings = WatchdogSettings(**watch)  # type: ignore[arg-type]
        self.guard = Guard(
            [one.engine], folder, SafetySettings(), settings, self.pager, lambda: self.online, self.verify, self.clock,
            lambda _: self.machine,
        )  # fmt: skip

    async def verify(self) -> None:
        if self.broken:
            raise IllegalEventError(self.broken)

    async def look(self, seconds: float = 1.0, lagging: float = 0.0) -> None:
        self.clock.turn_to(self.clock.now() + timedelta(seconds=seconds))
        await self.guard.obey()
        await self.guard.look(lagging)

    @property
    def level(self) -> int:
        return self.desk.engine.books.kill.level


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with desk(tmp_path) as one:
        await one.engine.start()
        yield Watched(one, tmp_path)


@pytest.mark.parametrize(
    ("written", "level", "reason"),
    [
        ("", Level.HALT, "the file KILL was made"),
        ("1 less", Level.REDUCE_ONLY, "less"),
        ("2", Level.HALT, "the file KILL was made"),
        ("3 anna: everything off", Level.CANCEL_ALL, "anna: everything off"),
        ("4 flatten takes two", Level.CANCEL_ALL, "flatten takes two"),
        ("nonsense \x00", Level.HALT, "\x00"),
    ],
)
async def test_the_file_kill_is_obeyed_written_down_and_taken_away(
    watched: Watched, written: str, level: Level, reason: str
) -> None:
    (watched.folder / pulse.KILL).write_text(written)
    assert watched.desk.engine.pulled()
    await watched.look()
    await watched.desk.engine.rest()
    kill = await watched.desk.journal.kill()
    assert watched.level == kill.level == level
    assert kill.by == "file KILL"
    assert reason.strip("\x00") in kill.reason
    assert not watched.desk.engine.pulled()


async def test_touch_kill_stops_a_running_guard_within_half_a_second(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        watched = Watched(one, tmp_path)
        watched.guard.clock = SystemClock()
        running = asyncio.ensure_future(watched.guard.run())
        await asyncio.sleep(0.3)
        (tmp_path / pulse.KILL).touch()
        touched = time.monotonic()

        async def stopped() -> bool | None:
            return watched.level == Level.HALT or None

        await until(stopped, 10)
        assert time.monotonic() - touched < 5
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_f016_a_loop_that_was_blocked_is_noticed_by_the_running_guard(tmp_path: Path) -> None:
    """The block is real; the limit is shorter than the 5 s of the settings, so that the test is."""
    async with desk(tmp_path) as one:
        await one.engine.start()
        watched = Watched(one, tmp_path)
        watched.guard.clock, watched.guard.safety = SystemClock(), SafetySettings(lag_seconds=0.3)
        one.engine.gauges = Gauges(SystemClock(), SafetySettings(lag_seconds=0.3, lag_for_seconds=0.5))
        running = asyncio.ensure_future(watched.guard.run())
        await asyncio.sleep(0.3)
        time.sleep(1.0)  # noqa: ASYNC251 - the block

        async def noticed() -> bool | None:
            return "late by more than" in watched.pager.text or None

        await until(noticed, 10)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def test_lateness_counts_from_its_beginning_and_ends_at_once() -> None:
    late = Lateness(1.0)
    assert late.sample(10.0, 0.2) == 0.0
    assert late.sample(12.0, 1.5) == 1.5
    assert late.sample(15.0, 2.0) == 4.5
    assert late.sample(16.0, 0.9) == 0.0
    assert late.sample(50.0, 30.0) == 30.0


async def test_two_minutes_without_discord_reduce_and_page(watched: Watched) -> None:
    await watched.look()
    watched.online = False
    await watched.look(120)
    assert watched.level == Level.ACTIVE
    await watched.look(2)
    assert watched.level == Level.REDUCE_ONLY
    assert "Discord has been out of reach" in watched.pager.text
    watched.online = True
    await watched.look()
    assert watched.level == Level.REDUCE_ONLY, "a level stays until people resume"


async def test_a_short_absence_of_discord_is_nothing(watched: Watched) -> None:
    for _ in range(5):
        watched.online = False
        await watched.look(100)
        watched.online = True
        await watched.look(1)
    assert watched.level == Level.ACTIVE


async def test_a_watchdog_that_falls_silent_is_paged_once_and_once_when_it_is_back(watched: Watched) -> None:
    await watched.look()
    file = watched.folder / pulse.WATCHDOG
    pulse.beat(file, Pulse(1, watched.clock.now()))
    await watched.look(59)
    assert watched.pager.pages == []
    for _ in range(3):
        await watched.look(5)
    assert [title for title, _ in watched.pager.pages] == ["The watchdog is silent"]
    pulse.beat(file, Pulse(1, watched.clock.now()))
    await watched.look()
    assert [title for title, _ in watched.pager.pages] == ["The watchdog is silent", "The watchdog is back"]


async def test_a_watchdog_that_is_required_and_never_came_is_missed(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        watched = Watched(one, tmp_path, required=True)
        await watched.look()
        assert watched.pager.pages == []
        await watched.look(61)
        assert [title for title, _ in watched.pager.pages] == ["The watchdog is silent"]


async def test_a_broken_audit_chain_halts(watched: Watched) -> None:
    watched.broken = "audit row 7 does not fit its hash; somebody changed the journal"
    await watched.guard.walk()
    await watched.look()
    assert watched.level == Level.HALT
    assert "audit row 7" in watched.desk.engine.books.kill.reason


async def test_f022_a_program_that_can_open_nothing_any_more_halts_and_sends_nothing(tmp_path: Path) -> None:
    """The limit is real: every descriptor that is left is taken."""
    async with desk(tmp_path) as one:
        card = await one.begin()
        watched = Watched(one, tmp_path)
        watched.guard.measure = machine.measure
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        taken: list[int] = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            with suppress(OSError):
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            assert machine.measure(tmp_path).descriptors == 1.0
            await watched.look()
            said = await one.react(card)
        finally:
            for handle in taken:
                os.close(handle)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert watched.level == (await one.journal.kill()).level == Level.HALT
        assert "files that the system allows are open" in watched.pager.text
        assert "kill level 2" in str(said)
        assert await one.broker.positions() == {}
        assert [order for order in await one.orders() if order.state is not OrderState.DENIED] == []


def test_the_machine_is_measured(tmp_path: Path) -> None:
    found = machine.measure(tmp_path)
    assert found.disk > 0
    assert found.memory is not None
    assert found.memory > 10**6
    assert found.descriptors is not None
    assert 0 < found.descriptors < 1
    assert machine.measure(tmp_path / "gone").disk == 0, "a disk that cannot be looked at has no room"


async def test_a_guard_that_cannot_write_is_paged_once_and_goes_on(watched: Watched) -> None:
    async def full(*_: object, **__: object) -> None:
        raise OperatorError("the disk is full")

    watched.desk.journal.put_notes = full  # type: ignore[method-assign]
    watched.machine = replace(PLENTY, disk=10**9)
    watched.guard.clock = SystemClock()
    running = asyncio.ensure_future(watched.guard._steps())

    async def paged() -> bool | None:
        return "The guard of the desk fails" in watched.pager.text or None

    await until(paged, 10)
    assert not running.done()
    running.cancel()
