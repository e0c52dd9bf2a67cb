"""The journal where the settings say: a PostgreSQL address from the environment or from a file, by the program itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import ROOT
from tests.journal.conftest import Server


@pytest.fixture
async def address(server: Server) -> str:
    """An empty database of its own."""
    await server.run("DROP DATABASE IF EXISTS desk", "CREATE DATABASE desk")
    return server.url("desk")


def bot(folder: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    plain = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, cwd=folder, env={**plain, **environment}, capture_output=True, text=True, check=False)


async def test_the_program_keeps_its_journal_on_postgresql_when_told_so(address: str, tmp_path: Path) -> None:
    (tmp_path / "address").write_text(f"{address}\n")
    (tmp_path / "config.yaml").write_text("journal: {url_file: address}\n")
    first = bot(tmp_path, "migrate", QUANTMATRIX_DATABASE_URL=address)
    second = bot(tmp_path, "migrate", "--config", "config.yaml")
    checked = bot(tmp_path, "audit", "verify", "--config", "config.yaml")
    assert first.returncode == second.returncode == checked.returncode == 0, (first.stderr, second.stderr, checked.stderr)
    assert first.stdout.startswith("the database was brought from nothing")
    assert second.stdout.startswith("the database is up to date")
    assert checked.stdout == "the audit log is whole: 0 rows\n"
    assert not (tmp_path / "var").exists(), "no file beside it"
