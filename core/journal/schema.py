"""Versions of the database: which one it is, how it is brought up to date, how it is copied."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from core.journal.engine import DURABLE, READING, postgresql_engine, sqlite_engine
from core.journal.lease import FileLock
from core.journal.place import DRIVER_ERRORS, Place, Watch
from core.model.errors import NewerDatabaseError, OperatorError

#: Alembic revisions that this program knows, oldest first.
REVISIONS = ("0001", "0002")
HEAD = REVISIONS[-1]
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

#: Mark of a copy that was not opened yet.
_COPIED = 1

#: Held while a PostgreSQL database is migrated.
_MIGRATION_LOCK = 7_146_301


@dataclass(frozen=True, slots=True)
class Migrated:
    """What `migrate` did: revisions before (None: an empty database) and after, and the copy it made first."""

    before: str | None
    after: str
    backup: Path | None

    def __str__(self) -> str:
        if self.before == self.after:
            return f"the database is up to date (revision {self.after})"
        done = f"the database was brought from {f'revision {self.before}' if self.before else 'nothing'} to revision {self.after}"
        return f"{done}; a copy of the old one is {self.backup}" if self.backup else done


def version(connection: Connection, name: str) -> str | None:
    """Revision of a database; None when it is empty.

    Raises
    ------
    NewerDatabaseError
        A newer version of this program wrote it.
    OperatorError
        It holds tables of something else.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise OperatorError(f"{name} is not a database of QuantMatrix; give this one a database of its own")
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if found is not None and found not in REVISIONS:
        raise NewerDatabaseError(
            f"{name} was written by a newer version of QuantMatrix (revision {found}, this one knows {HEAD}); "
            "install that version, or restore a backup that is older"
        )
    return found


async def migrate(where: str | Path) -> Migrated:
    """Bring a database to the newest revision; an older SQLite file is copied first. Up to date: nothing happens.

    Raises
    ------
    NewerDatabaseError, OperatorError
        As `version` says; also when another process uses the file.
    """
    place = Place.of(where)
    return _migrate_file(place, place.file) if place.file is not None else await _migrate_server(place)


async def check(place: Place) -> None:
    """See that a database has the newest revision; an empty one gets it.

    Raises
    ------
    OperatorError
        It is older, newer, of something else, or cannot be reached.
    """
    if place.file is not None:
        _welcome_copy(place, place.file)
    found = await _version_of(place)
    if found is None:
        await migrate(place.file or place.url.render_as_string(hide_password=False))
    elif found != HEAD:
        raise OperatorError(f"{place.name} has revision {found}, this program needs {HEAD}; run: python -m bot migrate")


def _welcome_copy(place: Place, file: Path) -> None:
    """A copy that was put in place of the database must not be mixed with what that one had written ahead.

    `backup` marks its copies in the first page of the file; the mark goes when such a copy is opened for the first time.
    """
    ahead = file.with_name(f"{file.name}-wal")
    if not file.is_file() or _mark(file) != _COPIED:
        return
    if ahead.exists() and ahead.stat().st_size:
        raise OperatorError(
            f"{place.name} is a restored copy, and {ahead.name} beside it belongs to the database that was there before; "
            f"delete {ahead.name} and {file.name}-shm, then start again"
        )
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 0")


def _mark(file: Path) -> int:
    """SQLite's `user_version`, read from the file itself, past everything that was written ahead."""
    with file.open("rb") as opened:
        return int.from_bytes(opened.read(64)[60:64])


async def _version_of(place: Place) -> str | None:
    if place.file is None:
        return await _on_server(place, lambda connection: version(connection, place.name))
    if not place.file.exists():
        return None
    return _on_file(place, place.file, lambda connection: version(connection, place.name), write=False)


def _on_file(place: Place, file: Path, work: Callable[[Connection], str | None], *, write: bool) -> str | None:
    engine = sqlite_engine(file, DURABLE if write else READING, write=write)
    try:
        with engine.begin() as connection:
            return work(connection)
    except DRIVER_ERRORS as error:
        raise Watch(place).explain(error) from error
    finally:
        engine.dispose()


async def _on_server(place: Place, work: Callable[[Connection], str | None]) -> str | None:
    engine = postgresql_engine(place, "READ COMMITTED", {})
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            return await connection.run_sync(work)
    except DRIVER_ERRORS as error:
        raise Watch(place).explain(error) from error
    finally:
        await engine.dispose()


def _migrate_file(place: Place, file: Path) -> Migrated:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file)
        lock.take()
        file.touch(mode=0o600)
    except OSError as error:
        raise OperatorError(f"{place.name} cannot be made ({error.strerror}); check its folder") from error
    try:
        before = _on_file(place, file, lambda connection: version(connection, place.name), write=False)
        if before == HEAD:
            return Migrated(before, HEAD, None)
        copy = backup(file, file.with_name(f"{file.name}.before-{HEAD}.bak")) if before else None
        _on_file(place, file, _upgrade, write=True)
        return Migrated(before, HEAD, copy)
    finally:
        lock.drop()


async def _migrate_server(place: Place) -> Migrated:
    before = await _on_server(place, lambda connection: version(connection, place.name))
    if before != HEAD:
        await _on_server(place, _upgrade)
    return Migrated(before, HEAD, None)


def _upgrade(connection: Connection) -> str | None:
    from alembic import command  # noqa: PLC0415 - takes a third of a second and is needed only here
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return HEAD


def backup(where: str | Path, target: str | Path) -> Path:
    """Copy an SQLite database, also while it is in use, and check the copy.

    Raises
    ------
    OperatorError
        It is no SQLite database, the target exists, or either file cannot be used.
    """
    source, copy = Place.of(where).file, Path(target)
    if source is None:
        raise OperatorError("a PostgreSQL database is copied with its own tool; run: pg_dump --format=custom --file=FILE DATABASE")
    try:
        copy.touch(mode=0o600, exist_ok=False)
        verdict = _copy(source, copy)
    except FileExistsError as error:
        raise OperatorError(f"the backup {copy} exists already; move it away, or name another file") from error
    except (sqlite3.Error, OSError) as error:
        copy.unlink(missing_ok=True)
        raise OperatorError(
            f"{source} could not be copied to {copy} ({error}); check both files and the space on the disk"
        ) from error
    if verdict != "ok":
        raise OperatorError(f"the copy {copy} of {source} is damaged ({verdict}); restore an older backup")
    return copy


def _copy(source: Path, copy: Path) -> str:
    with closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)
        new.execute(f"PRAGMA user_version = {_COPIED}")
        return str(new.execute("PRAGMA integrity_check").fetchone()[0])


def sqlite_verdict(found: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    """Say whether this SQLite has the defect that loses writes when two connections write and checkpoint together."""
    words = ".".join(str(part) for part in found)
    fixed = found >= (3, 51, 3) or (3, 50, 7) <= found < (3, 51) or (3, 44, 6) <= found < (3, 45)
    if fixed or found < (3, 7):
        return f"SQLite {words}: free of the WAL-reset defect"
    return (
        f"SQLite {words}: has the WAL-reset defect (fixed in 3.51.3, 3.50.7 and 3.44.6); it cannot strike here, because one "
        "connection alone writes and checkpoints and all others only read. Let no other program write to the journal"
    )
