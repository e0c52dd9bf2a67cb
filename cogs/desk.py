"""`/halt`, `/resume`, `/flatten`: the switch that stops the desk, durably, and what it takes to go on or to close everything."""

import asyncio
from typing import Literal

from discord import app_commands
from discord.ext import commands

from bot.access import Capability
from bot.accounts import WHICH, Account
from bot.client import DeskClient
from bot.replies import Interaction, answer, require
from core.engine import confirm
from core.model.kill import Level

Reason = app_commands.Range[str, 1, 200]
Code = app_commands.Range[str, 0, 12]
How = Literal["reduce only", "halt", "halt and cancel all"]
HOW = {"reduce only": Level.REDUCE_ONLY, "halt": Level.HALT, "halt and cancel all": Level.CANCEL_ALL}
CODE = "The second step: the code that the first one showed"


@app_commands.guild_only()
class Switch(commands.Cog):
    """For approvers; every change is told in the status channel, paged, and noted in the audit."""

    def __init__(self, bot: DeskClient) -> None:
        self.desk = bot.desk
        self.people = len(bot.desk.access.settings.approvers)

    @app_commands.command(description="Stop every account at once; holds across restarts")
    @app_commands.describe(reason="Why", level="reduce only: exits still go; halt: nothing; cancel all: open orders too")
    async def halt(self, interaction: Interaction, reason: Reason = "by hand", level: How = "halt") -> None:
        """Stop."""

        async def work() -> str:
            halts = (branch.engine.halt(by, reason, HOW[level]) for branch in self.desk.branches)
            failed = [one for one in await asyncio.gather(*halts, return_exceptions=True) if one is not None]
            if failed:
                raise failed[0]
            return f"Halted: {HOW[level].meaning}, until somebody types /resume."

        by = await require(interaction, Capability.HALT)
        await answer(interaction, work(), private=True)

    @app_commands.command(description="Send orders again: two persons where two may approve, two steps otherwise")
    @app_commands.describe(reason="Why", code=CODE, account=WHICH)
    async def resume(
        self, interaction: Interaction, reason: Reason = "by hand", code: Code = "", account: Account | None = None
    ) -> None:
        """Go on."""
        by = await require(interaction, Capability.RESUME)
        engine = account or self.desk.engine
        await answer(interaction, confirm.resume(engine, by, reason, code, self.people), private=True)

    @app_commands.command(description="Close everything: two persons where two may approve, two steps otherwise")
    @app_commands.describe(reason="Why", code=CODE, account=WHICH)
    async def flatten(
        self, interaction: Interaction, reason: Reason = "by hand", code: Code = "", account: Account | None = None
    ) -> None:
        """Close."""
        by = await require(interaction, Capability.FLATTEN)
        engine = account or self.desk.engine
        await answer(interaction, confirm.flatten_all(engine, by, reason, code, self.people), private=True)


async def setup(bot: DeskClient) -> None:
    """Add the commands."""
    await bot.add_cog(Switch(bot))
