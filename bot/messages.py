"""One note as one Discord message: sent, edited, and the sentence when a channel does not take it."""

import asyncio
import hashlib
import io
from dataclasses import replace

import discord

from bot import cards
from core.model.notes import Note, Topic
from core.ports.journal import PendingNote

CALL_SECONDS = 15.0


def named(pending: PendingNote, label: str) -> PendingNote:
    """Put a note under the name of its account: two accounts may tell the same thing on the same day. No label changes nothing."""
    if not label:
        return pending
    nonce = hashlib.sha256(f"{label}.{pending.nonce}".encode()).hexdigest()[:24]
    return replace(pending, note=cards.labelled(pending.note, label), nonce=nonce)


async def send(place: discord.PartialMessageable, pending: PendingNote, picture: bytes | None) -> int:
    """Send a note as a new message; a repeated nonce gives the earlier message back."""
    note = pending.note
    drawn, buttons = cards.embed(note, picture=picture is not None), cards.view(note)
    files = [] if picture is None else [discord.File(io.BytesIO(picture), cards.PICTURE)]
    async with asyncio.timeout(CALL_SECONDS):
        if buttons is None:
            message = await place.send(embed=drawn, files=files, nonce=pending.nonce, allowed_mentions=cards.SILENT)
        else:
            message = await place.send(embed=drawn, files=files, view=buttons, nonce=pending.nonce, allowed_mentions=cards.SILENT)
    return message.id


async def edit(message: discord.PartialMessage, note: Note, picture: bytes | None) -> int | None:
    """Replace an earlier message; None when it is gone, so that the note becomes a message of its own."""
    files = [] if picture is None else [discord.File(io.BytesIO(picture), cards.PICTURE)]
    drawn = cards.embed(note, picture=picture is not None)
    try:
        async with asyncio.timeout(CALL_SECONDS):
            await message.edit(embed=drawn, view=cards.view(note), attachments=files, allowed_mentions=cards.SILENT)
    except discord.NotFound as error:
        if error.code == 10008:
            return None
        raise
    return message.id


def sentence(topic: Topic, channel: int, error: BaseException) -> str:
    """Say what is wrong with a channel, and the remedy."""
    where = f"Channel {channel} (discord.channels.{topic})"
    if isinstance(error, discord.Forbidden):
        return (
            f"{where} refuses the bot; let it view the channel, send messages, embed links, attach files and add reactions there."
        )
    if isinstance(error, discord.NotFound):
        return f"{where} does not exist; correct its id in the settings."
    if isinstance(error, discord.HTTPException):
        return f"{where}: Discord answered {error.status} ({error.text or type(error).__name__})."
    return f"{where}: Discord cannot be reached ({type(error).__name__})."
