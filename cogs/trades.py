"""`/trades pending · open · history · close`: cards, orders and executions; closing takes the same road as any exit."""

from datetime import timedelta

import discord
from discord import app_commands
from discord.ext import commands

from bot import tables
from bot.access import Capability, Standing
from bot.client import DeskClient
from bot.replies import Interaction, answer, require

Days = app_commands.Range[int, 1, 365]


@app_commands.guild_only()
class Trades(commands.GroupCog, name="trades", description="Cards, orders and executions"):
    """Private: for those who may see account data."""

    def __init__(self, bot: DeskClient) -> None:
        self.desk, self.engine = bot.desk, bot.desk.engine

    @app_commands.command(description="Cards that wait for a decision")
    async def pending(self, interaction: Interaction) -> None:
        """List what can still be decided."""

        async def work() -> discord.Embed:
            return tables.pending(await self.engine.pending())

        await require(interaction, Capability.VIEW_PRIVATE)
        await answer(interaction, work(), private=True)

    @app_commands.command(name="open", description="Orders that are not finished")
    async def open_(self, interaction: Interaction) -> None:
        """List unfinished orders."""

        async def work() -> discord.Embed:
            return tables.orders(await self.engine.journal.unfinished_orders())

        await require(interaction, Capability.VIEW_PRIVATE)
        await answer(interaction, work(), private=True)

    @app_commands.command(description="Executions of the last days")
    @app_commands.describe(days="How many days back")
    async def history(self, interaction: Interaction, days: Days = 7) -> None:
        """List executions."""

        async def work() -> discord.Embed:
            since = self.engine.clock.now() - timedelta(days=days)
            return tables.fills(await self.engine.journal.fills(self.engine.account, since))

        await require(interaction, Capability.VIEW_PRIVATE)
        await answer(interaction, work(), private=True)

    @app_commands.command(description="Close a position, or some units of it")
    @app_commands.describe(position="Id of the position", quantity="How many units; all when left out")
    async def close(self, interaction: Interaction, position: str, quantity: int | None = None) -> None:
        """Close by hand."""

        async def work() -> str:
            return await self.engine.close_position(position, tables.whole_units(quantity), by)

        by = await require(interaction, Capability.CLOSE)
        await answer(interaction, work(), private=True)

    @close.autocomplete("position")
    async def _positions(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        allowed = self.desk.access.allowed(Standing.of(interaction.user), self.desk.approvals.pace.now())
        held = self.engine.books.positions if Capability.CLOSE in allowed else {}
        labels = {f"{position.symbol} · {position.units} units · {key}"[:100]: key for key, position in held.items()}
        return [app_commands.Choice(name=label, value=labels[label]) for label in tables.suggestions(typed, labels)]


async def setup(bot: DeskClient) -> None:
    """Add the group."""
    await bot.add_cog(Trades(bot))
