"""Clicks on the buttons of a card: acknowledge at once, decide, then say what came of it to that person alone."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import discord

from bot import cards
from bot.access import TROUBLE, Standing
from bot.replies import FAILED
from core.engine.quorum import BUTTON, CLICKED, CONFIRM, SURE
from core.model.errors import QuantMatrixError, RetryError
from core.model.proposals import PENDING
from core.ports.journal import StoredProposal

if TYPE_CHECKING:
    from bot.approvals import Approvals

LOG = logging.getLogger(__name__)
#: Two clicks within this time are one gesture.
DOUBLE_CLICK = timedelta(seconds=1)


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
    if not approvals.gate.admits(who.user_id, approvals.pace.monotonic()):
        return "Too many clicks. Wait a moment, then click again."
    source = await _gesture(approvals, stored, who) if approve else BUTTON
    vote = approvals.vote(stored, who.user_id, source, approve=approve, present=True)
    if refusal:
        return await engine.vote(replace(vote, allowed=False, reason=refusal), None) or refusal
    if not approve or stored.state not in PENDING:
        return await engine.vote(vote, None) or "Noted."
    try:
        evidence = await reader.read(stored, clicked=who)
    except RetryError as error:
        await engine.vote(vote, None)
        return f"Not decided: {error}. Click again."
    if vote.voter in evidence.unread:
        await engine.vote(vote, None)
        return "Not decided: Discord could not say whether you hold the role right now. Click again."
    return await engine.vote(vote, evidence) or "Noted."


async def _gesture(approvals: "Approvals", stored: StoredProposal, who: Standing) -> str:
    """Say what a click on Approve is: a first yes, or the second gesture that confirms an earlier one (not a double click)."""
    name = approvals.access.person(who.user_id)
    votes = await approvals.engine.journal.votes(stored.proposal.id)
    earlier = next((vote for vote in votes if vote.voter == name and vote.approve and vote.present and vote.allowed), None)
    if earlier is None:
        return BUTTON
    if earlier.source not in CLICKED:
        return CONFIRM
    young = approvals.instant() - earlier.at < DOUBLE_CLICK
    return earlier.source if young else SURE


async def _defer(interaction: discord.Interaction) -> bool:
    """Take the three seconds' pressure off; False when nothing can be shown any more."""
    try:
        await interaction.response.defer(ephemeral=True, thinking=True)
    except discord.HTTPException as error:
        return error.code == 40060
    except TROUBLE:
        return False
    return True
