"""Notes -> Discord embeds and buttons. Pure; whatever a note holds, the result is inside Discord's limits."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import discord

from bot.buttons import DecideButton
from bot.redact import shaped
from core.model.notes import Note, NoteField, Tone

TITLE, BODY, FIELDS, NAME, VALUE, FOOTER, TOTAL = 256, 4096, 25, 256, 1024, 2048, 6000
COLOUR = {Tone.GOOD: 0x2E9E5B, Tone.BAD: 0xC8383F, Tone.WARN: 0xD99A1C, Tone.INFO: 0x4A76B8}
ELLIPSIS = "…"
BLANK = "\u200b"
PICTURE = "chart.png"
#: Nobody is ever pinged by what the program writes.
SILENT = discord.AllowedMentions.none()

_SIGNS = re.compile(r"[\\`*_~|<>@#\[\]]|:(?=//)|^[-+](?= )|^\d+(?=\. )")
#: What would act on a reader: mentions, time stamps, commands, emoji, links. The program itself writes none of them.
_ACTIVE = re.compile(r"(\\*)(<(?=[@#:/]|t:|a:|id:)|@(?=everyone|here)|:(?=//)|(?<=\])\((?=\S))")
_LOOKUP = re.compile(r"(?:^| · )note (\S+)$")


def embed(note: Note, *, picture: bool = False) -> discord.Embed:
    """Draw a note. The footer ends with the note's id, by which it is found again; it and the title are never crowded out."""
    drawn = panel(note.title, note.body, note.fields, _footer(note), note.tone)
    drawn.timestamp = note.at
    if picture:
        drawn.set_image(url=f"attachment://{PICTURE}")
    return drawn


def panel(title: str, body: str, fields: Sequence[NoteField] = (), footer: str = "", tone: Tone = Tone.INFO) -> discord.Embed:
    """Draw any text inside the limits; what does not fit ends in an ellipsis, the last fields first."""
    title, footer = cut(inert(title), TITLE), cut(inert(footer), FOOTER)
    rest = TOTAL - width(footer) - width(title)
    wanted = [
        (cut(inert(field.name) or BLANK, NAME), cut(inert(field.value) or "n/a", VALUE), field.inline) for field in _fields(fields)
    ]
    for_fields = sum(width(name) + width(value) for name, value, _ in wanted)
    body = cut(inert(body), min(BODY, max(rest - for_fields, rest // 3)))
    rest -= width(body)
    drawn = discord.Embed(title=title or None, description=body or None, colour=COLOUR[tone])
    for name, value, inline in wanted:
        room = rest - width(name)
        if room < 2:
            break
        shown = cut(value, room)
        drawn.add_field(name=name, value=shown, inline=inline)
        rest -= width(name) + width(shown)
    if footer:
        drawn.set_footer(text=footer)
    return drawn


def labelled(note: Note, label: str) -> Note:
    """Put the name of an account before what its notes are called, where a desk has several; no label changes nothing."""
    return replace(note, id=f"{label}.{note.id}", title=f"{label} · {note.title}") if label else note


def _footer(note: Note) -> str:
    key = f"note {key_of(note.id)}"
    said = cut(clean(note.footer), FOOTER // 2)
    return f"{said} · {key}" if said else key


def _fields(fields: Sequence[NoteField]) -> Sequence[NoteField]:
    if len(fields) <= FIELDS:
        return fields
    shown = fields[: FIELDS - 1]
    return (*shown, NoteField(ELLIPSIS, f"and {len(fields) - len(shown)} more", inline=False))


def key_of(note_id: str) -> str:
    """Give the text by which a footer names a note: its id, or a short hash of one that is long or holds spaces."""
    plain = len(note_id) <= 200 and note_id.isascii() and note_id.isprintable() and " " not in note_id
    return note_id if plain and note_id else hashlib.sha256(note_id.encode("utf-8", "replace")).hexdigest()[:24]


def key_in(footer: str | None) -> str | None:
    """Read back from a footer which note it is; None when it is not one of ours."""
    found = _LOOKUP.search(footer or "")
    return found[1] if found else None


def view(note: Note) -> discord.ui.View | None:
    """Give the buttons of an approval card that can still be decided; None otherwise."""
    if note.proposal_id is None or not note.decidable:
        return None
    buttons = discord.ui.View(timeout=None)
    buttons.add_item(DecideButton("yes", note.proposal_id))
    buttons.add_item(DecideButton("no", note.proposal_id))
    return buttons


@dataclass(frozen=True, slots=True)
class Face:
    """What a reader sees of a message, without what Discord itself adds (addresses of pictures, sizes)."""

    content: str
    title: str
    body: str
    fields: tuple[tuple[str, str, bool], ...]
    footer: str
    colour: int
    at: datetime | None
    buttons: tuple[str, ...]
    embeds: int = 1


def face(drawn: discord.Embed, *, buttons: tuple[str, ...], content: str = "", embeds: int = 1) -> Face:
    """Reduce an embed to what a reader sees."""
    return Face(
        content=content.strip(),
        title=(drawn.title or "").strip(),
        body=(drawn.description or "").strip(),
        fields=tuple(((field.name or "").strip(), (field.value or "").strip(), bool(field.inline)) for field in drawn.fields),
        footer=(drawn.footer.text or "").strip(),
        colour=drawn.colour.value if drawn.colour else 0,
        at=drawn.timestamp.replace(microsecond=0) if drawn.timestamp else None,
        buttons=buttons,
        embeds=embeds,
    )


def face_of_note(note: Note) -> Face:
    """Give what the message of a note must show."""
    drawn = view(note)
    ids = tuple(item.item.custom_id or "" for item in drawn.children if isinstance(item, DecideButton)) if drawn else ()
    return face(embed(note), buttons=ids)


def face_of_message(message: discord.Message) -> Face:
    """Give what a message shows now."""
    ids = tuple(str(child.custom_id) for row in message.components if isinstance(row, discord.ActionRow) for child in row.children)
    first = message.embeds[0] if message.embeds else discord.Embed()
    return face(first, buttons=ids, content=message.content, embeds=len(message.embeds))


def differences(shown: Face, drawn: Face) -> tuple[str, ...]:
    """Name every part in which a message differs from what its note drew."""
    return tuple(name for name in Face.__slots__ if getattr(shown, name) != getattr(drawn, name))


def width(text: str) -> int:
    """Length as the strictest reading of Discord's limits counts it: UTF-16 units."""
    return len(text.encode("utf-16-le", "replace")) // 2


def cut(text: str, limit: int) -> str:
    """Shorten a text to so many units, ending in an ellipsis when something is lost."""
    if width(text) <= limit:
        return text
    kept = text[: max(limit - 1, 0)]
    while kept and width(kept) > limit - 1:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS if limit > 0 else ""


def clean(text: str) -> str:
    """Remove what no reader should meet: control and direction-changing characters, broken encodings, what looks like a secret."""
    sound = shaped(text.encode("utf-8", "replace").decode())
    return "".join(letter for letter in sound if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs")).strip()


def inert(text: str) -> str:
    """Make a text harmless wherever its parts came from: nothing in it mentions anybody, links anywhere or runs anything."""
    return _ACTIVE.sub(lambda found: found[0] if len(found[1]) % 2 else f"{found[1]}\\{found[2]}", clean(text))


def outside(text: str, limit: int = 200) -> str:
    """Make text from outside (news, tickers, what somebody typed) inert: no markdown, mention, link or time stamp survives."""
    flat = " ".join(clean(text).split())
    return _SIGNS.sub(r"\\\g<0>", cut(flat, limit))
