"""Lives of a desk: starts that end badly, signals, the heartbeat."""

import asyncio
import logging
import os
import sqlite3
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot import app_kit, guard, pulse
from bot.app_kit import Kit, open_kit
from bot.clock import HandClock, SystemClock
from bot.guard import Guard
from bot.heart import Heart
from bot.jobs import Jobs
from bot.pulse import Pulse
from bot.settings import DemoSettings, Settings, load
from bot.settings_watch import WatchdogSettings
from core.engine.safety import SafetySettings
from core.model.errors import IllegalEventError, OperatorError
from core.model.kill import Level
from core.model.orders import OrderState
from tests.bot.rig import YES, loopback, office, until
from tests.engine.halts import Pager
from tests.engine.rig import desk
from tests.kit import nouns


def settings(folder: Path) -> Settings:
    return load(f"journal: {{path: {folder / 'journal.db'}}}", {})


def _end(ends: BaseException | None) -> None:
    if ends is not None:
        raise ends


async def life(folder: Path, ends: BaseException | None) -> Kit:
    """One life of a desk, which ends like this."""
    found: list[Kit] = []
    try:
        async with AsyncExitStack() as stack:
            found.append(await open_kit(settings(folder), stack))
            _end(ends)
    except BaseException as error:
        if error is not ends:
            raise
    return found[0]


async def test_f020_after_three_crashes_in_ten_minutes_the_desk_starts_halted(tmp_path: Path) -> None:
    for number in range(3):
        assert (await life(tmp_path, RuntimeError("bad state"))).crashes == number
        assert pulse.pulled(tmp_path) is None
    last = await life(tmp_path, RuntimeError("bad state"))
    assert last.crashes == 3
    order = pulse.pulled(tmp_path)
    assert order is not None
    assert order.level == Level.HALT
    assert "crashed 3 times within 10 minutes" in order.reason
    async with desk(tmp_path) as one:
        last.equip(one.engine)
        await one.engine.start()
        card = await one.begin()
        await one.react(card)
        assert await one.orders() == [] or {order.state for order in await one.orders()} == {OrderState.DENIED}
        watched = Guard(
            [one.engine], tmp_path, SafetySettings(), WatchdogSettings(), Pager(), lambda: True, _nothing, HandClock(nouns.NOW)
        )
        await watched.obey()
        assert (await one.journal.kill()).level == Level.HALT


async def _nothing() -> None:
    return None


@pytest.mark.parametrize("ends", [None, asyncio.CancelledError(), OperatorError("the token is wrong")])
async def test_lives_that_end_in_order_are_no_crashes(tmp_path: Path, ends: BaseException | None) -> None:
    for _ in range(5):
        assert (await life(tmp_path, ends)).crashes == 0
    assert pulse.pulled(tmp_path) is None


def test_crashes_of_long_ago_do_not_count_and_a_damaged_list_is_no_crash(tmp_path: Path) -> None:
    now = nouns.NOW
    for _ in range(4):
        pulse.crashes(tmp_path, now - timedelta(minutes=11), 10)
    assert pulse.crashes(tmp_path, now, 10) == 0
    (tmp_path / pulse.STARTS).write_bytes(b"\xff\xfe nonsense")
    assert pulse.crashes(tmp_path, now, 10) == 0


def test_the_file_kill_is_durable_and_readable(tmp_path: Path) -> None:
    pulse.pull(tmp_path / "new", Level.CANCEL_ALL, "two\nlines")
    assert pulse.pulled(tmp_path / "new") == pulse.Order(Level.CANCEL_ALL, "two lines")


async def test_a_signal_stops_the_desk(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        found = await life(tmp_path, None)
        found.equip(one.engine)
        loop = asyncio.get_running_loop()
        found.listen()
        try:
            os.kill(os.getpid(), next(iter(app_kit.SIGNALS)))

            async def stopped() -> bool | None:
                return one.engine.books.kill.level == Level.HALT or None

            await until(stopped, 10)
            await one.engine.rest()
            assert (await one.journal.kill()).reason.startswith("SIGUSR1")
        finally:
            for name in app_kit.SIGNALS:
                loop.remove_signal_handler(name)


# the heartbeat


async def test_a_turn_beats_and_says_what_is_at_stake(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        jobs = Jobs(one.engine, {}, one.clock.now())
        beats: list[Pulse] = []

        def beat() -> None:
            guard.beat([one.engine], tmp_path)
            found = pulse.read(tmp_path / pulse.HEARTBEAT)
            assert found is not None
            beats.append(found)

        heart = Heart(one.engine, jobs, None, lambda _: (), DemoSettings(), beaten=beat)
        await heart.turn()
    assert beats[0].pid == os.getpid()
    assert (beats[0].positions, beats[0].in_session, beats[0].stopped) == (1, True, False)
    assert abs((SystemClock().now() - beats[0].at).total_seconds()) < 60


async def test_f015_a_memory_error_in_a_turn_is_paged_and_the_next_turn_comes(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        pager = Pager()
        one.engine.pager = pager
        beats: list[int] = []
        heart = Heart(one.engine, Jobs(one.engine, {}, one.clock.now()), None, lambda _: (), DemoSettings())
        heart.beaten = lambda: beats.append(1)
        one.market.fails = MemoryError("no more")
        await heart.turn()
        one.market.fails = None
        await heart.turn()
        assert "MemoryError" in pager.text
        assert beats == [1, 1]
        assert one.engine.measures.counts["ticks"] == (1, 2)


async def test_a_heartbeat_that_cannot_be_written_does_not_stop_the_turn(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.begin()

        def full() -> None:
            raise OSError(28, "No space left on device")

        heart = Heart(one.engine, Jobs(one.engine, {}, one.clock.now()), None, lambda _: (), DemoSettings(), beaten=full)
        await heart.turn()
        assert one.engine.measures.counts["ticks"] == (1, 1)


async def test_the_audit_of_every_account_is_walked_on_a_connection_of_its_own(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.begin()
        await one.journal.audit("owner", "a look", {}, one.clock.now())
        found = await life(tmp_path, None)
        await found._verify()
        with closing(sqlite3.connect(tmp_path / "journal.db")) as hand:
            for (name,) in hand.execute("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='audit'").fetchall():
                hand.execute(f'DROP TRIGGER "{name}"')
            hand.execute("DELETE FROM audit WHERE seq = 1")
            hand.commit()
        with pytest.raises(IllegalEventError, match="audit row 1"):
            await found._verify()


async def test_f017_an_end_that_nobody_asked_for_is_paged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bot.pager"):
        await life(tmp_path, None)
        assert "The desk ends" not in caplog.text
        await life(tmp_path, RuntimeError("a task died"))
    assert "The desk ends: RuntimeError" in caplog.text


async def test_f017_an_event_handler_that_raises_is_paged_and_the_client_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loopback() as sandbox, office(tmp_path, sandbox) as room:
        card = await room.card()
        pager = Pager()
        room.desk.engine.pager = pager
        assert card.message_id is not None

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a defect of ours")

        with monkeypatch.context() as patched:
            patched.setattr(type(room.approvals), "reacted", broken)
            await room.user("stranger").react(card.message_id, YES)

            async def paged() -> bool | None:
                return "on_raw_reaction_add" in pager.text or None

            await until(paged)
        await room.user("owner").react(card.message_id, YES)
        assert await room.becomes(card.proposal.id, "closed", "claimed")
