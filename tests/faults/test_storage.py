"""The files in trouble: writes that begin too late, flipped bits, yesterday's copy."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.journal.journal import open_journal
from core.journal.lanes import FileLane
from core.journal.schema import backup
from core.model.errors import IllegalEventError, OperatorError, QuantMatrixError
from tests.engine.rig import desk
from tests.journal.build import NOW, walk

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
FLIPS = 100


async def test_f025_every_transaction_that_writes_says_so_when_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[int, list[str]] = {}
    set_up = FileLane._set_up

    def traced(lane: FileLane, driver: sqlite3.Connection) -> None:
        driver.set_trace_callback(said.setdefault(id(lane), []).append)
        set_up(lane, driver)

    monkeypatch.setattr(FileLane, "_set_up", traced)
    journal = await open_journal(tmp_path / "journal.db")
    await journal.take_lease("test", NOW)
    await walk(journal)
    await journal.notes()
    await journal.close()
    writes = 0
    for statements in said.values():
        begun = ""
        for statement in statements:
            if statement.startswith("BEGIN"):
                begun = statement
            if statement.lstrip().startswith(WRITES):
                writes += 1
                assert begun == "BEGIN IMMEDIATE", statement
    assert writes > 20


async def _file(folder: Path) -> Path:
    file = folder / "journal.db"
    journal = await open_journal(file)
    await journal.take_lease("test", NOW)
    await walk(journal)
    for number in range(20):
        await journal.audit("test", "row", {"number": number}, NOW)
    await journal.close()
    return file


def _audit(file: Path) -> object:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT * FROM audit ORDER BY seq").fetchall()


async def test_f029_a_flipped_bit_is_one_sentence_or_changes_nothing_that_was_audited(tmp_path: Path) -> None:
    file = await _file(tmp_path)
    whole, audited, dice, noticed = file.read_bytes(), _audit(file), random.Random(29), 0
    for _ in range(FLIPS):
        place, bit = dice.randrange(len(whole)), 1 << dice.randrange(8)
        file.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        try:
            journal = await open_journal(file)
            try:
                await journal.verify_audit()
                await journal.proposals_of("s-p1")
                await journal.fills("paper")
            finally:
                await journal.close()
        except QuantMatrixError:
            noticed += 1
            continue
        assert _audit(file) == audited, f"bit {bit} of byte {place} changed the audit and nobody noticed"
    assert noticed > 0


async def test_f029_a_flipped_bit_in_an_audit_row_names_the_row(tmp_path: Path) -> None:
    file = await _file(tmp_path)
    whole = file.read_bytes()
    place = whole.index(b'{"number": 13}')
    file.write_bytes(whole[:place] + b'{"number": 12}' + whole[place + 14 :])
    journal = await open_journal(file)
    with pytest.raises(IllegalEventError, match=r"audit row \d+"):
        await journal.verify_audit()
    await journal.close()


async def test_f030_a_restored_copy_is_not_mixed_with_what_was_written_ahead_before(tmp_path: Path) -> None:
    file, copy = tmp_path / "journal.db", tmp_path / "copy.db"
    journal = await open_journal(file)
    await journal.take_lease("test", NOW)
    backup(file, copy)
    await walk(journal)
    await journal.close()
    journal = await open_journal(file)
    await journal.take_lease("test", NOW)
    await journal.audit("test", "row", {}, NOW)
    place = tmp_path / "restored"
    place.mkdir()
    for suffix in ("-wal", "-shm"):
        shutil.copy(f"{file}{suffix}", place / f"journal.db{suffix}")
    await journal.close()
    shutil.copy(copy, place / "journal.db")
    with pytest.raises(OperatorError, match=r"delete journal\.db-wal and journal\.db-shm"):
        await open_journal(place / "journal.db")
    for suffix in ("-wal", "-shm"):
        (place / f"journal.db{suffix}").unlink()
    for _ in range(2):
        restored = await open_journal(place / "journal.db")
        assert await restored.notes() == []
        await restored.take_lease("test", NOW)
        await restored.close()


async def test_f033_yesterdays_copy_halts_until_somebody_looked(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        copy = tmp_path / "yesterday.db"
        backup(tmp_path / "journal.db", copy)
        await one.react(card)
        assert len(one.engine.books.positions) == 1
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"journal.db{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, tmp_path / "journal.db")
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        assert two.engine.books.kill.level == 2
        assert await two.told("HALT")
        await two.react(card)
        assert await two.orders() == []
