"""The lease: one process writes, and a claim can prove that it is still that one."""

import fcntl
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from core.journal.statements import put
from core.journal.tables import lease
from core.model.errors import AlreadyRunningError, OperatorError

_ROW = select(lease.c.owner, lease.c.fence).where(lease.c.name == "writer")


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that was taken: by whom, and its fence, which grows each time that it changes hands."""

    owner: str
    fence: int


def take(connection: Connection, owner: str, now: datetime) -> Held:
    """Write ourselves down as the writer with the next fence. The lock that keeps others out is held by the caller."""
    row = connection.execute(_ROW).first()
    held = Held(owner, row.fence + 1 if row else 1)
    put(connection, lease, {"name": "writer", "owner": owner, "fence": held.fence, "taken_at": now})
    return held


def is_ours(connection: Connection, held: Held | None) -> bool:
    """Whether the lease that we took is still the last one that anybody took."""
    if held is None:
        return False
    row = connection.execute(_ROW).first()
    return row is not None and (row.owner, row.fence) == (held.owner, held.fence)


def in_use(name: str) -> AlreadyRunningError:
    """Say that somebody else is the writer."""
    return AlreadyRunningError(f"another quantmatrix already uses {name}; stop it first, or give this one a database of its own")


class FileLock:
    """An advisory lock on `<database>.lock`; the system drops it when the process dies, however it dies."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.lock")
        self._name = str(database)
        self._handle: int | None = None

    def take(self) -> None:
        """Lock, at once or not at all; a lock that we hold already stays.

        Raises
        ------
        OperatorError
            Another process (or another journal of this one) holds it, or the file cannot be made.
        """
        if self._handle is not None:
            return
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OperatorError(f"{self._path} cannot be made ({error.strerror}); make its folder writable") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise in_use(self._name) from error
        self._handle = handle

    def drop(self) -> None:
        """Let the next process in."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
