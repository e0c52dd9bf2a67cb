"""Clicks on the buttons of a card: acknowledge at once, decide, then say what came of it to that person alone."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import discord

from bot import cards
from bot.access import TROUBLE, Standing
from bot.replies import FAILED
from core.model.errors import QuantMatrixError, RetryError
from core.model.proposals import PENDING

if TYPE_CHECKING:
    from bot.approvals import Approvals

LOG = logging.getLogger(__name__)


async def clicked(approvals: "Approvals", interaction: discord.Interaction, proposal_id: str, *, approve: bool) -> None:
    """Handle one click; the click counts even when its answer can no longer be shown."""
    deferred = await _defer(interaction)
    try:
        sentence = await _decide(approvals, interaction, proposal_id, approve=approve)
    except QuantMatrixError as error:
        sentence = f"Not decided: {error}"
    except Exception:  # the edge of this handler: the person gets an answer whatever happens
        LOG.exception("A click on %s could not be handled", proposal_id)
        sentence = FAILED
    if not deferred:
        LOG.warning("A click could not be answered: %s", sentence)
        return
    try:
        await interaction.edit_original_response(content=cards.cut(sentence, 2_000), allowed_mentions=cards.SILENT)
    except TROUBLE as error:
        LOG.warning("The answer to a click could not be shown (%s): %s", type(error).__name__, sentence)


async def _decide(approvals: "Approvals", interaction: discord.Interaction, proposal_id: str, *, approve: bool) -> str:
    engine, access, reader = approvals.engine, approvals.access, approvals.reader
    who = Standing.of(interaction.user)
    refusal = access.refusal(who, approvals.pace.now())
    if access.person(who.user_id) is None or who.bot:
        approvals.crowd.count(proposal_id, who.user_id, approve=approve)
        return f"{refusal} It was noted."
    stored = await engine.journal.proposal(proposal_id)
    if stored is None or interaction.message is None or interaction.message.id != stored.message_id or reader is None:
        return "This button belongs to no card of this desk."
    vote = approvals.vote(stored, who.user_id, "button", approve=approve, present=True)
    if refusal:
        return await engine.vote(replace(vote, allowed=False, reason=refusal), None) or refusal
    if not approve or stored.state not in PENDING:
        return await engine.vote(vote, None) or "Noted."
    try:
        evidence = await reader.read(stored, clicked=who)
    except RetryError as error:
        await engine.vote(vote, None)
        return f"Not decided: {error}. Click again."
    return await engine.vote(vote, evidence) or "Noted."


async def _defer(interaction: discord.Interaction) -> bool:
    """Take the three seconds' pressure off; False when nothing can be shown any more."""
    try:
        await interaction.response.defer(ephemeral=True, thinking=True)
    except discord.HTTPException as error:
        return error.code == 40060
    except TROUBLE:
        return False
    return True
