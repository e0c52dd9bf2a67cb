"""`/portfolio summary · positions · risk`: what the account owns, has earned and risks; for the people of the desk alone."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import tables
from bot.access import Capability
from bot.client import DeskClient
from bot.replies import Interaction, answer, require
from core.model.positions import Position
from core.posts import of_each_trade, usage


@app_commands.guild_only()
class Portfolio(commands.GroupCog, name="portfolio", description="What the account owns, has earned and risks"):
    """Private: only those who may see account data get an answer, and only they see it."""

    def __init__(self, bot: DeskClient) -> None:
        self.engine = bot.desk.engine

    @app_commands.command(description="Value, profit with its parts apart, exposure")
    async def summary(self, interaction: Interaction) -> None:
        """Show the account at a glance."""
        await require(interaction, Capability.VIEW_PRIVATE)
        await answer(interaction, self._summary(), private=True)

    async def _summary(self) -> discord.Embed:
        points = await self.engine.journal.equity(self.engine.account)
        since = self.engine.sessions.start
        every: tuple[Position, ...] = tuple(await self.engine.journal.positions(self.engine.account, closed_since=since))
        closed = [position for position in every if not position.is_open]
        return tables.summary(await self.engine.book(), closed, points)

    @app_commands.command(description="What is held")
    async def positions(self, interaction: Interaction) -> None:
        """List open positions."""

        async def work() -> discord.Embed:
            return tables.positions(await self.engine.book())

        await require(interaction, Capability.VIEW_PRIVATE)
        await answer(interaction, work(), private=True)

    @app_commands.command(description="How much of each limit is used")
    async def risk(self, interaction: Interaction) -> None:
        """Show the use of risk limits."""

        async def work() -> discord.Embed:
            view = await self.engine.view()
            book = await self.engine.book(view)
            return tables.risk(book, usage(self.engine, book, view), of_each_trade(self.engine))

        await require(interaction, Capability.VIEW_PRIVATE)
        await answer(interaction, work(), private=True)


async def setup(bot: DeskClient) -> None:
    """Add the group."""
    await bot.add_cog(Portfolio(bot))
