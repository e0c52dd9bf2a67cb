"""`/status show`: the desk at a glance, with the owner's service targets."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import tables
from bot.accounts import WHICH, Account
from bot.client import DeskClient
from bot.replies import Interaction, answer


@app_commands.guild_only()
class Status(commands.GroupCog, name="status", description="The desk at a glance"):
    """Open to everybody on the server: counts and switches, no amounts."""

    def __init__(self, bot: DeskClient) -> None:
        self.desk = bot.desk

    @app_commands.command(description="Switches, market, what is under way, service targets")
    @app_commands.describe(account=WHICH)
    async def show(self, interaction: Interaction, account: Account | None = None) -> None:
        """Show the status."""

        async def work() -> discord.Embed:
            return tables.status(await (account or self.desk.engine).status(), self.desk.troubles)

        await answer(interaction, work())


async def setup(bot: DeskClient) -> None:
    """Add the group."""
    await bot.add_cog(Status(bot))
