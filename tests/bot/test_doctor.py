import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest

from bot import app_doctor
from bot.clock import SystemClock
from bot.findings import Finding, Mark, bad, lines
from bot.sandbox.server import Sandbox
from tests.bot.rig import loopback

NOW = datetime(2026, 1, 5, 15, tzinfo=UTC)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with loopback() as opened:
        yield opened


def config(folder: Path, sandbox: Sandbox, **changes: object) -> Path:
    channels = {name.replace("-", "_"): channel for name, channel in sandbox.channels.items()}
    channels.update({key: value for key, value in changes.items() if key in channels})  # type: ignore[misc]
    file = folder / "config.yaml"
    file.write_text(
        f"""
discord:
  guild_id: {changes.get("guild_id", sandbox.guild_id)}
  channels: {{{", ".join(f"{key}: {value}" for key, value in channels.items())}}}
  approvers: [{{name: Olivia, user_ids: [{sandbox.users["owner"]}]}}]
  approver_role: {sandbox.roles["approver"]}
  loopback: {sandbox.page_url}
journal: {{path: {folder / "journal.db"}}}
feed: {{name: simulated, symbols: 20}}
"""
    )
    return file


async def examined(file: Path | None) -> list[Finding]:
    return await app_doctor.examine(file, SystemClock())


def wrong(found: list[Finding]) -> list[str]:
    return [f"{finding.thing}: {finding.sentence}" for finding in found if finding.is_bad]


@pytest.fixture
def token(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DISCORD_TOKEN", sandbox.token)
    return sandbox.token


async def test_a_sound_desk_has_nothing_to_mend(tmp_path: Path, sandbox: Sandbox, token: str) -> None:
    found = await examined(config(tmp_path, sandbox))
    assert wrong(found) == []
    told = "\n".join(lines(found))
    for thing in (
        "python",
        "packages",
        "database",
        "clock",
        "#signals",
        "approvers",
        "data",
        "broker",
        "permissions=",
        "no real money",
    ):
        assert thing in told
    assert token not in told


async def test_a_wrong_token_is_named(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "not.a.token")
    assert wrong(await examined(config(tmp_path, sandbox))) == ["discord: the token was refused"]


async def test_a_missing_token_is_named(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    assert wrong(await examined(config(tmp_path, sandbox))) == ["discord: no token is set"]


async def test_a_server_without_the_bot_gets_the_invite(tmp_path: Path, sandbox: Sandbox, token: str) -> None:
    found = await examined(config(tmp_path, sandbox, guild_id=77))
    assert wrong(found) == ["server: the bot is not in server 77"]
    assert any("oauth2/authorize" in finding.remedy for finding in found if finding.is_bad)


async def test_a_missing_channel_and_a_missing_permission_are_named(tmp_path: Path, sandbox: Sandbox, token: str) -> None:
    await sandbox.control.do("overwrite", channel="trades", user="bot", deny=1 << 6)
    found = wrong(await examined(config(tmp_path, sandbox, portfolio=77)))
    assert found == [
        "#trades: the bot may not add reactions there",
        "#portfolio: discord.channels.portfolio: there is no channel 77 that the bot can see",
    ]


async def test_an_approver_without_the_role_is_pointed_out(tmp_path: Path, sandbox: Sandbox, token: str) -> None:
    await sandbox.control.do("set_roles", user="owner", roles=[])
    found = await examined(config(tmp_path, sandbox))
    assert any(finding.mark is Mark.WARN and "does not hold the role" in finding.sentence for finding in found)


async def test_every_mistake_of_the_settings_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("engine: {band: 9}\nlog_level: loud\n")
    assert wrong(await examined(file)) == [
        "settings: engine.band: 9 is too large; give at most 0.5",
        "settings: log_level: 'loud' is unknown; known: debug, error, info, warning",
    ]


async def test_a_database_of_something_else_is_named(tmp_path: Path, sandbox: Sandbox, token: str) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.db")) as other:
        other.execute("CREATE TABLE cats (name TEXT)")
        other.commit()
    assert [finding.split(":")[0] for finding in wrong(await examined(config(tmp_path, sandbox)))] == ["database"]


def test_packages_that_shadow_ours_are_refused() -> None:
    def installed(name: str) -> str:
        if name == "eventkit":
            return "1.0.3"
        raise metadata.PackageNotFoundError(name)

    (found,) = app_doctor.unwanted(installed)
    assert found.is_bad
    assert "eventkit 1.0.3" in found.sentence
    assert found.remedy == "run: pip uninstall eventkit"


def test_f078_a_clock_that_is_off_is_named() -> None:
    (found,) = app_doctor.clock_findings(NOW, NOW + timedelta(seconds=30))
    assert found.is_bad
    (fine,) = app_doctor.clock_findings(NOW, NOW + timedelta(seconds=1))
    assert not fine.is_bad
    (unknown,) = app_doctor.clock_findings(NOW, None)
    assert "n/a" in unknown.sentence


def test_the_answer_is_one_line_each_with_its_remedy() -> None:
    assert list(lines([bad("clock", "30 s away", "switch it on")])) == ["BAD  clock           30 s away  → switch it on"]
