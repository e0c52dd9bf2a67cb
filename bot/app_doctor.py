"""`python -m bot doctor`: looks at everything the desk stands on, changes nothing, and says what to do about what is wrong."""

import asyncio
import os
import platform
import re
import sys
import tomllib
from collections.abc import Callable, Iterable
from datetime import datetime
from importlib import metadata
from pathlib import Path

from bot import settings
from bot.access import Access
from bot.app_branch import Ground, open_broker
from bot.clock import SystemClock
from bot.doctor_discord import discord_findings
from bot.doctor_security import security_findings
from bot.findings import Finding, bad, good, lines, warn
from bot.settings import Settings
from bot.wiring import calendar
from core.engine.settings import Policy
from core.journal.journal import open_journal
from core.journal.schema import sqlite_verdict
from core.model.errors import OperatorError, QuantMatrixError, SettingsError
from core.ports.broker import Examinable
from core.ports.clock import Clock

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
#: Packages that must not be there, because they hide behind the names of ours.
REFUSED = {"ib-insync": "ib_async takes its place", "eventkit": "aeventkit takes its place under the same import name"}
DRIFT_SECONDS = 2.0


def doctor(config: Path | None) -> int:
    """Print what was found; answers 1 when anything must be mended, else 0."""
    found = asyncio.run(examine(config, SystemClock()))
    print("\n".join(lines(found)))  # noqa: T201 - the answer
    return int(any(finding.is_bad for finding in found))


async def examine(config: Path | None, clock: Clock) -> list[Finding]:
    """Look at everything, in the order in which a desk is opened."""
    found = [*versions(), *unwanted()]
    environment = dict(os.environ)
    try:
        chosen = settings.load("", environment) if config is None else settings.read(config, environment)
    except SettingsError as error:
        return [*found, *(bad("settings", mistake, "correct it; the other checks follow then") for mistake in error.mistakes)]
    except OperatorError as error:
        return [*found, bad("settings", str(error), "mend or remove that file")]
    found.append(good("settings", f"{config or 'the defaults'}, fingerprint {chosen.config_hash[:12]}"))
    found += await database(chosen)
    found += [*switches(chosen), *security_findings(chosen)]
    told, server_time = await discord_findings(chosen)
    found += [*clock_findings(clock.now(), server_time), *told]
    found += await market(chosen, clock)
    return found


def versions() -> list[Finding]:
    """Compare Python and every package with the pins of the project."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    low, high = (tuple(map(int, found.split("."))) for found in re.findall(r"\d+\.\d+", project["requires-python"])[:2])
    here = sys.version_info[:2]
    python = f"Python {platform.python_version()}"
    found = [good("python", python)] if low <= here < high else [bad("python", python, f"use {project['requires-python']}")]
    wrong = [sentence for pin in project["dependencies"] if (sentence := _compare(pin))]
    if wrong:
        found += [bad("packages", sentence, "run: make setup") for sentence in wrong]
    else:
        found.append(good("packages", f"{len(project['dependencies'])} at their pinned versions"))
    return found


def _compare(pin: str) -> str | None:
    name, _, wanted = pin.partition("==")
    name = name.partition("[")[0]
    try:
        here = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing, {wanted} is needed"
    return None if here == wanted else f"{name} is {here}, {wanted} is needed"


def unwanted(installed: Callable[[str], str] = metadata.version) -> list[Finding]:
    """Find packages that must not be there."""
    found = []
    for name, reason in REFUSED.items():
        try:
            here = installed(name)
        except metadata.PackageNotFoundError:
            continue
        found.append(bad("packages", f"{name} {here} is installed; {reason}", f"run: pip uninstall {name}"))
    return found


async def database(chosen: Settings) -> list[Finding]:
    """Open the journal (unless it does not exist yet) and check its audit chain."""
    found = [good("sqlite", sqlite_verdict())] if chosen.database_url.startswith("sqlite") else []
    path = chosen.journal.path
    if chosen.database is None and not chosen.journal.url and not path.exists():
        place = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
        if os.access(place, os.W_OK):
            return [*found, good("database", f"{path} will be made at the first start")]
        return [*found, bad("database", f"{path} cannot be made: {place} may not be written", "change its rights or journal.path")]
    try:
        journal = await open_journal(chosen.database_url)
        try:
            rows, kill = await journal.verify_audit(), await journal.kill()
        finally:
            await journal.close()
    except QuantMatrixError as error:
        return [*found, bad("database", str(error), "the desk does not start before this is mended")]
    found.append(good("database", f"opened; the audit chain is whole ({rows} rows)"))
    if kill.level:
        found.append(warn("switches", f"orders are stopped by {kill.by}: {kill.reason}", "type /resume when the cause is gone"))
    return found


def switches(chosen: Settings) -> list[Finding]:
    """Say which switches are live."""
    people = chosen.discord.approvers
    found = [good("switches", f"broker {chosen.broker.name}, {'LIVE' if chosen.live else 'no real money'}")]
    if people:
        found.append(good("approvers", ", ".join(person.name for person in people)))
    else:
        found.append(warn("approvers", "the list is empty, so nobody may approve", "fill in discord.approvers and approver_role"))
    engine = chosen.engine
    if engine.entries is Policy.AUTO:
        found.append(warn("switches", "engine.entries is auto: nobody is asked before a position is opened", "set it to ask"))
    elif engine.auto_below > 0:
        remedy = "set engine.auto_below to 0 to be asked always"
        found.append(warn("switches", f"entries that can lose less than ${engine.auto_below} are waved through", remedy))
    names = ", ".join(strategy.name for strategy in chosen.strategies)
    found.append(good("strategies", names) if names else bad("strategies", "none is switched on", "name at least one"))
    return found


def clock_findings(here: datetime, there: datetime | None) -> Iterable[Finding]:
    """Compare the machine's clock with Discord's."""
    if there is None:
        yield warn("clock", "n/a: no clock to compare with was reached", "see the findings on Discord")
        return
    drift = abs((here - there).total_seconds())
    if drift > DRIFT_SECONDS:
        yield bad("clock", f"{drift:.0f} s away from Discord's", "switch on time synchronisation, deadlines depend on it")
    else:
        yield good("clock", "agrees with Discord's to within two seconds")


async def market(chosen: Settings, clock: Clock) -> list[Finding]:
    """Open the data as the desk does, and the broker of every account, without touching a paper ledger."""
    now = clock.now()
    try:
        first = getattr(chosen.feed, "start", now.date())
        sessions = calendar(min(first, now.date()), now.date())
        feed = await asyncio.to_thread(chosen.feed.open, clock, sessions)
        view = await feed.view()
    except QuantMatrixError as error:
        return [bad("data", str(error), "correct `feed` in the settings")]
    found = [good("data", f"{view.source}: {len(view.symbols)} symbols, last completed bar {view.completed}")]
    ground = Ground(clock, feed, sessions, Access(chosen.discord), Path(), lambda _: None, lambda _: None)
    for one in (chosen, *chosen.accounts):
        found += await broker(one, ground)
    return found


async def broker(chosen: Settings, ground: Ground) -> list[Finding]:
    """Prove connection, account, permissions and mode of one account's broker."""
    name = chosen.engine.account
    try:
        opened = await open_broker(chosen, chosen.engine, ground, None)
        try:
            balances, held = await opened.account(), await opened.positions()
            seen = await opened.check() if isinstance(opened, Examinable) else None
        finally:
            await opened.close()  # type: ignore[attr-defined]  # every adapter has it; the engine never closes one
    except QuantMatrixError as error:
        return [bad("broker", f"{name}: {error}", "correct `broker` in the settings")]
    can = opened.capabilities
    takes = [
        word for word, able in (("stock", can.stock), ("options", can.options), ("spreads as one order", can.multi_leg)) if able
    ]
    number = getattr(chosen.broker, "account", "") or balances.account
    mode = "LIVE: real money" if can.live else "no real money"
    return [
        good("broker", f"{name}: {can.name} answers for account {number}, {mode}"),
        good("broker", f"{name}: takes {', '.join(takes) or 'nothing'}; {len(held)} instruments held"),
        *(good("broker", f"{name}: {sentence}") for sentence in (seen.findings if seen else ())),
        *(
            warn("broker", f"{name}: {sentence}", "ask the broker what it means for trading")
            for sentence in (seen.remarks if seen else ())
        ),
    ]
