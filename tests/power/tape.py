"""The journal's files as they stand on disk after each commit of a real road, each commit an fsync."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.journal import lanes
from core.journal.lanes import FileLane


@dataclass(frozen=True, slots=True)
class Moment:
    """Database and write-ahead file right after a commit, and a fingerprint of everything that they say."""

    database: bytes
    ahead: bytes
    says: str


@dataclass(slots=True)
class Tape:
    """Moments in their order."""

    file: Path
    scratch: Path
    moments: list[Moment] = field(default_factory=list)

    def take(self) -> None:
        """Keep the files as they are now, when anything was written since."""
        wal = self.file.with_name(f"{self.file.name}-wal")
        database, ahead = self.file.read_bytes(), wal.read_bytes() if wal.exists() else b""
        if not self.moments or (self.moments[-1].database, self.moments[-1].ahead) != (database, ahead):
            put(self.scratch, database, ahead)
            self.moments.append(Moment(database, ahead, says(self.scratch)))


def put(file: Path, database: bytes, ahead: bytes) -> None:
    """Lay an image down as the disk would be found: without the shared-memory file, which never outlives the machine."""
    for suffix in ("-wal", "-shm", ".lock"):
        file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)
    file.write_bytes(database)
    if ahead:
        file.with_name(f"{file.name}-wal").write_bytes(ahead)


def says(file: Path) -> str:
    """Fingerprint of every row of every table.

    Raises
    ------
    sqlite3.DatabaseError
        The database is damaged.
    """
    with closing(sqlite3.connect(file)) as connection:
        check = connection.execute("PRAGMA integrity_check").fetchall()
        assert check == [("ok",)], check
        told = "\n".join(connection.iterdump())
    return hashlib.sha256(told.encode()).hexdigest()


@contextmanager
def recording(file: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tape]:
    """Every commit and the last checkpoint of the journal in the file go onto the tape."""
    tape = Tape(file, scratch)
    commit, let_go = FileLane._commit, FileLane._let_go

    def committed(lane: FileLane) -> None:
        commit(lane)
        if file.exists():
            tape.take()

    def let_gone(lane: FileLane) -> None:
        tape.take()
        let_go(lane)

    monkeypatch.setattr(lanes.FileLane, "_commit", committed)
    monkeypatch.setattr(lanes.FileLane, "_let_go", let_gone)
    yield tape
    tape.take()
