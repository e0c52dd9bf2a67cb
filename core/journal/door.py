"""One transaction at a time: how a function that takes a connection gets one, is committed, and is never left half done."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from core.journal.direct import Direct
from core.journal.lanes import Lane
from core.journal.place import DRIVER_ERRORS, Watch

P = ParamSpec("P")
T = TypeVar("T")
Work = Callable[Concatenate[Connection, P], T]
At = Callable[[str], None]

_RETRIES = 3
_SERIALISATION = frozenset({"40001", "40P01"})


class Door(Protocol):
    """Runs work inside one transaction. `point` names the write point, called just before and ("+") just after the commit."""

    async def write(self, point: str, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run and commit; when the work raises, nothing of it stays."""
        ...

    async def write_last(self, point: str, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write`, but everybody else goes first: for what strangers can cause in any number."""
        ...

    async def read(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run on one consistent state of the database."""
        ...

    async def close(self) -> None:
        """Let what is under way finish, then let go of the database."""
        ...


class AsyncDoor:
    """For a live desk: one writing connection and one reading connection, each used by one task at a time."""

    def __init__(self, writer: Lane, reader: Lane, watch: Watch, at: At) -> None:
        self._writer, self._reader, self._watch, self._at = writer, reader, watch, at
        self._writing, self._waiting_last, self._reading = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        self._running: set[asyncio.Task[object]] = set()

    async def write(self, point: str, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run and commit, also when the caller is cancelled meanwhile."""
        return await self._shielded(self._write(point, lambda connection: work(connection, *args, **kwargs)))

    async def write_last(self, point: str, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Only one of these stands in the queue of the writers at any time, so a write waits for one of them at most."""
        async with self._waiting_last:
            return await self.write(point, work, *args, **kwargs)

    async def read(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run on one consistent state of the database."""
        return await self._shielded(self._read(lambda connection: work(connection, *args, **kwargs)))

    async def close(self) -> None:
        """Let what is under way finish, then let go of the database."""
        while self._running:
            await asyncio.wait(self._running)
        await self._reader.close()
        await self._writer.close()  # last, so that SQLite folds its write-ahead file into the database

    async def _shielded(self, running: Coroutine[object, object, T]) -> T:
        task = asyncio.ensure_future(running)
        self._running.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: "asyncio.Task[object]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # read, so that the error of an abandoned task is not reported as forgotten

    async def _write(self, point: str, work: Callable[[Connection], T]) -> T:
        async with self._writing:
            self._watch.check()
            for left in reversed(range(_RETRIES + 1)):
                try:
                    return await self._once(point, work)
                except DRIVER_ERRORS as error:
                    if not (left and _lost_race(error)):
                        raise self._watch.explain(error) from error
            raise AssertionError("the last try returns or raises")

    async def _once(self, point: str, work: Callable[[Connection], T]) -> T:
        if not point:
            return await self._writer.run(work)
        result = await self._writer.run(work, lambda: self._at(point))
        self._at(f"{point}+")
        return result

    async def _read(self, work: Callable[[Connection], T]) -> T:
        async with self._reading:
            try:
                return await self._reader.run(work)
            except DRIVER_ERRORS as error:
                raise self._watch.explain(error) from error


class InlineDoor:
    """For output that can be made again (a replay): each transaction runs at once, on the caller's own thread.

    It says the words around a transaction past SQLAlchemy, which would take a third of the time for that. Reads need none:
    nobody else writes.
    """

    def __init__(self, engine: Engine, watch: Watch, at: At) -> None:
        self._engine, self._watch, self._at = engine, watch, at
        self._connection = engine.connect()
        self._direct = cast("Connection", Direct(self._connection))
        self._driver = self._connection.connection.cursor()

    async def write(self, point: str, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run and commit."""
        try:
            self._driver.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._direct, *args, **kwargs)
                if point:
                    self._at(point)
                self._driver.execute("COMMIT")
            except BaseException:
                with suppress(*DRIVER_ERRORS):  # a full disk has taken everything back already
                    self._driver.execute("ROLLBACK")
                raise
        except DRIVER_ERRORS as error:
            raise self._watch.explain(error) from error
        if point:
            self._at(f"{point}+")
        return result

    async def write_last(self, point: str, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Nobody waits here."""
        return await self.write(point, work, *args, **kwargs)

    async def read(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run on the one connection."""
        try:
            return work(self._direct, *args, **kwargs)
        except DRIVER_ERRORS as error:
            raise self._watch.explain(error) from error

    async def close(self) -> None:
        """Let go of the database."""
        self._connection.close()
        self._engine.dispose()


def _lost_race(error: Exception) -> bool:
    """Whether PostgreSQL asks to run the same transaction again; nothing of it was stored."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _SERIALISATION
