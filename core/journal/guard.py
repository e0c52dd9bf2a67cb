"""What keeps a second process out for as long as the first one lives."""

from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.journal.engine import postgresql_engine
from core.journal.lease import FileLock, in_use
from core.journal.place import DRIVER_ERRORS, Place, Watch

#: Advisory lock of the writer; PostgreSQL keeps these per database.
_WRITER_LOCK = 7_146_300


class Guard(Protocol):
    """A lock that ends with the process."""

    async def take(self) -> None:
        """Lock, at once or not at all; raises OperatorError when somebody else has it."""
        ...

    async def drop(self) -> None:
        """Let the next process in."""
        ...


class FileGuard:
    """A lock file beside an SQLite database."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    async def take(self) -> None:
        """Lock the file."""
        self._lock.take()

    async def drop(self) -> None:
        """Unlock the file."""
        self._lock.drop()


class ServerGuard:
    """An advisory lock of a PostgreSQL server, on a connection of its own that stays open."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._engine = postgresql_engine(place, "AUTOCOMMIT", {})
        self._connection: AsyncConnection | None = None

    async def take(self) -> None:
        """Ask the server for the lock."""
        if self._connection is not None:
            return
        try:
            connection = await self._engine.connect()
            got = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _WRITER_LOCK})
        except DRIVER_ERRORS as error:
            raise Watch(self._place).explain(error) from error
        if not got:
            await connection.close()
            raise in_use(self._place.name)
        self._connection = connection

    async def drop(self) -> None:
        """Close the connection, which ends the lock."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        await self._engine.dispose()


def guard_of(place: Place) -> Guard:
    """The guard that fits the database."""
    return ServerGuard(place) if place.file is None else FileGuard(FileLock(place.file))
