"""`/halt` and `/resume`: the switch that stops every order, durably."""

from discord import app_commands
from discord.ext import commands

from bot.access import Capability
from bot.client import DeskClient
from bot.replies import Interaction, answer, require

Reason = app_commands.Range[str, 1, 200]


@app_commands.guild_only()
class Switch(commands.Cog):
    """For approvers; the change is told in the status channel and noted in the audit."""

    def __init__(self, bot: DeskClient) -> None:
        self.engine = bot.desk.engine

    @app_commands.command(description="Stop sending orders at once; holds across restarts")
    @app_commands.describe(reason="Why")
    async def halt(self, interaction: Interaction, reason: Reason = "by hand") -> None:
        """Stop."""

        async def work() -> str:
            await self.engine.halt(by, reason)
            return "Halted: no order is sent until somebody types /resume."

        by = await require(interaction, Capability.HALT)
        await answer(interaction, work(), private=True)

    @app_commands.command(description="Send orders again")
    @app_commands.describe(reason="Why")
    async def resume(self, interaction: Interaction, reason: Reason = "by hand") -> None:
        """Go on."""

        async def work() -> str:
            await self.engine.resume(by, reason)
            return "Orders are sent again."

        by = await require(interaction, Capability.RESUME)
        await answer(interaction, work(), private=True)


async def setup(bot: DeskClient) -> None:
    """Add the two commands."""
    await bot.add_cog(Switch(bot))
