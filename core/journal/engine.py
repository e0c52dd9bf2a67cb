"""Connections set up as the journal needs them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from core.journal.door import AsyncDoor, At, Door, InlineDoor
from core.journal.lanes import FileLane, ServerLane
from core.journal.place import Place, Watch

BUSY_MILLISECONDS = 5000

DURABLE = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MILLISECONDS}")
RECREATABLE = ("journal_mode=MEMORY", "synchronous=OFF", "foreign_keys=ON", f"busy_timeout={BUSY_MILLISECONDS}")
READING = ("query_only=ON", f"busy_timeout={BUSY_MILLISECONDS}")


def sqlite_url(file: Path, driver: str, mode: str) -> URL:
    """Address of an existing file; a missing one is never made by accident."""
    return URL.create(driver, database=f"file:{quote(str(file))}", query={"mode": mode, "uri": "true"})


def prepare_sqlite(engine: Engine, pragmas: Sequence[str], begin: str | None) -> None:
    """Set pragmas on each connection, and begin each transaction by ourselves (the driver would begin it too late).

    With no words to begin, whoever uses the engine says them.
    """

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    if begin is None:
        return

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def open_door(place: Place, at: At, *, durable: bool) -> Door:
    """Connect lazily: the first transaction opens the database."""
    watch = Watch(place)
    if place.file is None:
        return _postgresql(place, watch, at, durable=durable)
    if durable:
        writer = FileLane(_sqlite(place.file, "rw", DURABLE), "BEGIN IMMEDIATE")
        reader = FileLane(_sqlite(place.file, "ro", READING), "BEGIN")
        return AsyncDoor(writer, reader, watch, at)
    return InlineDoor(_one_connection(place.file, RECREATABLE, "rw", begin=None), watch, at)


def sqlite_engine(file: Path, pragmas: Sequence[str], *, write: bool = True) -> Engine:
    """One connection on the caller's own thread."""
    return _one_connection(file, pragmas, "rw" if write else "ro", begin="BEGIN IMMEDIATE" if write else "BEGIN")


def _one_connection(file: Path, pragmas: Sequence[str], mode: str, *, begin: str | None) -> Engine:
    engine = create_engine(
        sqlite_url(file, "sqlite", mode),
        poolclass=StaticPool,
        pool_reset_on_return=None,
        connect_args={"isolation_level": None},
    )
    prepare_sqlite(engine, pragmas, begin)
    return engine


def _sqlite(file: Path, mode: str, pragmas: Sequence[str]) -> AsyncEngine:
    engine = create_async_engine(
        sqlite_url(file, "sqlite+aiosqlite", mode),
        poolclass=StaticPool,
        pool_reset_on_return=None,
        connect_args={"isolation_level": None},
    )
    prepare_sqlite(engine.sync_engine, pragmas, begin=None)
    return engine


def _postgresql(place: Place, watch: Watch, at: At, *, durable: bool) -> AsyncDoor:
    writer = postgresql_engine(place, "SERIALIZABLE", {} if durable else {"synchronous_commit": "off"})
    reader = postgresql_engine(place, "REPEATABLE READ", {"default_transaction_read_only": "on"})
    return AsyncDoor(ServerLane(writer), ServerLane(reader), watch, at)


def postgresql_engine(place: Place, isolation: str, settings: dict[str, str]) -> AsyncEngine:
    """One connection, looked at before it is used, so that a restarted server costs nothing."""
    return create_async_engine(
        place.url,
        isolation_level=isolation,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"server_settings": {"application_name": "quantmatrix", **settings}},
    )
