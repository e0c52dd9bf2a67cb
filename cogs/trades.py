"""`/trades`: cards, orders and executions, and a person's word on what is in doubt.

`pending · open · history · close · resolve · adopt · ignore`; closing takes the same road as any exit.
"""

from datetime import timedelta
from decimal import Decimal

import discord
from discord import app_commands
from discord.ext import commands

from bot import tables
from bot.access import Capability, Standing
from bot.accounts import WHICH, Account
from bot.client import DeskClient
from bot.replies import Interaction, answer, require

Days = app_commands.Range[int, 1, 365]
Text = app_commands.Range[str, 1, 80]
Price = app_commands.Range[float, 0.01, 1_000_000.0]


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

    @app_commands.command(description="Say that an order in doubt never was at the broker; it takes a proof too")
    @app_commands.describe(order="Key of the order, as /trades open shows it", account=WHICH)
    async def resolve(self, interaction: Interaction, order: Text, account: Account | None = None) -> None:
        """Add a person's word to the proof of an absence."""
        by = await require(interaction, Capability.RESUME)
        engine, people = account or self.engine, len(self.desk.access.settings.approvers)
        await answer(interaction, engine.resolve(order.strip(), by, people), private=True)

    @app_commands.command(description="Take what happened outside of the desk as ours")
    @app_commands.describe(what="Symbol, or a corrected execution", stop="Take shares over, with this stop", account=WHICH)
    async def adopt(self, interaction: Interaction, what: Text, stop: Price | None = None, account: Account | None = None) -> None:
        """Accept a trade of somebody else, or a correction of the broker."""
        by = await require(interaction, Capability.RESUME)
        price = None if stop is None else Decimal(str(stop))
        await answer(interaction, (account or self.engine).adopt(what, by, price), private=True)

    @app_commands.command(description="Leave what happened outside to others; the strategy acts again")
    @app_commands.describe(symbol="Symbol that is held back", account=WHICH)
    async def ignore(self, interaction: Interaction, symbol: Text, account: Account | None = None) -> None:
        """Let an underlying go."""
        by = await require(interaction, Capability.RESUME)
        await answer(interaction, (account or self.engine).ignore(symbol, by), private=True)


async def setup(bot: DeskClient) -> None:
    """Add the group."""
    await bot.add_cog(Trades(bot))
