"""A journal that has grown for years answers as fast as a young one: every daily question goes through an index."""

import asyncio
from pathlib import Path
from typing import Any

from core.journal.door import InlineDoor
from core.journal.journal import open_journal
from core.journal.schema import backup
from core.journal.tables import METADATA
from core.model.proposals import PENDING
from core.ports.journal import Journal
from tests.journal.build import DAY, NOW, note, vote, walk


async def daily_questions(journal: Journal) -> None:
    await journal.signal("s1")
    await journal.signals(DAY, "SPY")
    await journal.proposals(sorted(PENDING))
    await journal.proposals_of("s1")
    await journal.proposal_by_message(2)
    await journal.votes("p1")
    await journal.open_envelopes()
    await journal.envelopes_claimed("paper", NOW)
    await journal.unfinished_orders()
    await journal.orders(NOW)
    await journal.fills("paper", NOW)
    await journal.positions("paper")
    await journal.equity("paper", DAY)
    await journal.kill()
    await journal.last_job("scan")
    await journal.pending_notes()
    await journal.note_message("n1")
    await journal.notes(NOW)
    await journal.audit_rows()


async def test_f036_no_daily_question_and_no_write_walks_a_whole_table(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path / "a.db", durable=False)
    await journal.take_lease("test", NOW)
    asked: list[str] = []
    door = journal._door
    assert isinstance(door, InlineDoor)
    driver: Any = door._connection.connection.dbapi_connection
    driver.set_trace_callback(asked.append)
    await walk(journal)
    await daily_questions(journal)
    driver.set_trace_callback(None)
    asked = [statement for statement in asked if statement.startswith(("SELECT", "INSERT", "UPDATE"))]
    assert len(asked) > 40
    tables = {f"SCAN {name}" for name in (*METADATA.tables, "target")}
    walked = []
    for statement in asked:
        plan = [row[3] for row in door._driver.execute(f"EXPLAIN QUERY PLAN {statement}")]
        stops_early = "LIMIT" in statement and not any("TEMP B-TREE" in step for step in plan)
        if not stops_early and any(" ".join(step.split()[:2]) in tables for step in plan):
            walked.append((plan, statement))
    assert walked == []
    await journal.close()


async def test_f034_copies_made_at_any_moment_hold_a_whole_prefix_of_the_facts(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path / "a.db")
    await walked_lease(journal)

    async def write() -> None:
        for number in range(120):
            await journal.record_vote(vote(voter=f"stranger {number}", allowed=False))
            await journal.put_notes([note(f"a{number}"), note(f"b{number}")])

    writing = asyncio.create_task(write())
    copies = [await asyncio.to_thread(backup, tmp_path / "a.db", tmp_path / f"copy{number}.db") for number in range(6)]
    await writing
    await journal.close()
    for copy in copies:
        restored = await open_journal(copy)
        votes = len(await restored.votes("p1"))
        assert await restored.verify_audit() == votes
        told = [one.id for one in await restored.notes()][2:]
        assert told == [f"{letter}{number}" for number in range(len(told) // 2) for letter in "ab"]
        assert votes - len(told) // 2 in {1, 2}
        await restored.close()


async def walked_lease(journal: Journal) -> None:
    """One trade behind us: one allowed vote and one audit row (the claim), two notes."""
    await journal.take_lease("test", NOW)
    await walk(journal)
