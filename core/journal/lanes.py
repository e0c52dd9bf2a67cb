"""How a transaction reaches its database: one connection, used by one task at a time.

A lane begins, runs the work, calls `ready` on the event loop just before the commit, and commits; when anything fails or the
task is cancelled, nothing of it stays.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import quote

import aiosqlite
from sqlalchemy import Connection, Engine, Transaction, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import StaticPool

T = TypeVar("T")


class Lane(Protocol):
    """One connection to a database."""

    async def run(self, work: Callable[[Connection], T], ready: Callable[[], None] | None = None) -> T:
        """Run the work in one transaction."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


class ServerLane:
    """A connection to a database server; every statement waits for the network."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, work: Callable[[Connection], T], ready: Callable[[], None] | None = None) -> T:
        """Run the work in one transaction."""
        async with self._engine.begin() as connection:
            result = await connection.run_sync(work)
            if ready is not None:
                ready()
        return result

    async def close(self) -> None:
        """Close the connection."""
        await self._engine.dispose()


class FileLane:
    """A connection to an SQLite file, on aiosqlite's thread.

    A whole transaction goes to the thread at once. SQLAlchemy's own way over aiosqlite crosses over about five times for each
    statement; a claim took longer for that than for the disk.
    """

    def __init__(self, file: Path, mode: str, pragmas: Sequence[str], begin: str) -> None:
        self._address = f"file:{quote(str(file))}?mode={mode}"
        self._pragmas, self._begin = pragmas, begin
        self._line: aiosqlite.Connection | None = None
        self._engine: Engine | None = None
        self._driver: sqlite3.Connection | None = None
        self._connection: Connection | None = None
        self._transaction: Transaction | None = None

    async def run(self, work: Callable[[Connection], T], ready: Callable[[], None] | None = None) -> T:
        """Run the work in one transaction; without `ready` it costs one crossing."""
        try:
            if ready is None:
                return await self._across(lambda: self._whole(work))
            result = await self._across(lambda: self._started(work))
            ready()
            await self._across(self._commit)
        except BaseException:
            await self._across(self._undo)
            raise
        return result

    async def close(self) -> None:
        """Close the connection, when there ever was one."""
        if self._line is not None:
            await self._across(self._let_go)
            await self._line.close()
            self._line = None

    async def _across(self, step: Callable[[], T]) -> T:
        """Do a step on the thread."""
        if self._line is None:
            self._line = await aiosqlite.connect(self._address, uri=True, isolation_level=None)
            await self._across(self._set_up)
        result: T = await self._line._execute(step)  # noqa: SLF001 - the only way to its thread with more than one statement
        return result

    def _set_up(self) -> None:
        assert self._line is not None
        driver = self._line._conn  # noqa: SLF001 - SQLAlchemy speaks to the driver's own connection
        for pragma in self._pragmas:
            driver.execute(f"PRAGMA {pragma}").close()
        self._driver = driver
        self._engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool, pool_reset_on_return=None)
        self._connection = self._engine.connect()

    def _started(self, work: Callable[[Connection], T]) -> T:
        assert self._connection is not None
        assert self._driver is not None
        self._transaction = self._connection.begin()
        self._driver.execute(self._begin)  # the driver by itself would begin too late
        return work(self._connection)

    def _commit(self) -> None:
        assert self._transaction is not None
        self._transaction.commit()

    def _whole(self, work: Callable[[Connection], T]) -> T:
        result = self._started(work)
        self._commit()
        return result

    def _undo(self) -> None:
        """Whatever was reached: a failed commit leaves the driver's transaction open, which SQLAlchemy no longer sees."""
        if self._transaction is not None:
            self._transaction.close()
        if self._driver is not None:
            self._driver.rollback()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
