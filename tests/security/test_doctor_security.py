"""The doctor on what protects the desk: files of secrets, the journal's rights, powers of the bot, and what an approval takes."""

from pathlib import Path

import discord
import pytest

from bot.doctor_security import security_findings
from bot.findings import Finding, Mark
from bot.powers import TOO_MUCH, needed, powers
from bot.settings import load


def found(text: str, thing: str) -> list[Finding]:
    return [one for one in security_findings(load(text, {})) if one.thing == thing]


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o602])
def test_f128_a_file_of_a_secret_that_others_may_use_is_bad(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text("a.b.c")
    file.chmod(mode)
    text = f"discord: {{token_file: {file}}}"
    (finding,) = found(text, "secrets")
    assert finding.mark is Mark.BAD
    assert finding.remedy == f"run: chmod 600 {file}"
    file.chmod(0o600)
    (finding,) = found(text, "secrets")
    assert finding.mark is Mark.GOOD


def test_f139_a_journal_that_others_may_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"")
    path.chmod(0o640)
    (finding,) = found(f"journal: {{path: {path}}}", "journal")
    assert finding.mark is Mark.WARN
    path.chmod(0o600)
    assert found(f"journal: {{path: {path}}}", "journal") == []


@pytest.mark.parametrize(
    ("count", "tiers", "mark", "words"),
    [
        (1, "auto", Mark.GOOD, "one approver decides alone"),
        (2, "auto", Mark.GOOD, "up to $250: 1, up to $2500: 1 confirmed, up to $10000: 2"),
        (2, "off", Mark.WARN, "is off"),
    ],
)
def test_what_an_approval_takes_is_told(count: int, tiers: str, mark: Mark, words: str) -> None:
    people = [{"name": f"P{number}", "user_ids": [number]} for number in range(1, count + 1)]
    (finding,) = found(
        f"discord: {{approver_role: 4, approvers: {people}}}\nengine: {{approval: {{tiers: '{tiers}'}}}}", "approvals"
    )
    assert finding.mark is mark
    assert words in finding.sentence


def test_an_administrator_bot_is_refused_in_live_and_told_otherwise() -> None:
    (live,) = powers(discord.Permissions(administrator=True), live=True)
    assert live.mark is Mark.BAD
    (paper,) = powers(discord.Permissions(administrator=True), live=False)
    assert paper.mark is Mark.WARN


@pytest.mark.parametrize("power", TOO_MUCH)
def test_every_power_that_the_bot_never_needs_is_told(power: str) -> None:
    assert not getattr(needed(), power)
    (finding,) = powers(discord.Permissions(**{power: True}), live=True)
    assert finding.mark is Mark.WARN
    assert power.replace("_", " ") in finding.sentence


def test_what_the_bot_needs_is_fine_and_holds_no_administrator() -> None:
    assert not needed().administrator
    (finding,) = powers(needed(), live=True)
    assert finding.mark is Mark.GOOD
