"""Answers to slash commands: within a second or deferred, private where needed, one sentence when something is wrong."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot import cards
from bot.access import TROUBLE, Capability, Standing
from bot.gate import BURST, PER_SECONDS, Gate
from core.engine.measures import Measures
from core.model.errors import NotAllowedError, QuantMatrixError

if TYPE_CHECKING:
    from bot.client import Desk, DeskClient  # noqa: F401 - named in the text of the alias below

LOG = logging.getLogger(__name__)
Interaction = discord.Interaction["DeskClient"]
#: How long an answer may take before the person is told to wait.
PATIENCE = 0.8
FAILED = "Something went wrong here. It was written to the log; please try again."


async def admit(interaction: discord.Interaction[Any], gate: Gate, desk: "Desk") -> None:
    """Let a command in.

    Raises
    ------
    app_commands.CheckFailure
        Wrong server, or too many commands; carries the sentence.
    """
    if interaction.guild_id != desk.guild_id:
        raise app_commands.CheckFailure("This works on the configured server only.")
    if not gate.admits(interaction.user.id, desk.clock.monotonic()):
        raise app_commands.CheckFailure(f"Too many commands: at most {BURST} in {PER_SECONDS:.0f} seconds. Wait a moment.")


async def require(interaction: Interaction, capability: Capability) -> str:
    """Give the name of the person behind an interaction who may do this.

    Raises
    ------
    NotAllowedError
        That person may not; it was noted in the audit.
    """
    desk = interaction.client.desk
    who, now = Standing.of(interaction.user), desk.approvals.pace.now()
    refusal = desk.access.refusal(who, now)
    if refusal is None and capability in desk.access.allowed(who, now):
        return desk.access.person(who.user_id) or ""
    command = interaction.command.qualified_name if interaction.command else "?"
    await desk.engine.journal.audit(
        f"user {who.user_id}", "command refused", {"command": command, "needs": capability}, desk.engine.clock.now()
    )
    raise NotAllowedError(refusal or "You may not do that.")


async def answer(interaction: Interaction, work: Coroutine[Any, Any, discord.Embed | str], *, private: bool = False) -> None:
    """Show what `work` gives; when it takes longer than a moment, say first that it is being worked on."""
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=PATIENCE)
    if not task.done():
        await interaction.response.defer(ephemeral=private, thinking=True)
    await _show(interaction, await task, private=private)


async def _show(interaction: Interaction, made: discord.Embed | str, *, private: bool) -> None:
    embeds = [] if isinstance(made, str) else [made]
    content = cards.cut(made, 2_000) if isinstance(made, str) else None
    if interaction.response.is_done():
        await interaction.edit_original_response(content=content, embeds=embeds, allowed_mentions=cards.SILENT)
    else:
        await interaction.response.send_message(content=content, embeds=embeds, ephemeral=private, allowed_mentions=cards.SILENT)


async def refuse(interaction: discord.Interaction[Any], error: app_commands.AppCommandError, measures: Measures) -> None:
    """Tell the person in one sentence, privately, why a command did not work; never a traceback."""
    sentence = sentence_of(error)
    measures.count("answers", good=sentence is not None)
    if sentence is None:
        LOG.error("A command failed", exc_info=error)
    text = cards.outside(sentence, 1_900) if sentence else FAILED
    try:
        if interaction.response.is_done():
            await interaction.edit_original_response(content=text, allowed_mentions=cards.SILENT)
        else:
            await interaction.response.send_message(text, ephemeral=True, allowed_mentions=cards.SILENT)
    except TROUBLE as trouble:
        LOG.warning("The answer to a command could not be shown (%s): %s", type(trouble).__name__, text)


def sentence_of(error: app_commands.AppCommandError) -> str | None:
    """Find the sentence that an error has for the person; None when it is our own mistake."""
    original = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(original, QuantMatrixError):
        return str(original)
    if isinstance(original, app_commands.CheckFailure):
        return str(original) or "You may not do that."
    if isinstance(error, app_commands.TransformerError) and isinstance(error.__cause__, QuantMatrixError):
        return str(error.__cause__)
    if isinstance(original, app_commands.TransformerError):
        return f"{original.value!r} is not what this field takes."
    if isinstance(original, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return "This command has changed. Wait a moment and type it again."
    if isinstance(original, TROUBLE):
        return "Discord did not take the answer. Please try again."
    return None
