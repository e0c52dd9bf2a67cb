"""Sudden death and other processes: the database is legal afterwards, and only one process writes at a time."""

import asyncio
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from core.model.errors import IllegalEventError, NotClaimedError, OperatorError
from core.model.orders import OrderState
from core.model.proposals import ProposalState
from tests.journal.build import NOW, approval, envelope, order, proposal
from tests.journal.conftest import Ground

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import asyncio, os, signal, sys
from core.journal.journal import open_journal
from tests.journal.build import NOW, walk

def at(point):
    if point == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    journal = await open_journal(sys.argv[1], at=at)
    await journal.take_lease("child", NOW)
    print("leased", flush=True)
    if sys.argv[2] == "wait":
        sys.stdin.read()
    await walk(journal)

asyncio.run(main())
"""


def child(where: str, point: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, where, point], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("point", ["W5", "W7+", "W10"])
async def test_a_killed_process_leaves_a_legal_database_and_no_lock(ground: Ground, point: str) -> None:
    if not ground.durable:
        return
    with child(ground.where, point) as running:
        running.communicate()
    assert running.returncode == -signal.SIGKILL
    if ground.kind == "sqlite":
        assert await ground.sql("PRAGMA integrity_check") == [("ok",)]
        assert await ground.sql("PRAGMA foreign_key_check") == []
    journal = await ground.open()
    await journal.verify_audit()
    stored = await journal.proposal("p1")
    assert stored is not None
    orders = await journal.orders_of("e-p1")
    wanted = {
        "W5": (ProposalState.OPEN, []),
        "W7+": (ProposalState.CLAIMED, [OrderState.SENDING]),
        "W10": (ProposalState.CLAIMED, [OrderState.FILLED]),
    }
    assert (stored.state, [one.state for one in orders]) == wanted[point]
    assert await journal.fills("paper") == []
    if point == "W7+":
        with pytest.raises(IllegalEventError):
            await journal.mark_sending(orders[0].key, "again", NOW)
        with pytest.raises(NotClaimedError):
            await journal.claim(approval(proposal()), envelope(proposal()), order(envelope(proposal())), NOW)


async def test_f019_a_second_process_is_kept_out(ground: Ground) -> None:
    if not ground.durable:
        return
    with child(ground.where, "wait") as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "leased\n"
        journal = await ground.open(owner=None)
        with pytest.raises(OperatorError, match="another quantmatrix already uses"):
            await journal.take_lease("second", NOW)
        running.kill()
    for _ in range(100):
        with suppress(OperatorError):
            await journal.take_lease("second", NOW)
            break
        await asyncio.sleep(0.05)
    assert len(await ground.sql("SELECT 1 FROM lease WHERE owner = 'second' AND fence = 2")) == 1
