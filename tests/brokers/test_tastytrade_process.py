"""The loopback broker in its own process, killed like the desk: what was told is on disk, what we knew does not matter."""

import asyncio
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.clock import SystemClock
from brokers.tastytrade import TastytradeBroker, TastytradeSettings
from core.model.errors import OutcomeUnknownError
from core.model.orders import OrderEvent
from core.ports.broker import Opening
from tests.brokers.bench import LONG_AGO, HandClock, approved
from tests.brokers.bench_tastytrade import SANDBOX
from tests.kit.tastytrade.client import Distant, raised
from tests.kit.tastytrade.rest import ACCOUNT
from tests.kit.tastytrade.server import Loopback

KEY = "qm1-one-1"


async def opened(distant: Distant) -> TastytradeBroker:
    settings = TastytradeSettings(account=ACCOUNT, seconds=5.0, loopback=distant.url)
    return await settings.open(Opening("tasty", live=False, clock=SystemClock(), secrets=SANDBOX))


async def test_a_broker_that_is_killed_keeps_every_order_that_it_told_of(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    async with raised(ledger, "--fill", "limit") as distant:
        broker = await opened(distant)
        await broker.submit(approved("-100.05"))
        before = await broker.reports(LONG_AGO)
        await broker.close()
    async with raised(ledger, "--fill", "limit") as distant:
        broker = await opened(distant)
        assert await broker.reports(LONG_AGO) == before
        assert await broker.positions() == {"LEAD": 10}
        await broker.close()


async def test_a_torn_last_line_of_the_ledger_was_never_told_and_is_cut(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    first = Loopback(ledger, now=HandClock().now)
    await first.act("move", rows=[{"kind": "Money Movement", "sub": "Deposit", "value": "5.00"}])
    await first.close()
    with ledger.open("ab") as file:
        file.write(b'{"do":"move","at":"2024-06-1')
    again = Loopback(ledger, now=HandClock().now)
    assert len(await again.act("ledger")) == 1
    await again.act("move", rows=[{"kind": "Money Movement", "sub": "Deposit", "value": "5.00"}])
    assert again.desk.books.cash == 100_010
    await again.close()


async def test_a_seeded_plan_of_faults_is_the_same_each_time(tmp_path: Path) -> None:
    async def hits(name: str) -> list[str]:
        loopback = Loopback(tmp_path / f"{name}.jsonl", now=HandClock().now)
        loopback.desk.market.fill = "limit"
        await loopback.start()
        settings = TastytradeSettings(account=ACCOUNT, seconds=0.5, loopback=loopback.url)
        broker = await settings.open(Opening("tasty", live=False, clock=HandClock(), secrets=SANDBOX))
        rules = [
            {"on": "submit", "kind": "lose", "after": True, "chance": 0.3, "times": 100},
            {"on": "submit", "kind": "lose", "after": False, "chance": 0.3, "times": 100},
        ]
        await loopback.act("plan", rules=rules, seed=7)
        unknown = 0
        for number in range(1, 21):
            try:
                await broker.submit(approved("-10.00", 1, number=number))
            except OutcomeUnknownError:
                unknown += 1
        assert unknown == len(loopback.desk.faults.hits) > 0
        await broker.close()
        found = list(loopback.desk.faults.hits)
        await loopback.close()
        return found

    assert await hits("one") == await hits("two")


async def test_the_process_has_its_own_time_and_its_faults_from_the_command_line(tmp_path: Path) -> None:
    faults = '{"rules": [{"on": "submit", "kind": "lose", "after": true}], "seed": 1}'
    arguments = ("--fill", "limit", "--now", "2026-11-27T15:00:00+00:00", "--speed", "60", "--faults", faults)
    async with raised(tmp_path / "ledger.jsonl", *arguments) as distant:
        broker = await opened(distant)
        with pytest.raises(OutcomeUnknownError):
            await broker.submit(approved("-100.05"))
        report = await broker.find(KEY)
        assert report is not None
        assert report.event is OrderEvent.FULL_FILL
        assert report.at >= datetime(2026, 11, 27, 15, tzinfo=UTC)
        assert [row["key"] for row in await distant.act("ledger") if row["do"] == "place"] == [KEY]
        with pytest.raises(ValueError, match="KeyError"):
            await distant.act("nonsense")
        await broker.close()


async def test_an_adapter_that_is_killed_while_it_sends_leaves_at_most_one_order_that_the_next_one_finds(tmp_path: Path) -> None:
    """The child sends and is killed at a random instant of it; nothing of what it knew is needed afterwards."""
    async with raised(tmp_path / "ledger.jsonl", "--fill", "limit") as distant:
        for number, delay in enumerate((0.0, 0.01, 0.02, 0.04, 0.08, 1.5), start=1):
            child = os.fork()
            if child == 0:
                _send_and_die(distant, number)
            await asyncio.sleep(0.1 + delay)
            os.kill(child, signal.SIGKILL)
            await asyncio.to_thread(os.waitpid, child, 0)
        broker = await opened(distant)
        taken = [row["key"] for row in await distant.act("ledger") if row["do"] == "place"]
        assert len(taken) == len(set(taken))
        assert "qm1-one-6" in taken, "no child lived long enough to send"
        for number in range(1, 7):
            report = await broker.find(f"qm1-one-{number}")
            assert (report is not None) is (f"qm1-one-{number}" in taken)
        await broker.close()


def _send_and_die(distant: Distant, number: int) -> None:
    async def send() -> None:
        broker = await opened(distant)
        await broker.submit(approved("-100.05", number=number))
        await asyncio.sleep(60)

    asyncio._set_running_loop(None)  # the parent's loop does not run in this child
    try:
        asyncio.new_event_loop().run_until_complete(send())
    finally:
        os._exit(1)
