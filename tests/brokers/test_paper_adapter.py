"""The paper broker in this process: a caller that goes away, and a disk that is full."""

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from core.model.errors import OutcomeUnknownError
from tests.brokers.rig import LONG_AGO, Rig, approved


async def test_a_caller_that_goes_away_leaves_a_whole_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig, real, inside, begun = Rig(tmp_path), os.fsync, list[int](), threading.Event()
    await rig.start()

    def slow(number: int) -> None:
        inside.append(1)
        begun.set()
        time.sleep(0.15)
        assert len(inside) == 1, "two operations wrote at the same time"
        inside.pop()
        real(number)

    monkeypatch.setattr(os, "fsync", slow)
    going = asyncio.create_task(rig.broker.submit(approved("-100.01", name="gone")))
    await asyncio.to_thread(begun.wait, 5)
    going.cancel()
    await rig.broker.submit(approved("-100.01", name="next"))
    with pytest.raises(asyncio.CancelledError):
        await going
    monkeypatch.undo()
    before = await rig.broker.reports(LONG_AGO)
    await rig.restart()
    assert await rig.broker.reports(LONG_AGO) == before
    assert [report.key for report in before] == ["qm1-gone-1", "qm1-next-1"]
    await rig.stop()


async def test_an_order_that_could_not_be_written_down_is_unknown_and_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path)
    await rig.start()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutcomeUnknownError, match="No space left"):
        await rig.broker.submit(approved("-100.01"))
    monkeypatch.undo()
    await rig.restart()
    found = await rig.broker.find("qm1-one-1")
    assert found is not None, "what reached the file is an order, and a look finds it"
    await rig.stop()
