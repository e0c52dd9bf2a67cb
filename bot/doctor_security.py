"""The doctor's look at what protects the desk: who may read its secrets and its journal, the audit's anchors, who must say yes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from bot.findings import Finding, bad, good, warn
from bot.settings import Settings
from bot.settings_secret import files_of
from core.engine.settings import Tiers


def security_findings(chosen: Settings) -> list[Finding]:
    """Look at every file that must be the desk's alone, and at what an approval takes."""
    return [*_secrets(chosen), *_journal(chosen), *_approvals(chosen)]


def _secrets(chosen: Settings) -> Iterator[Finding]:
    sections = {
        "discord": chosen.discord,
        "journal": chosen.journal,
        "feed": chosen.feed,
        "broker": chosen.broker,
        "pager": chosen.pager,
    }
    loose = [(key, path) for key, path in files_of(sections).items() if others_may(path)]
    for key, path in loose:
        yield bad("secrets", f"{key}: {path} may be used by others", f"run: chmod 600 {path}")
    if not loose:
        yield good("secrets", f"{len(chosen.secrets)} known, none in a file that others may use")


def _journal(chosen: Settings) -> Iterator[Finding]:
    path = chosen.journal.path
    if chosen.database is not None or chosen.journal.url or not path.exists():
        return
    shown = [file for file in (path, *path.parent.glob(f"{path.name}*")) if others_may(file)]
    for file in dict.fromkeys(shown):
        judge = bad if chosen.live else warn
        yield judge("journal", f"{file} may be read by others, and it holds the trades", f"run: chmod 600 {file}")


def _approvals(chosen: Settings) -> Iterator[Finding]:
    count, tiers = len(chosen.discord.approvers), chosen.engine.approval.tiers
    if tiers is Tiers.OFF and count > 1:
        yield warn("approvals", "engine.approval.tiers is off: one person alone approves any order", "set it to auto")
    elif count == 1 and tiers is Tiers.AUTO:
        alone = "one approver decides alone, whatever an order can lose"
        remedy = "add a second person to discord.approvers, then the tiers of engine.approval hold"
        yield warn("approvals", alone, remedy) if chosen.live else good("approvals", alone)
    elif count:
        steps = ", ".join(
            f"up to ${step.up_to}: {step.persons}{' confirmed' if step.confirm else ''}" for step in chosen.engine.approval.steps
        )
        yield good("approvals", f"persons by possible loss: {steps}; above that nothing is asked")


def others_may(path: Path) -> bool:
    """Whether the group or everybody may do anything with a file."""
    return os.name == "posix" and path.exists() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
