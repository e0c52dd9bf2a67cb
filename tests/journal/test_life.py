"""Cancellation, races, crowds, failing disks: no open transaction, no half fact, one sentence."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from core.journal import switches
from core.journal.door import AsyncDoor, InlineDoor
from core.journal.journal import SqlJournal, open_journal
from core.model.errors import OperatorError
from core.model.proposals import ProposalState
from tests.journal.build import note, proposal, vote, walk
from tests.journal.conftest import Ground

ROOT = Path(__file__).resolve().parents[2]


async def test_every_write_point_is_passed_before_and_after_its_commit(ground: Ground) -> None:
    passed: list[str] = []
    journal = await ground.open(at=passed.append)
    await walk(journal)
    points = ["W1", "W3", "W4", "W5", "W7", "W9", "W10", "W11", "W12"]
    assert passed == [point + sign for point in points for sign in ("", "+")]


@pytest.mark.parametrize("point", ["W1", "W3", "W4", "W5", "W7", "W9", "W10", "W11", "W12"])
@pytest.mark.parametrize("sign", ["", "+"])
async def test_an_error_at_a_write_point_leaves_the_whole_fact_or_nothing(ground: Ground, point: str, sign: str) -> None:
    def fail(at: str) -> None:
        if at == point + sign:
            raise RuntimeError(at)

    journal = await ground.open(at=fail)
    with pytest.raises(RuntimeError):
        await walk(journal)
    tables = {"W1": "proposal", "W4": "vote", "W5": "envelope", "W7": "send", "W9": "order_event", "W10": "fill"}
    if point in tables:
        [(rows,)] = await ground.sql(f'SELECT count(*) FROM "{tables[point]}"')
        assert rows == (1 if sign else 0)
    await journal.set_setting("still", "works")
    assert await journal.setting("still") == "works"


@pytest.mark.parametrize("cancelled", ["caller", "everything"])
async def test_f018_cancelling_at_any_await_leaves_no_open_transaction(ground: Ground, cancelled: str) -> None:
    journal = await ground.open()
    door = journal._door
    for turns in range(40):
        task = asyncio.create_task(journal.record_proposal(proposal(f"p{turns}"), ProposalState.DRAFT, [note(f"n{turns}")]))
        for _ in range(turns):
            await asyncio.sleep(0.0002 if turns % 2 else 0)
        if cancelled == "everything" and isinstance(door, AsyncDoor):
            for running in set(door._running):
                running.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await asyncio.wait_for(journal.set_setting("alive", "yes"), 10)
    drafts = {stored.proposal.id[1:] for stored in await journal.proposals([ProposalState.DRAFT])}
    assert drafts == {one.id[1:] for one in await journal.notes()}
    if cancelled == "caller" and isinstance(door, AsyncDoor):
        assert len(drafts) >= 39
    await ground.sql("UPDATE setting SET value = 'free'")
    assert await journal.setting("alive") == "free"


async def test_closing_waits_for_what_is_under_way(ground: Ground) -> None:
    journal = await ground.open()
    task = asyncio.create_task(journal.set_setting("last", "word"))
    await asyncio.sleep(0)
    task.cancel()
    await journal.close()
    assert await ground.sql("SELECT value FROM setting WHERE name = 'last'") in ([("word",)], [])
    again = await ground.open()
    assert await again.setting("last") in {"word", None}


async def test_reads_go_on_while_a_write_waits(ground: Ground) -> None:
    journal = await ground.open()
    if isinstance(journal._door, InlineDoor):
        return

    def slow(connection: Connection) -> None:
        switches.set_setting(connection, "slow", "done")

    door = journal._door
    assert isinstance(door, AsyncDoor)
    async with door._writing:
        waiting = asyncio.create_task(door.write("", slow))
        assert await asyncio.wait_for(journal.setting("slow"), 5) is None
    await waiting
    assert await journal.setting("slow") == "done"


async def test_a_crowd_of_strangers_does_not_hold_up_an_approver(ground: Ground) -> None:
    journal = await ground.open()
    if isinstance(journal._door, InlineDoor):
        return
    await journal.record_proposal(proposal(), ProposalState.DRAFT)
    crowd = [asyncio.create_task(journal.record_vote(vote(voter=f"stranger {n}", allowed=False))) for n in range(300)]
    await asyncio.sleep(0)
    assert await journal.record_vote(vote())
    assert sum(task.done() for task in crowd) <= 2
    assert all(await asyncio.gather(*crowd))
    assert len(await journal.votes("p1")) == 301


async def test_f032_postgresql_runs_a_transaction_again_that_lost_a_race(ground: Ground) -> None:
    if ground.kind != "postgresql":
        return
    journal = await ground.open()
    await journal.set_setting("n", "0")
    tries: list[int] = []

    def race(losses: int) -> object:
        def work(connection: Connection) -> None:
            value = switches.get_setting(connection, "n")
            tries.append(1)
            if len(tries) <= losses:
                other = threading.Thread(target=lambda: asyncio.run(ground.sql("UPDATE setting SET value = value || '1'")))
                other.start()
                other.join()
            switches.set_setting(connection, "n", f"{value}!")

        return work

    await journal._door.write("", race(2))  # type: ignore[arg-type]  # tests look behind the door
    assert len(tries) == 3
    assert await journal.setting("n") == "011!"
    tries.clear()
    with pytest.raises(OperatorError, match="serialize"):
        await journal._door.write("", race(9))  # type: ignore[arg-type]  # tests look behind the door
    assert len(tries) == 4


async def test_f032_postgresql_going_away_is_one_sentence_and_coming_back_costs_nothing(ground: Ground) -> None:
    if ground.kind != "postgresql":
        return
    journal = await ground.open(owner=None)
    await journal.set_setting("a", "1")
    kick = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    await ground.sql(kick)
    await journal.set_setting("a", "2")
    assert await journal.setting("a") == "2"

    def cut(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        other = threading.Thread(target=lambda: asyncio.run(ground.sql(kick)))
        other.start()
        other.join()
        connection.execute(text("SELECT 1"))

    with pytest.raises(OperatorError, match="check that it runs"):
        await journal._door.write("", cut)
    assert await journal.setting("a") == "2"


async def pragma(journal: SqlJournal, words: str) -> None:
    await journal._door.write("", lambda connection: connection.exec_driver_sql(f"PRAGMA {words}").close())


async def test_f026_a_full_disk_is_one_sentence_and_nothing_is_lost(ground: Ground) -> None:
    if ground.kind == "postgresql":
        return
    journal = await ground.open()
    await journal.put_notes([note("kept")])
    await pragma(journal, "max_page_count = 1")

    async def fill_up() -> None:
        for number in range(200):
            await journal.put_notes([note(f"{number}-{part}") for part in range(20)])

    with pytest.raises(OperatorError, match=r"journal\.db is full; free some space"):
        await fill_up()
    stored = len(await journal.notes())
    assert stored % 20 == 1
    await pragma(journal, "max_page_count = 1000000")
    await journal.put_notes([note("after")])
    assert len(await journal.notes()) == stored + 1


async def test_f027_after_the_disk_failed_once_nothing_is_tried_again(ground: Ground) -> None:
    if ground.kind != "sqlite":
        return
    journal = await ground.open()

    def fail(connection: Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    for work in (fail, switches.current_kill):
        with pytest.raises(OperatorError, match=r"the disk that holds .*journal\.db failed"):
            await journal._door.write("", work)


async def test_f028_a_read_only_database_is_one_sentence(ground: Ground) -> None:
    if ground.kind == "postgresql":
        return
    journal = await ground.open()
    await pragma(journal, "query_only = ON")
    with pytest.raises(OperatorError, match=r"journal\.db cannot be written; give this user write permission"):
        await journal.set_setting("a", "b")


async def test_f024_another_program_that_holds_the_database_is_one_sentence(ground: Ground) -> None:
    if ground.kind == "postgresql":
        return
    journal = await ground.open()
    await pragma(journal, "busy_timeout = 50")
    with closing(sqlite3.connect(ground.where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperatorError, match="is locked by another program"):
            await journal.set_setting("a", "b")
        other.execute("ROLLBACK")
    await journal.set_setting("a", "c")
    assert await journal.setting("a") == "c"


@pytest.mark.parametrize("back", [False, True])
async def test_f028_a_database_that_was_moved_away_takes_nothing_more_and_is_not_made_anew(
    ground: Ground, back: bool, tmp_path: Path
) -> None:
    if ground.kind != "sqlite":
        return
    journal = await ground.open()
    shutil.move(ground.where, f"{ground.where}.moved")
    if back:
        shutil.copy(f"{ground.where}.moved", ground.where)
    for _ in range(2):
        with pytest.raises(OperatorError, match="moved, deleted or replaced"):
            await journal.set_setting("a", "b")
    assert (shutil.which("journal.db", os.F_OK, str(tmp_path)) is not None) is back


def test_a_program_that_forgets_to_close_the_journal_still_ends(tmp_path: Path) -> None:
    program = f"""
import asyncio
from core.journal.journal import open_journal
async def main():
    journal = await open_journal({json.dumps(str(tmp_path / "a.db"))})
    await journal.set_setting("a", "b")
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, timeout=30, check=False)
    with closing(sqlite3.connect(tmp_path / "a.db")) as left:
        assert left.execute("SELECT value FROM setting").fetchall() == [("b",)]


async def test_replay_output_uses_no_second_thread_and_durable_journals_sync_fully(tmp_path: Path) -> None:
    fast = await open_journal(tmp_path / "fast.db", durable=False)
    safe = await open_journal(tmp_path / "safe.db")

    def modes(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert await fast._door.write("", modes) == ["memory", 0, 1, 5000]
    assert await safe._door.write("", modes) == ["wal", 2, 1, 5000]
    await fast.close()
    await safe.close()
