"""What bad input gets at the command line: one sentence that names the thing and the remedy, a status, and nothing lost."""

import asyncio
import contextlib
import json
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from bot.__main__ import BUSY, main
from bot.sandbox.actors import connect
from core.journal.lease import FileLock
from core.model.errors import RefusedError
from core.model.notes import Topic
from tests.demo.child import GOODBYE, JSON, MARKET, PATIENCE, ROOT, said, spawn, until

on_one_loop = pytest.mark.asyncio(loop_scope="module")
Told = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run a command in an empty folder: its only sentence, which must be an error with the status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)

    def run(*words: str, status: int = 1) -> str:
        assert main(words) == status
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("quantmatrix: ")
        assert err.count("\n") == 1, err
        return err.removeprefix("quantmatrix: ").strip()

    return run


@pytest.fixture
def answered(told: Told, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run a command in the same folder that must succeed: what it says."""

    def run(*words: str) -> str:
        assert main(words) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out.strip()

    return run


@pytest.mark.parametrize(
    "command", [("run",), ("doctor",), ("demo", "--config", "config.yaml"), ("migrate", "--config", "config.yaml")]
)
def test_a_config_that_is_not_there_is_named(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (*command, "--config", "config.yaml") if command == ("doctor",) else command
    status = main(words)
    out, err = capsys.readouterr()
    assert status == 1
    assert "config.yaml: cannot be read (No such file or directory); copy config.example.yaml there" in out + err
    assert "Traceback" not in out + err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe\x00", "config.yaml: cannot be read (it is no text in UTF-8)"),
        (b"engine: [1\n", "config.yaml: line 2, column 1: expected ',' or ']'"),
        (b"engine: {bnad: 0.01}\n", "engine.bnad: is not a known key; did you mean 'band'?"),
        (b"engin: {}\n", "engin: is not a known key; did you mean 'engine'?"),
        (b"engine: {band: 9}\n", "engine.band: 9 is too large; give at most 0.5"),
        (b"feed: {name: simulated, start: 5 Jan 2026}\n", "feed.start: '5 Jan 2026'"),
        (
            (
                b"broker: {name: paper, live: true}\n"
                b"discord: {guild_id: 2, channels: {trades: 3}, approvers: [{name: A, user_ids: [1]}], approver_role: 1}\n"
            ),
            "broker.live: true is refused, paper never trades real money",
        ),
        (b"strategies: {atr_matrx: {}}\n", "did you mean 'atr_matrix'?"),
        (b"{}\n", "discord.token: is missing; set DISCORD_TOKEN"),
    ],
)
def test_a_mistake_in_the_settings_is_named(content: bytes, sentence: str, told: Told, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(content)
    assert sentence in told("run")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_every_mistake_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("engine: {bnad: 9}\nlog_level: loud\nfoo: 1\n")
    assert main(["run"]) == 1
    assert capsys.readouterr().err.count("\n") == 3


def test_a_malformed_date_and_a_file_that_is_no_parquet_are_named(
    told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("replay", "--bars", "bars.parquet", "--to", "2015-02-02", "--out", "out", "--from")
    with pytest.raises(SystemExit) as ended:
        main([*words, "2015-13-01"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("'2015-13-01' is no date; write it as YYYY-MM-DD, such as 2015-01-02")
    (tmp_path / "bars.parquet").write_bytes(b"no parquet at all")
    assert "bars.parquet cannot be read" in told(*words, "2015-01-02")


def test_checking_and_copying_a_journal_that_is_not_there_makes_none(told: Told, tmp_path: Path) -> None:
    for command in (("audit", "verify"), ("backup", "copy.db")):
        assert (
            told(*command) == "journal.path: there is no journal at var/quantmatrix.db; name the settings of the desk with --config"
        )
    assert list(tmp_path.iterdir()) == []


def test_migrate_verify_and_backup_say_what_they_did(told: Told, answered: Told) -> None:
    assert answered("migrate").startswith("the database was brought from nothing to revision ")
    assert answered("migrate").startswith("the database is up to date (revision ")
    assert answered("audit", "verify") == "the audit log is whole: 0 rows"
    assert answered("backup", "copy.db") == "the journal was copied to copy.db"
    assert told("backup", "copy.db") == "the backup copy.db exists already; move it away, or name another file"
    assert "nowhere/copy.db" in told("backup", "nowhere/copy.db")


def test_a_database_of_a_newer_version_is_left_as_it_is(told: Told, answered: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    answered("migrate")
    journal = Path("var/quantmatrix.db")
    with closing(sqlite3.connect(journal)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.commit()
        newer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = journal.read_bytes()
    Path("config.yaml").write_text("discord: {guild_id: 1}\n")
    monkeypatch.setenv("DISCORD_TOKEN", "not.a.token")
    for command in (("run",), ("migrate",), ("audit", "verify")):
        assert "was written by a newer version of QuantMatrix (revision 9999" in told(*command)
    assert journal.read_bytes() == before


def test_f019_a_second_instance_ends_with_its_own_status_and_leaves_the_clock_of_the_first(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("config.yaml").write_text("discord: {guild_id: 1}\njournal: {path: journal.db}\n")
    monkeypatch.setenv("DISCORD_TOKEN", "not.a.token")
    first = FileLock(tmp_path / "journal.db")
    first.take()
    sentence = told("run", status=BUSY)
    first.drop()
    assert BUSY == 75
    assert sentence.startswith("another quantmatrix already uses ")
    assert sentence.endswith("stop it first, or give this one a database of its own")
    assert not (tmp_path / "var" / "clock.json").exists()


@pytest.mark.parametrize("kilobytes", [16, 200])
def test_a_full_disk_gets_one_sentence(kilobytes: int, tmp_path: Path) -> None:
    limit = kilobytes * 1024
    ended = subprocess.run(
        [sys.executable, "-m", "bot", "migrate"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},  # a compiled file that was cut short would stay
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("quantmatrix: ")
    assert "quantmatrix.db" in ended.stderr
    assert "disk" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def addresses() -> AsyncIterator[JSON]:
    """A loopback Discord in a process of its own."""
    command = (sys.executable, "-m", "bot.sandbox")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        found: JSON = json.loads(await process.stdout.readline())
    yield found
    process.send_signal(signal.SIGTERM)
    await process.wait()


def desk(folder: Path, addresses: JSON, **channels: int) -> None:
    """Settings of a desk at the loopback Discord."""
    known = {topic.value: addresses["channels"][topic.value.replace("_", "-")] for topic in Topic}
    tree: dict[str, Any] = {
        "discord": {
            "guild_id": addresses["guild_id"],
            "channels": known | channels,
            "approvers": [{"name": "Olivia", "user_ids": [addresses["users"]["owner"]]}],
            "approver_role": addresses["roles"]["approver"],
            "loopback": addresses["page_url"].rstrip("/"),
        },
        "feed": dict(MARKET),
        "journal": {"path": "journal.db"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(tree))


@on_one_loop
async def test_the_doctor_finds_a_sound_desk_sound(tmp_path: Path, addresses: JSON) -> None:
    desk(tmp_path, addresses)
    status, out, err = await said(tmp_path, "doctor", "--config", "config.yaml", DISCORD_TOKEN=addresses["token"])
    assert (status, err) == (0, "")
    assert {line.split()[0] for line in out.splitlines()} == {"ok"}
    assert "scope=bot+applications.commands&permissions=" in out
    assert addresses["token"] not in out


@on_one_loop
async def test_the_doctor_names_a_missing_channel_and_permission(tmp_path: Path, addresses: JSON) -> None:
    desk(tmp_path, addresses, portfolio=77)
    async with connect(addresses["control_url"], addresses["control_token"]) as control:
        await control.do("overwrite", channel="trades", user="bot", deny=1 << 6)
        status, out, _ = await said(tmp_path, "doctor", "--config", "config.yaml", DISCORD_TOKEN=addresses["token"])
        await control.do("overwrite", channel="trades", user="bot", deny=0)
    wrong = [line for line in out.splitlines() if line.startswith("BAD")]
    assert status == 1
    assert len(wrong) == 2
    assert "the bot may not add reactions there" in wrong[0]
    assert "there is no channel 77 that the bot can see" in wrong[1]
    assert "oauth2/authorize" in out


@on_one_loop
async def test_a_wrong_token_ends_the_desk_with_one_sentence(tmp_path: Path, addresses: JSON) -> None:
    desk(tmp_path, addresses)
    status, _, err = await said(tmp_path, "run", "--config", "config.yaml", DISCORD_TOKEN="not.a.token")
    assert status == 1
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("quantmatrix: Discord refused the token; make a new one")


@on_one_loop
async def test_a_desk_whose_channel_is_missing_goes_on_and_says_so(tmp_path: Path, addresses: JSON) -> None:
    desk(tmp_path, addresses, status=77)
    process = await spawn(tmp_path, "run", "--config", "config.yaml", DISCORD_TOKEN=addresses["token"])
    async with connect(addresses["control_url"], addresses["control_token"]) as control:

        async def tells() -> bool | None:
            with contextlib.suppress(RefusedError):  # the command is not registered yet
                return "77" in str((await control.user("stranger").slash("status show")).embeds) or None
            return None

        await until(tells, "the trouble in /status show")
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(GOODBYE):
        _, err = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in err
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        (waiting,) = journal.execute("SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND topic = 'status'").fetchone()
    assert waiting, "what could not be told is kept"
