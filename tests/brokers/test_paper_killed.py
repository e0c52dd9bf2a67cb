"""A ledger process killed by SIGKILL at any instant keeps every fact that it has answered."""

import asyncio
import random
from pathlib import Path

from core.model.errors import OutcomeUnknownError, RefusedError
from core.model.orders import Report
from tests.brokers.rig import LEAD, LONG_AGO, RemoteRig, approved


async def test_f001_killed_at_random_instants_the_ledger_keeps_every_acknowledged_fact(tmp_path: Path) -> None:
    dice = random.Random(7)
    rig = RemoteRig(tmp_path)
    await rig.start()
    acknowledged: dict[str, Report] = {}
    asked: set[str] = set()
    for life in range(5):
        doomed, after = asyncio.Event(), dice.randint(1, 12)
        killer = asyncio.create_task(_kill_after(doomed, rig, dice.uniform(0.0, 0.02)))
        for number in range(10_000):
            name = f"{life}x{number}"
            asked.add(f"qm1-{name}-1")
            rig.clock.turn(0.001)
            rig.market.show(LEAD, "99.99", "100.01")
            try:
                report = await rig.broker.submit(approved("-100.05", 1, name=name))
            except OutcomeUnknownError:
                break
            except RefusedError:
                asked.discard(f"qm1-{name}-1")
                break
            acknowledged[report.broker_order_id] = report
            if number >= after:
                doomed.set()
        await killer
        await rig.start()
        found = {report.broker_order_id: report for report in await rig.broker.reports(LONG_AGO)}
        assert acknowledged.items() <= found.items()
        assert {report.key for report in found.values()} <= asked
        assert len(found) <= len(acknowledged) + life + 1, "more orders than were ever asked for"
        acknowledged = found
    assert len(acknowledged) >= 10, "the ledger was killed before it did anything"
    await rig.stop()


async def _kill_after(doomed: asyncio.Event, rig: RemoteRig, seconds: float) -> None:
    await doomed.wait()
    await asyncio.sleep(seconds)
    rig.kill()
