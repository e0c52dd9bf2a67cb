"""How a transaction reaches an SQLite file: it crosses to the thread once, and a commit that fails leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from core.journal import lanes, switches
from core.journal.door import AsyncDoor
from core.journal.journal import SqlJournal, open_journal
from core.model.errors import IllegalEventError


async def opened(folder: Path) -> tuple[SqlJournal, AsyncDoor]:
    journal = await open_journal(folder / "journal.db")
    assert isinstance(journal._door, AsyncDoor)
    return journal, journal._door


async def test_a_transaction_crosses_to_the_thread_once_and_a_write_point_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, door = await opened(tmp_path)
    await journal.set_setting("a", "1")
    assert await journal.setting("a") == "1"
    crossings: list[object] = []
    across = lanes._on_thread

    async def counted(line: Any, step: Callable[[], Any]) -> Any:
        crossings.append(step)
        return await across(line, step)

    def much(connection: Connection) -> None:
        for number in range(50):
            switches.set_setting(connection, f"n{number}", "x")

    monkeypatch.setattr(lanes, "_on_thread", counted)
    await door.write("", much)
    assert len(crossings) == 1
    await door.write("W1", much)
    assert len(crossings) == 3
    await journal.setting("n49")
    assert len(crossings) == 4
    await journal.close()


async def test_a_commit_that_fails_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    journal, door = await opened(tmp_path)

    def orphan(connection: Connection) -> None:
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        switches.set_setting(connection, "torn", "yes")
        row = "('no such envelope', 1, 'paper', 'new', 1, 0, 0, 0, '{}', 'k')"
        names = '(envelope_id, number, account, state, quantity, "limit", created_at, updated_at, body, key)'
        connection.execute(text(f'INSERT INTO "order" {names} VALUES {row}'))

    for point in ("", "W5"):
        with pytest.raises(IllegalEventError):
            await door.write(point, orphan)
        assert await journal.setting("torn") is None
    await journal.set_setting("whole", "yes")
    assert await journal.setting("whole") == "yes"
    assert await journal.setting("torn") is None
    await journal.close()
