"""A whole desk beside a loopback Discord: the real engine (`tests.engine.rig`), client, notifier and approvals, real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import discord.gateway
import discord.http

from bot import client as clients
from bot.access import Access
from bot.approvals import Approvals
from bot.client import DeskClient
from bot.clock import SystemClock
from bot.notifier import DiscordNotifier, Outlet, Posted
from bot.sandbox.actors import Actor
from bot.sandbox.redirect import redirect_discord
from bot.sandbox.server import Sandbox
from bot.sandbox.server import Settings as SandboxSettings
from bot.settings_discord import Channels, DiscordSettings, Person
from bot.settings_secret import Secret
from core.model.notes import Chart, Topic
from core.ports.journal import StoredProposal
from tests.engine.rig import Desk, desk

YES, NO = "✅", "❌"
T = TypeVar("T")


def settings_of(sandbox: Sandbox) -> DiscordSettings:
    """The settings that fit a loopback Discord: owner and approver may approve."""
    channels = Channels(**{topic.value: sandbox.channels[topic.value.replace("_", "-")] for topic in Topic})
    people = tuple(Person(name, (sandbox.users[name],)) for name in ("owner", "approver"))
    return DiscordSettings(sandbox.guild_id, channels, people, sandbox.roles["approver"])


@asynccontextmanager
async def loopback(world: Path | None = None) -> AsyncIterator[Sandbox]:
    """A loopback Discord that discord.py talks to; afterwards it points where it pointed before."""
    base, gateway = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    sandbox = Sandbox(SandboxSettings(world=world, secret="rig", page=False), SystemClock())
    await sandbox.start()
    redirect_discord(sandbox.api_base, sandbox.gateway_url)
    try:
        yield sandbox
    finally:
        discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = base, gateway
        await sandbox.stop()


@dataclass(slots=True)
class Office:
    """The desk as people meet it."""

    desk: Desk
    sandbox: Sandbox
    served: clients.Desk
    points: list[str]

    @property
    def notifier(self) -> DiscordNotifier:
        return self.served.branches[0].notifier

    @property
    def approvals(self) -> Approvals:
        return self.served.approvals

    def user(self, who: str) -> Actor:
        return self.sandbox.control.user(who)

    async def card(self) -> StoredProposal:
        """Make a signal, ask for it, and wait until its card stands with its two reactions."""
        await self.desk.engine.scan()
        self.desk.open_market()
        await self.desk.engine.entries()
        return await self.standing()

    async def standing(self) -> StoredProposal:
        async def found() -> StoredProposal | None:
            pending = await self.desk.engine.pending()
            stored = await self.desk.journal.proposal(pending[0].proposal.id) if pending else None
            if stored is None or stored.message_id is None:
                return None
            message = await self.user("owner").look(stored.message_id)
            return stored if len(message.get("reactions", [])) == 2 else None

        return await until(found)

    async def state(self, proposal_id: str) -> str:
        stored = await self.desk.journal.proposal(proposal_id)
        return stored.state.value if stored else "none"

    async def becomes(self, proposal_id: str, *states: str) -> str:
        """Wait until a proposal is in one of the states."""

        async def there() -> str | None:
            state = await self.state(proposal_id)
            return state if state in states else None

        return await until(there)

    async def audited(self, action: str, count: int = 1) -> list[str]:
        """Wait for audit rows of an action; their bodies."""

        async def there() -> list[str] | None:
            rows = [row.body for row in await self.desk.journal.audit_rows(500) if row.action == action]
            return rows if len(rows) >= count else None

        return await until(there)

    async def orders(self) -> int:
        """How many orders were ever made."""
        return len(await self.desk.journal.orders(self.desk.clock.now().replace(year=2020)))

    async def quiet(self, seconds: float = 0.3) -> None:
        """Give everything that is under way time to happen."""
        await asyncio.sleep(seconds)


async def until(ask: Callable[[], Awaitable[T | None]], seconds: float = 20.0) -> T:
    """Ask until there is an answer."""
    async with asyncio.timeout(seconds):
        while True:
            found = await ask()
            if found is not None:
                return found
            await asyncio.sleep(0.01)


@asynccontextmanager
async def office(
    folder: Path, sandbox: Sandbox, *, connect: bool = True, again: bool = False, label: str = "", **changes: Any
) -> AsyncIterator[Office]:
    """Open a desk on the folder and connect it; `again` is a restart on the same folder in the middle of the session."""
    points: list[str] = []
    async with desk(folder, **changes) as inside:
        access = Access(settings_of(sandbox))
        approvals = Approvals(inside.engine, access, label=label)

        async def posted(card: Posted) -> None:
            await approvals.posted(card)

        outlet = Outlet(inside.journal, inside.clock, access.settings.channels, draw, points.append, posted, label=label)
        notifier = DiscordNotifier(outlet)
        inside.engine.notifier = notifier
        if again:
            inside.open_market()
        await inside.engine.start()
        served = clients.Desk((clients.Branch(inside.engine, approvals, notifier),), access, SystemClock(), 0.0)
        tasks = [asyncio.create_task(notifier.run()), asyncio.create_task(approvals.run())]
        if connect:
            tasks.append(asyncio.create_task(clients.supervise(served, Secret(sandbox.token))))
            await until(lambda: _ready(notifier))
        try:
            yield Office(inside, sandbox, served, points)
        finally:
            for task in reversed(tasks):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


async def _ready(notifier: DiscordNotifier) -> bool | None:
    return isinstance(notifier.client, DeskClient) or None


def draw(chart: Chart) -> bytes:
    """A picture of one pixel."""
    del chart
    return bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    )


__all__ = ["NO", "YES", "Office", "draw", "loopback", "office", "replace", "settings_of", "until"]
