"""Versions, migrations, copies."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, UniqueConstraint, inspect

from core.journal import schema
from core.journal.journal import SqlJournal, open_journal
from core.journal.place import Place
from core.journal.schema import HEAD, MIGRATIONS, REVISIONS, Migrated, backup, migrate, sqlite_verdict
from core.journal.tables import APPEND_ONLY, METADATA
from core.model.errors import NewerDatabaseError, OperatorError
from core.ports.journal import Kill
from tests.journal.build import NOW, note
from tests.journal.conftest import Ground


def sqlite_files(folder: Path) -> list[str]:
    return sorted(found.name for found in folder.iterdir() if not found.name.endswith(".lock"))


async def inside(journal: SqlJournal, work: Callable[[Connection], object]) -> object:
    def plain(connection: Connection) -> object:
        return work(getattr(connection, "plain", connection))

    return await journal._door.write("", plain)


async def test_the_migrated_tables_are_the_tables_of_the_code(ground: Ground) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, METADATA))

    assert await inside(await ground.open(), differences) == []


async def test_foreign_keys_checks_and_unique_constraints_are_migrated_too(ground: Ground) -> None:
    def seen(connection: Connection) -> dict[str, object]:
        looking = inspect(connection)
        return {
            table.name: (
                sorted(tuple(key["constrained_columns"]) for key in looking.get_foreign_keys(table.name)),
                sorted(tuple(unique["column_names"]) for unique in looking.get_unique_constraints(table.name)),
                len(looking.get_check_constraints(table.name)),
                tuple(looking.get_pk_constraint(table.name)["constrained_columns"]),
            )
            for table in METADATA.sorted_tables
        }

    wanted = {
        table.name: (
            sorted((key.parent.name,) for key in table.foreign_keys),
            sorted(tuple(one.name for one in rule.columns) for rule in table.constraints if isinstance(rule, UniqueConstraint)),
            sum(isinstance(rule, CheckConstraint) for rule in table.constraints),
            tuple(column.name for column in table.primary_key),
        )
        for table in METADATA.sorted_tables
    }
    assert await inside(await ground.open(), seen) == wanted


def test_the_revisions_that_the_code_knows_are_the_files_in_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert tuple(script.revision for script in reversed(scripts)) == REVISIONS
    assert [script.down_revision for script in reversed(scripts)] == [None, *REVISIONS[:-1]]


def test_the_migrations_guard_the_tables_that_the_code_calls_append_only() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = reversed(list(ScriptDirectory.from_config(config).walk_revisions()))
    guarded = [table for script in scripts for table in getattr(script.module, "APPEND_ONLY", ())]
    assert tuple(guarded) == APPEND_ONLY


async def test_a_fresh_path_is_set_up_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new %41 ü?" / "my #1.db"
    journal = await open_journal(path)
    await journal.set_kill(Kill(1, "ann", "x", NOW))
    await journal.close()
    again = await open_journal(f"sqlite+aiosqlite:///{path}" if "?" not in str(path) else path)
    assert (await again.kill()).level == 1
    await again.close()
    assert [found.name for found in path.parent.iterdir() if found.suffix == ".db"] == ["my #1.db"]


async def test_migrating_twice_does_nothing_the_second_time(tmp_path: Path) -> None:
    assert await migrate(tmp_path / "a.db") == Migrated(None, HEAD, None)
    assert await migrate(tmp_path / "a.db") == Migrated(HEAD, HEAD, None)


def test_a_migration_says_what_it_did() -> None:
    assert str(Migrated(None, "1", None)) == "the database was brought from nothing to revision 1"
    assert str(Migrated("1", "2", Path("a.bak"))).endswith("from revision 1 to revision 2; a copy of the old one is a.bak")
    assert str(Migrated("2", "2", None)) == "the database is up to date (revision 2)"


async def test_f127_a_database_of_a_newer_version_is_left_alone(ground: Ground) -> None:
    await ground.sql("UPDATE alembic_version SET version_num = '9999'")
    try:
        for attempt in (ground.open(), migrate(ground.where)):
            with pytest.raises(NewerDatabaseError, match=r"newer version of QuantMatrix \(revision 9999.*restore a backup"):
                await attempt
    finally:
        await ground.sql(f"UPDATE alembic_version SET version_num = '{HEAD}'")


async def test_an_older_database_asks_to_be_migrated_and_is_copied_first(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    journal = await ground.open()
    await journal.put_notes([note()])
    await journal.close()
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text((MIGRATIONS / "env.py").read_text())
    (scripts / "script.py.mako").write_text("")
    for name, before in ((HEAD, None), ("next", HEAD)):
        change = "op.execute('CREATE TABLE next_table (x INTEGER)')" if before else "pass"
        (scripts / "versions" / f"{name}.py").write_text(
            f"from alembic import op\nrevision = {name!r}\ndown_revision = {before!r}\ndef upgrade():\n    {change}\n"
        )
    monkeypatch.setattr(schema, "MIGRATIONS", scripts)
    monkeypatch.setattr(schema, "REVISIONS", (HEAD, "next"))
    monkeypatch.setattr(schema, "HEAD", "next")
    with pytest.raises(OperatorError, match="python -m bot migrate"):
        await ground.open()
    copy = None if ground.kind == "postgresql" else Path(f"{ground.where}.before-next.bak")
    try:
        assert await migrate(ground.where) == Migrated(HEAD, "next", copy)
        assert await ground.sql("SELECT version_num FROM alembic_version") == [("next",)]
        assert await ground.sql("SELECT note_id FROM outbox") == [("n1",)]
        if copy is not None:
            with closing(sqlite3.connect(copy)) as kept:
                assert kept.execute("SELECT version_num, note_id FROM alembic_version, outbox").fetchall() == [(HEAD, "n1")]
    finally:
        await ground.sql("DROP TABLE next_table")
        await ground.sql(f"UPDATE alembic_version SET version_num = '{HEAD}'")


async def test_f013_a_migration_that_fails_half_way_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text((MIGRATIONS / "env.py").read_text())
    (scripts / "script.py.mako").write_text("")
    (scripts / "versions" / "bad.py").write_text(
        "from alembic import op\nrevision = '0001'\ndown_revision = None\ndef upgrade():\n"
        "    op.execute('CREATE TABLE half (x INTEGER)')\n    op.execute('CREATE NONSENSE')\n"
    )
    monkeypatch.setattr(schema, "MIGRATIONS", scripts)
    with pytest.raises(OperatorError, match="syntax error"):
        await migrate(path)
    with closing(sqlite3.connect(path)) as left:
        assert left.execute("SELECT name FROM sqlite_master").fetchall() == []


async def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (x INTEGER)")
    with pytest.raises(OperatorError, match="not a database of QuantMatrix"):
        await open_journal(path)


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are my notes about the market, nothing else" * 50)
    with pytest.raises(OperatorError, match=r"notes\.db is not a database, or it is damaged"):
        await open_journal(path)


async def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="is a folder"):
        await open_journal(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match="check its folder"):
        await open_journal(tmp_path / "file" / "journal.db")


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("mysql://host/db", "mysql database cannot be used"),
        ("sqlite://", "needs the path of a file"),
        ("postgresql://u:secret@127.0.0.1:1/db", "check that it runs"),
        ("://", "cannot be read"),
    ],
)
async def test_a_useless_address_is_answered_in_one_sentence_without_the_password(where: str, sentence: str) -> None:
    with pytest.raises(OperatorError, match=sentence) as caught:
        await open_journal(where)
    assert "secret" not in str(caught.value)


def test_bare_postgresql_addresses_get_the_driver_that_is_installed() -> None:
    place = Place.of("postgresql://u:secret@host/db")
    assert place.url.drivername == "postgresql+asyncpg"
    assert place.name == "postgresql://u:***@host/db"


async def test_f034_a_copy_made_while_the_journal_is_in_use_is_whole(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path / "a.db")
    await journal.put_notes([note()])
    copy = backup(f"sqlite:///{tmp_path}/a.db", tmp_path / "copy.db")
    await journal.put_notes([note("n2")])
    await journal.close()
    restored = await open_journal(copy)
    assert [one.id for one in await restored.notes()] == ["n1"]
    await restored.put_notes([note("n3")])
    await restored.close()
    with pytest.raises(OperatorError, match="exists already"):
        backup(tmp_path / "a.db", copy)
    with pytest.raises(OperatorError, match="could not be copied"):
        backup(tmp_path / "missing.db", tmp_path / "copy2.db")
    assert sqlite_files(tmp_path) == ["a.db", "copy.db"]
    with pytest.raises(OperatorError, match="pg_dump"):
        backup("postgresql://host/db", tmp_path / "copy3.db")


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 6, 23), True), ((3, 7, 0), False), ((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 0), False),
        ((3, 50, 6), False), ((3, 50, 7), True), ((3, 51, 0), False), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 52, 0), True),
    ],
)  # fmt: skip
def test_f031_the_verdict_on_sqlite_knows_the_defect_and_why_it_cannot_strike(version: tuple[int, ...], sound: bool) -> None:
    verdict = sqlite_verdict(version)
    assert ("free of" in verdict) is sound
    assert sound or "one connection alone writes" in verdict
