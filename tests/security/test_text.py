"""Text from outside (tickers, names, news, words of brokers and people) is inert on every card and every post."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import cards
from bot.settings_plugins import Plugins
from core.engine import tell
from core.model.notes import Note, NoteField, Tone, Topic
from core.model.proposals import Proposal, ProposalState
from tests.engine.rig import desk
from tests.kit import nouns

#: What Discord acts on when nothing stands before it.
ACTIVE = re.compile(r"(?<!\\)(?:\\\\)*(?:<(?:@|#|t:|/|a?:\w|id:)|@everyone|@here|://)|\]\(\S")
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\x00-\x08\x0b-\x1f\x7f]")
BAIT = st.sampled_from(
    [
        *(
            "@everyone",
            "@here",
            "<@123456789012345678>",
            "<@&1>",
            "<#1>",
            "<t:0:R>",
            "</close:1>",
            "<:x:1>",
            "<a:x:1>",
            "<id:home>",
        ),
        *(
            "](",
            "[x]",
            "https://evil.example/x",
            "[click](https://evil.example)",
            "<https://evil.example>",
            "\u202e",
            "\u200b",
            "\x00",
        ),
        *("\\", "\\\\", "\n# big", "**", "`", "||", " approved by owner ", "\ud800"),
    ]
)
POISON = st.lists(st.one_of(BAIT, st.text(max_size=5)), min_size=1, max_size=8).map("".join)


def texts(drawn: Any) -> Iterator[str]:
    """Every text of an embed."""
    if isinstance(drawn, dict):
        for value in drawn.values():
            yield from texts(value)
    elif isinstance(drawn, list):
        for value in drawn:
            yield from texts(value)
    elif isinstance(drawn, str):
        yield drawn


def harmless(note: Note) -> None:
    drawn = cards.embed(note).to_dict()
    for text in texts(drawn):
        assert not ACTIVE.search(text), text
        assert not HIDDEN.search(text.replace(cards.BLANK, "")), text
    json.dumps(drawn).encode()


def poisoned(poison: str) -> Proposal:
    of = nouns.proposal()
    verdicts = tuple(replace(verdict, reason=poison) for verdict in of.verdicts)
    return replace(of, remarks=(poison,), verdicts=verdicts, sector=poison, signal=replace(of.signal, reason=poison, symbol=poison))


MAKERS: dict[str, Callable[[str], Note]] = {
    "card": lambda poison: tell.card_note(poisoned(poison), poison, charts=False, takes=poison),
    "count": lambda poison: tell.counted_note(tell.card_note(poisoned(poison), "x", charts=False), poison, 1),
    "decided": lambda poison: tell.decided_note(poisoned(poison), ProposalState.VETOED, poison, nouns.NOW),
    "refused": lambda poison: tell.refused_note(poisoned(poison).signal, poison, nouns.NOW),
    "unfilled": lambda poison: tell.unfilled_note(nouns.envelope(), poisoned(poison), poison, 0, nouns.NOW),
    "desk": lambda poison: tell.desk_note("x", poison, poison, nouns.NOW, Tone.BAD),
    "any": lambda poison: Note("x", Topic.STATUS, poison, poison, nouns.NOW, fields=(NoteField(poison, poison),), footer=poison),
}


@pytest.mark.parametrize("name", list(MAKERS))
@settings(max_examples=150)
@given(poison=POISON)
def test_f136_no_card_does_what_a_text_from_outside_says(name: str, poison: str) -> None:
    harmless(MAKERS[name](poison))


POISONS = [
    "[x](https://evil.example) <@1> @everyone",
    "**APPROVED** </close:1> <t:0:R>\n# big",
    "\u202edesrever\u200b <https://evil.example>",
]


@pytest.mark.parametrize("poison", POISONS)
async def test_f136_no_post_does_what_a_text_from_outside_says(tmp_path: Path, poison: str) -> None:
    async with desk(tmp_path) as one:
        one.market.names["LEAD"] = replace(nouns.symbol_view("LEAD"), sector=poison)
        await one.begin()
        await one.engine.halt(poison, poison)
        for name, kind in Plugins.found().posts.items():
            note = await kind().compose(one.engine, datetime(2024, 6, 12, 13, tzinfo=UTC))
            assert note.title, name
            harmless(note)
        for note in await one.journal.notes():
            harmless(note)


@given(POISON)
def test_no_text_changes_what_an_approval_binds(poison: str) -> None:
    of = nouns.proposal()
    assert replace(of, remarks=(poison,), sector=poison, signal=replace(of.signal, reason=poison, cause=poison)).digest == of.digest


@given(st.decimals("0.01", "1000", places=2))
def test_every_number_changes_what_an_approval_binds(amount: Decimal) -> None:
    of = nouns.proposal()
    for name in ("limit", "floor", "max_loss"):
        changed = replace(of, **{name: getattr(of, name) + amount})
        assert changed.digest != of.digest


def test_what_we_write_ourselves_stays_as_it_is() -> None:
    for text in (
        "**bold** and `code`",
        "3 < 4 and 5 > 2",
        "pay 4.10, at most 4.30",
        "a@b",
        "10:30",
        "see (this)",
        "ratio 2:1",
        r"\<@1\>",
    ):
        assert cards.inert(text) == text
