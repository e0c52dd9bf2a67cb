"""How a transaction reaches its database: one connection, used by one task at a time.

A lane begins, runs the work, calls `ready` on the event loop just before the commit, and commits; when anything fails or the
task is cancelled, nothing of it stays.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

import aiosqlite
from sqlalchemy import Connection, Transaction, create_engine
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

    def __init__(self, engine: AsyncEngine, begin: str) -> None:
        self._engine, self._begin = engine, begin
        self._line: aiosqlite.Connection | None = None
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
            if self._line is not None:
                await self._across(self._undo)
            raise
        return result

    async def close(self) -> None:
        """Close the connection, when there ever was one."""
        if self._line is not None:
            await self._across(self._let_go)
            self._line = None
        await self._engine.dispose()

    async def _across(self, step: Callable[[], T]) -> T:
        """Do a step on the thread."""
        if self._line is None:
            self._line = await self._opened()
        return await _on_thread(self._line, step)

    async def _opened(self) -> aiosqlite.Connection:
        pooled = await self._engine.raw_connection()
        line = cast("aiosqlite.Connection", pooled.driver_connection)
        pooled.close()
        await _on_thread(line, lambda: self._set_up(line._conn))  # noqa: SLF001 - what aiosqlite and SQLAlchemy both speak to
        return line

    def _set_up(self, driver: sqlite3.Connection) -> None:
        engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool, pool_reset_on_return=None)
        self._driver, self._connection = driver, engine.connect()

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


async def _on_thread(line: aiosqlite.Connection, step: Callable[[], T]) -> T:
    """Run a step on the thread of a connection."""
    run = cast("Callable[[Callable[[], T]], Awaitable[T]]", line._execute)  # noqa: SLF001 - its only way for more than one statement
    return await run(step)
