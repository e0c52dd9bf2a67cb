"""The audit: any row that is changed, taken out, put in or moved, a cut tail and a chain written anew are found."""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.app_anchors import Anchors
from bot.clock import HandClock
from core.journal import anchor
from core.journal.anchor import Anchor, place_of
from core.journal.audit import GENESIS, _hash
from core.journal.columns import EPOCH
from core.journal.journal import open_journal
from core.model.errors import IllegalEventError, OperatorError
from core.posts.status import StatusPost
from tests.engine.rig import desk
from tests.journal.build import NOW

ROWS = 40
Change = Callable[[sqlite3.Connection, random.Random], int]


async def written(path: Path, rows: int = ROWS) -> list[tuple[int, str]]:
    """A journal with so many audit rows; where its chain stood after each."""
    journal = await open_journal(path)
    await journal.take_lease("test", NOW)
    for number in range(rows):
        await journal.audit(f"actor {number % 3}", "did", {"number": number}, NOW + timedelta(seconds=number))
    heads = [(row.seq, row.hash) for row in reversed(await journal.audit_rows(rows + 10))]
    await journal.close()
    return heads


def rewrite(path: Path, change: Change, chance: random.Random) -> int:
    """Somebody with the file and the knowledge of our tables changes it; answers the first row that is no longer as it was."""
    with closing(sqlite3.connect(path)) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall():
            file.execute(f'DROP TRIGGER "{name}"')
        first = change(file, chance)
        file.commit()
    return first


async def verified(path: Path, anchors: list[tuple[int, str]]) -> int:
    journal = await open_journal(path)
    try:
        return await journal.verify_audit(anchors)
    finally:
        await journal.close()


def any_row(chance: random.Random) -> int:
    return chance.randint(1, ROWS)


def edit(file: sqlite3.Connection, chance: random.Random) -> int:
    row, column = any_row(chance), chance.choice(["actor", "action", "body", "hash", "prev_hash", "at"])
    (old,) = file.execute(f"SELECT {column} FROM audit WHERE seq = ?", (row,)).fetchone()
    if column == "at":
        new: object = old + 1
    else:
        place = chance.randrange(len(old))
        new = old[:place] + ("0" if old[place] != "0" else "1") + old[place + 1 :]
    file.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (new, row))
    return row


def delete(file: sqlite3.Connection, chance: random.Random) -> int:
    row = any_row(chance)
    file.execute("DELETE FROM audit WHERE seq = ?", (row,))
    return row


def close_the_gap(file: sqlite3.Connection, chance: random.Random) -> int:
    row = chance.randint(1, ROWS - 1)
    file.execute("DELETE FROM audit WHERE seq = ?", (row,))
    file.execute("UPDATE audit SET seq = seq - 1 WHERE seq > ?", (row,))
    return row


def swap(file: sqlite3.Connection, chance: random.Random) -> int:
    row = chance.randint(1, ROWS - 1)
    for old, new in ((row, -1), (row + 1, row), (-1, row + 1)):
        file.execute("UPDATE audit SET seq = ? WHERE seq = ?", (new, old))
    return row


def insert(file: sqlite3.Connection, chance: random.Random) -> int:
    del chance
    file.execute("INSERT INTO audit SELECT seq + 1, at, actor, action, body, hash, hash FROM audit WHERE seq = ?", (ROWS,))
    return ROWS + 1


def cut(file: sqlite3.Connection, chance: random.Random) -> int:
    left = chance.randint(1, ROWS - 1)
    file.execute("DELETE FROM audit WHERE seq > ?", (left,))
    file.execute("UPDATE audit_head SET seq = ?, hash = (SELECT hash FROM audit WHERE seq = ?)", (left, left))
    return left + 1


def write_anew(file: sqlite3.Connection, chance: random.Random) -> int:
    begin = any_row(chance)
    file.execute("UPDATE audit SET body = ? WHERE seq = ?", ('{"number": -1}', begin))
    previous = GENESIS
    for seq, at, actor, action, body in file.execute("SELECT seq, at, actor, action, body FROM audit ORDER BY seq").fetchall():
        fresh = _hash(previous, seq, EPOCH + timedelta(microseconds=at), (actor, action, body))
        file.execute("UPDATE audit SET prev_hash = ?, hash = ? WHERE seq = ?", (previous, fresh, seq))
        previous = fresh
    file.execute("UPDATE audit_head SET hash = ?", (previous,))
    return begin


@pytest.mark.parametrize("change", [edit, delete, close_the_gap, swap, insert])
async def test_f140_every_change_to_a_row_is_found_by_the_chain_alone(tmp_path: Path, change: Change) -> None:
    sound = tmp_path / "sound.db"
    await written(sound)
    chance = random.Random(140)
    for number in range(25):
        path = tmp_path / f"{number}.db"
        shutil.copy(sound, path)
        first = rewrite(path, change, chance)
        with pytest.raises(IllegalEventError, match=rf"audit row {first} "):
            await verified(path, [])


@pytest.mark.parametrize("change", [cut, write_anew])
async def test_f140_a_cut_tail_and_a_chain_written_anew_are_found_by_the_anchors(tmp_path: Path, change: Change) -> None:
    sound = tmp_path / "sound.db"
    heads = await written(sound)
    chance = random.Random(141)
    for number in range(15):
        path = tmp_path / f"{number}.db"
        shutil.copy(sound, path)
        first = rewrite(path, change, chance)
        assert await verified(path, []) > 0  # the chain fits, which is why there are anchors
        assert await verified(path, [head for head in heads if head[0] < first]) > 0
        with pytest.raises(IllegalEventError, match=rf"audit row {first} is not the one that was anchored"):
            await verified(path, heads)


def put_back(kept: Path, path: Path) -> None:
    for leftover in path.parent.glob(f"{path.name}-*"):
        leftover.unlink()
    shutil.copy(kept, path)


async def test_f140_an_older_copy_of_the_journal_is_found_when_it_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with desk(tmp_path) as one:
        kept = tmp_path / "kept.db"
        anchors = Anchors(one.engine, place_of(path), HandClock(NOW))
        await one.journal.audit("ann", "first", {}, NOW)
        await anchors.turn()
    shutil.copy(path, kept)
    async with desk(tmp_path) as one:
        await one.journal.audit("ann", "second", {}, NOW)
        await Anchors(one.engine, place_of(path), HandClock(NOW)).turn()
        assert len(anchor.read(place_of(path))) == 2
    put_back(kept, path)
    async with desk(tmp_path) as one:
        await one.engine.start()
        await Anchors(one.engine, place_of(path), HandClock(NOW)).turn()
        assert one.engine.books.kill.level == 2
        assert "is not the one that was anchored" in one.engine.books.kill.reason


async def test_the_desk_anchors_what_is_new_and_nothing_twice(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        path = tmp_path / "journal.db.anchors"
        anchors = Anchors(one.engine, path, HandClock(NOW))
        await anchors.turn()
        assert anchor.read(path) == ()
        for number in range(3):
            await one.journal.audit("ann", "did", {"number": number}, NOW)
            await anchors.turn()
            await anchors.turn()
        assert [one.seq for one in anchor.read(path)] == [1, 2, 3]
        assert path.stat().st_mode & 0o777 == 0o600
        assert one.engine.books.kill.level == 0


async def test_a_full_disk_leaves_the_anchor_for_later_and_halts_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.journal.audit("ann", "did", {}, NOW)
        anchors = Anchors(one.engine, Path("/dev/full"), HandClock(NOW))
        anchors.last = Anchor(0, GENESIS, NOW)
        await anchors.turn()
        assert one.engine.books.kill.level == 0
        assert anchors.last.seq == 0


def test_an_anchor_that_was_never_finished_is_left_out_and_one_that_was_changed_is_not(tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    for seq in (1, 2):
        anchor.append(path, Anchor(seq, f"{seq}" * 64, NOW))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        kept = anchor.read(path)
        assert len(kept) == whole[:size].count(b"\n")
        anchor.append(path, Anchor(9, "9" * 64, NOW))
        assert [one.seq for one in anchor.read(path)] == [*(one.seq for one in kept), 9]
    path.write_bytes(whole.replace(b'"seq": 1', b'"sec": 1'))
    with pytest.raises(OperatorError, match="line 1 is no anchor"):
        anchor.read(path)


def settings(folder: Path) -> str:
    file = folder / "config.yaml"
    file.write_text(f"journal: {{path: {folder / 'journal.db'}}}\n")
    return str(file)


async def _fill(folder: Path) -> list[tuple[int, str]]:
    heads = await written(folder / "journal.db", 5)
    for seq, digest in (heads[1], heads[-1]):
        anchor.append(place_of(folder / "journal.db"), Anchor(seq, digest, NOW))
    return heads


def run(folder: Path, *words: str) -> int:
    return main(["audit", "verify", "--config", settings(folder), *words])


def test_audit_verify_says_rows_head_and_anchors_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heads = asyncio.run(_fill(tmp_path))
    assert run(tmp_path, "--head", f"{heads[2][0]} {heads[2][1][:16]}") == 0
    assert capsys.readouterr().out == f"the audit log is whole: 5 rows, head {heads[-1][1][:16]}, 3 anchors agree\n"
    assert run(tmp_path, "--head", f"3 {'0' * 16}") == 1
    assert "audit row 3 is not the one that was anchored" in capsys.readouterr().err
    assert run(tmp_path, "--head", "nonsense") == 1
    assert "is no head" in capsys.readouterr().err


def test_audit_verify_names_the_first_broken_row_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(_fill(tmp_path))
    with closing(sqlite3.connect(tmp_path / "journal.db")) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall():
            file.execute(f'DROP TRIGGER "{name}"')
        file.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 4")
        file.commit()
    assert run(tmp_path) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "quantmatrix: audit row 4 does not fit its hash; somebody changed the journal\n"


def test_the_head_of_the_chain_stands_in_the_daily_status(tmp_path: Path) -> None:
    async def told() -> tuple[str, str]:
        async with desk(tmp_path) as one:
            await one.engine.start()
            await one.journal.audit("ann", "did", {}, NOW)
            note = await StatusPost().compose(one.engine, datetime.fromisoformat("2024-06-12T13:00:00+00:00"))
            (head,) = await one.journal.audit_rows(1)
            return next(field.value for field in note.fields if field.name == "Audit"), f"row {head.seq}, {head.hash[:16]}"

    shown, wanted = asyncio.run(told())
    assert shown == wanted
