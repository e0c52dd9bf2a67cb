"""The outbox and the audit."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.journal.journal import SqlJournal
from core.journal.outbox import nonce
from core.journal.tables import APPEND_ONLY
from core.model.doubts import Look
from core.model.errors import IllegalEventError
from core.model.notes import Topic
from core.ports.doubts import Later
from tests.journal.build import LATER, NOW, note, walk
from tests.journal.conftest import Ground


async def waiting(journal: SqlJournal, limit: int = 50) -> list[str]:
    return [pending.note.id for pending in await journal.pending_notes(limit)]


async def seq_of(journal: SqlJournal, note_id: str) -> int:
    return next(pending.seq for pending in await journal.pending_notes() if pending.note.id == note_id)


async def test_notes_wait_in_order_and_each_is_put_once(journal: SqlJournal) -> None:
    await journal.put_notes([note("a"), note("b"), note("a")])
    await journal.put_notes([note("b"), note("c", at=LATER)])
    assert await waiting(journal) == ["a", "b", "c"]
    first = (await journal.pending_notes())[0]
    assert (first.note, first.tries, first.created_at, first.attempted_at, first.edits_message) == (note("a"), 0, NOW, None, None)
    assert [one.id for one in await journal.notes()] == ["a", "b", "c"]
    assert [one.id for one in await journal.notes(LATER)] == ["c"]


def test_a_nonce_is_short_stable_and_its_own() -> None:
    assert len(nonce("x" * 500)) <= 25
    assert nonce("a") == nonce("a") != nonce("b")


async def test_a_delivered_note_is_never_handed_out_again(journal: SqlJournal) -> None:
    await journal.put_notes([note("a"), note("b")])
    seq = await seq_of(journal, "a")
    await journal.note_attempted(seq, NOW)
    await journal.note_attempted(seq, LATER)
    tried = (await journal.pending_notes())[0]
    assert (tried.tries, tried.attempted_at) == (2, LATER)
    assert await journal.note_message("a") is None
    await journal.note_delivered(seq, 5, 2**60, LATER)
    await journal.note_failed(seq, "too late", give_up=True)
    assert await waiting(journal) == ["b"]
    assert await journal.note_message("a") == (5, 2**60)
    await journal.put_notes([note("a")])
    assert await waiting(journal) == ["b"]


async def test_a_failed_note_waits_until_it_is_given_up(journal: SqlJournal) -> None:
    await journal.put_notes([note("a"), note("b")])
    seq = await seq_of(journal, "a")
    await journal.note_failed(seq, "timeout", give_up=False)
    assert await waiting(journal) == ["a", "b"]
    await journal.note_failed(seq, "channel is gone", give_up=True)
    assert await waiting(journal) == ["b"]


async def test_an_edit_waits_for_the_message_that_it_edits(journal: SqlJournal) -> None:
    await journal.put_notes([note("card"), note("done", edits="card"), note("other")])
    assert await waiting(journal) == ["card", "other"]
    await journal.note_delivered(await seq_of(journal, "card"), 5, 6, NOW)
    edit = (await journal.pending_notes())[0]
    assert (edit.note.id, edit.edits_message) == ("done", (5, 6))


async def test_an_edit_of_a_note_that_never_came_becomes_its_own_message(journal: SqlJournal) -> None:
    await journal.put_notes([note("card"), note("done", edits="card"), note("orphan", edits="nobody")])
    await journal.note_failed(await seq_of(journal, "card"), "gone", give_up=True)
    assert [(one.note.id, one.edits_message) for one in await journal.pending_notes()] == [("done", None), ("orphan", None)]


async def test_a_silent_channel_does_not_hold_up_the_others(journal: SqlJournal) -> None:
    await journal.put_notes([note(f"s{number}") for number in range(9)])
    await journal.put_notes([note("t0", topic=Topic.TRADES), note("p0", topic=Topic.PORTFOLIO)])
    assert await waiting(journal, 4) == ["s0", "s1", "t0", "p0"]


async def audited(journal: SqlJournal, rows: int) -> None:
    for number in range(rows):
        body = {"number": number, "money": Decimal("1.50"), "text": "é\x00\ud800"}
        await journal.audit("ann", f"act {number}", body, NOW + timedelta(seconds=number))


async def test_the_audit_chain_holds(journal: SqlJournal) -> None:
    assert await journal.verify_audit() == 0
    await audited(journal, 5)
    assert await journal.verify_audit() == 5
    rows = await journal.audit_rows(2)
    assert [(row.seq, row.action, row.at) for row in rows] == [
        (5, "act 4", NOW + timedelta(seconds=4)),
        (4, "act 3", NOW + timedelta(seconds=3)),
    ]


async def test_a_long_chain_is_walked_in_full(ground: Ground) -> None:
    journal = await ground.open()
    await audited(journal, 30)
    assert await journal.verify_audit() == 30


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE audit SET body = '{}' WHERE seq = 3",
        "UPDATE audit SET actor = 'bob' WHERE seq = 3",
        "UPDATE audit SET at = at + 1 WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3",
    ],
)
async def test_f140_a_changed_or_missing_audit_row_is_named(ground: Ground, tamper: str) -> None:
    journal = await ground.open()
    await audited(journal, 5)
    with pytest.raises(Exception, match="append-only"):
        await ground.sql(tamper)
    assert await journal.verify_audit() == 5
    await ground.drop_triggers("audit")
    await ground.sql(tamper)
    with pytest.raises(IllegalEventError, match="audit row 3"):
        await journal.verify_audit()


async def test_f140_rows_that_changed_places_are_noticed(ground: Ground) -> None:
    journal = await ground.open()
    await audited(journal, 5)
    await ground.drop_triggers("audit")
    for old, new in ((2, 99), (4, 2), (99, 4)):
        await ground.sql(f"UPDATE audit SET seq = {new} WHERE seq = {old}")
    with pytest.raises(IllegalEventError, match="audit row 2"):
        await journal.verify_audit()


@pytest.mark.parametrize(("gone", "named"), [("seq > 3", 4), ("seq > 0", 1)])
async def test_f140_rows_cut_off_the_end_are_noticed(ground: Ground, gone: str, named: int) -> None:
    journal = await ground.open()
    await audited(journal, 5)
    await ground.drop_triggers("audit")
    await ground.sql(f"DELETE FROM audit WHERE {gone}")
    with pytest.raises(IllegalEventError, match=f"audit row {named} is missing"):
        await journal.verify_audit()


async def test_facts_cannot_be_changed_by_sql(ground: Ground) -> None:
    journal = await ground.open()
    await walk(journal)
    (child,) = await journal.orders(NOW - timedelta(days=1))
    (done,) = await journal.fills("paper")
    await journal.doubts.record_look(Look(child.key, NOW, fresh=True, evidence="{}"))
    await journal.doubts.record_fee(Later(replace(done, fee=Decimal(1)), NOW), None)
    await journal.doubts.record_ruling(Later(done, NOW, "ann"), None, None)
    columns = {
        "vote": "voter", "send": "kind", "order_event": "raw", "fill": "body", "audit": "body", "look": "body", "fee": "fee",
        "ruling": "version",
    }  # fmt: skip
    assert set(columns) == set(APPEND_ONLY)
    for table, column in columns.items():
        for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match=f"{table} is append-only"):
                await ground.sql(change)
