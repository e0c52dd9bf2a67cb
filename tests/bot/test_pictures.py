"""Pictures are drawn beside the event loop, so that drawing holds nothing up."""

import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.model.notes import Chart, EquityChart, Note, Tone, Topic
from tests.bot.rig import Office, draw, loopback, office, until


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Office]:
    async with loopback() as sandbox, office(tmp_path, sandbox) as opened:
        yield opened


async def test_a_picture_is_drawn_beside_the_loop_and_not_on_it(room: Office) -> None:
    threads: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def slow(chart: Chart) -> bytes:
        threads.append(threading.get_ident())
        begun.set()
        assert go.wait(10)
        return draw(chart)

    room.notifier.outlet = replace(room.notifier.outlet, draw=slow)
    chart = EquityChart("equity", ("2024-06-12",), (1.0,), "test")
    note = Note("drawn", Topic.TRADES, "drawn", "", room.desk.clock.now(), Tone.INFO, footer="paper", chart=chart)
    await room.desk.journal.put_notes([note])
    room.notifier.wake()

    async def drawing() -> bool | None:
        return begun.is_set() or None

    await until(drawing)
    started = time.perf_counter()
    seen = await room.user("owner").slash("status show")
    answered = time.perf_counter() - started
    go.set()

    async def told() -> tuple[int, int] | None:
        return await room.desk.journal.note_message("drawn")

    await until(told)
    assert seen.embeds, "a command is answered while the picture is being drawn"
    assert answered < 5
    assert threads
    assert threading.main_thread().ident not in threads
