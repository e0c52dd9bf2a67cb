"""The option `account` of a command: which of the desk's accounts it is about."""

from typing import Any

import discord
from discord import app_commands

from bot.replies import Interaction
from core.engine.engine import Engine
from core.model.errors import RefusedError


class AccountOption(app_commands.Transformer):
    """Name of an account -> its engine; left out, the command is about the main account."""

    async def transform(self, interaction: discord.Interaction[Any], value: str, /) -> Engine:
        """Find the engine of an account by its name.

        Raises
        ------
        RefusedError
            No account has this name.
        """
        engines: dict[str, Engine] = {branch.name: branch.engine for branch in interaction.client.desk.branches}
        if value not in engines:
            raise RefusedError(f"account: {value!r} is none of this desk; it has {', '.join(engines)}.")
        return engines[value]

    async def autocomplete(  # type: ignore[override]  # the library's signature leaves the client open
        self, interaction: Interaction, value: str, /
    ) -> list[app_commands.Choice[str]]:
        """Offer the accounts of this desk."""
        names = [branch.name for branch in interaction.client.desk.branches]
        return [app_commands.Choice(name=name, value=name) for name in names if value.lower() in name][:25]


Account = app_commands.Transform[Engine, AccountOption]
WHICH = "Which account; the main one when left out"
