"""`/signals list · show · explain`: what the strategies found and why."""

from datetime import timedelta

import discord
from discord import app_commands
from discord.ext import commands

from bot import tables
from bot.accounts import WHICH, Account
from bot.client import DeskClient
from bot.replies import Interaction, answer
from core.engine.engine import Engine
from core.market.sessions import NEW_YORK
from core.model.errors import RefusedError

Days = app_commands.Range[int, 1, 365]


@app_commands.guild_only()
class Signals(commands.GroupCog, name="signals", description="What the strategies found, and why"):
    """Open to everybody on the server: ideas, no account data."""

    def __init__(self, bot: DeskClient) -> None:
        self.engine = bot.desk.engine

    @app_commands.command(name="list", description="Signals of the last days")
    @app_commands.describe(days="How many calendar days back", account=WHICH)
    async def list_(self, interaction: Interaction, days: Days = 7, account: Account | None = None) -> None:
        """Show the signals of the last days."""

        async def work() -> discord.Embed:
            engine = account or self.engine
            since = engine.clock.now().astimezone(NEW_YORK).date() - timedelta(days=days)
            return tables.signals(await engine.journal.signals(since))

        await answer(interaction, work())

    @app_commands.command(description="The latest signal on a symbol and what became of it")
    @app_commands.describe(symbol="Ticker symbol", account=WHICH)
    async def show(self, interaction: Interaction, symbol: str, account: Account | None = None) -> None:
        """Show one signal."""
        await answer(interaction, _show(account or self.engine, symbol))

    @app_commands.command(description="Which gates a symbol passes or fails, with value and threshold")
    @app_commands.describe(
        symbol="Ticker symbol", day="Session, as YYYY-MM-DD; the last completed one when left out", account=WHICH
    )
    async def explain(self, interaction: Interaction, symbol: str, day: str | None = None, account: Account | None = None) -> None:
        """Explain a symbol."""

        async def work() -> discord.Embed:
            engine = account or self.engine
            known = (await engine.view()).symbols
            return tables.explanation(await engine.explain(tables.symbol(symbol, known), tables.day(day)))

        await answer(interaction, work())

    @show.autocomplete("symbol")
    @explain.autocomplete("symbol")
    async def _symbols(self, _interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        names = tables.suggestions(typed, (await self.engine.view()).symbols)
        return [app_commands.Choice(name=name, value=name) for name in names]


async def _show(engine: Engine, typed: str) -> discord.Embed:
    symbol = tables.symbol(typed, (await engine.view()).symbols)
    since = engine.clock.now().astimezone(NEW_YORK).date() - timedelta(days=365)
    found = await engine.journal.signals(since, symbol)
    if not found:
        raise RefusedError(f"No signal on {symbol} within a year; /signals explain {symbol} shows which gates it misses.")
    latest = max(found, key=lambda signal: (signal.session, signal.as_of))
    return tables.signal(latest, await engine.journal.proposals_of(latest.id))


async def setup(bot: DeskClient) -> None:
    """Add the group."""
    await bot.add_cog(Signals(bot))
