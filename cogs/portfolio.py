"""`/portfolio summary · positions · risk`: what the account owns, has earned and risks; for the people of the desk alone."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import tables
from bot.access import Capability
from bot.accounts import WHICH, Account
from bot.client import DeskClient
from bot.replies import Interaction, answer, require
from core.engine.engine import Engine
from core.model.positions import Position
from core.posts import of_each_trade, usage


@app_commands.guild_only()
class Portfolio(commands.GroupCog, name="portfolio", description="What the account owns, has earned and risks"):
    """Private: only those who may see account data get an answer, and only they see it."""

    def __init__(self, bot: DeskClient) -> None:
        self.engine = bot.desk.engine

    @app_commands.command(description="Value, profit with its parts apart, exposure")
    @app_commands.describe(account=WHICH)
    async def summary(self, interaction: Interaction, account: Account | None = None) -> None:
        """Show the account at a glance."""
        await require(interaction, Capability.VIEW_PRIVATE)
        await answer(interaction, _summary(account or self.engine), private=True)

    @app_commands.command(description="What is held")
    @app_commands.describe(account=WHICH)
    async def positions(self, interaction: Interaction, account: Account | None = None) -> None:
        """List open positions."""

        async def work() -> discord.Embed:
            engine = account or self.engine
            return tables.positions(await engine.book(), protected=engine.broker.capabilities.protective_orders)

        await require(interaction, Capability.VIEW_PRIVATE)
        await answer(interaction, work(), private=True)

    @app_commands.command(description="How much of each limit is used")
    @app_commands.describe(account=WHICH)
    async def risk(self, interaction: Interaction, account: Account | None = None) -> None:
        """Show the use of risk limits."""

        async def work() -> discord.Embed:
            engine = account or self.engine
            view = await engine.view()
            book = await engine.book(view)
            return tables.risk(book, usage(engine, book, view), of_each_trade(engine))

        await require(interaction, Capability.VIEW_PRIVATE)
        await answer(interaction, work(), private=True)


async def _summary(engine: Engine) -> discord.Embed:
    points = await engine.journal.equity(engine.account)
    every: tuple[Position, ...] = tuple(await engine.journal.positions(engine.account, closed_since=engine.sessions.start))
    closed = [position for position in every if not position.is_open]
    return tables.summary(await engine.book(), closed, points)


async def setup(bot: DeskClient) -> None:
    """Add the group."""
    await bot.add_cog(Portfolio(bot))
