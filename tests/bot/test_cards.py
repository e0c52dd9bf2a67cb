import re
from dataclasses import replace
from datetime import UTC, datetime

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import cards
from bot.buttons import DecideButton
from bot.cards import cut, differences, embed, face, face_of_note, key_in, key_of, outside, panel, view, width
from core.model.notes import Note, NoteField, Tone, Topic

NOW = datetime(2024, 6, 12, 15, 0, 1, 250_000, tzinfo=UTC)
TEXT = st.text(max_size=6_000) | st.text(alphabet="🚀é\u202eab\n `*_", max_size=6_000)
FIELDS = st.lists(st.builds(NoteField, TEXT, TEXT, st.booleans()), max_size=40).map(tuple)
NOTES = st.builds(
    Note,
    id=st.text(min_size=1, max_size=400),
    topic=st.sampled_from(Topic),
    title=TEXT,
    body=TEXT,
    at=st.just(NOW),
    tone=st.sampled_from(Tone),
    fields=FIELDS,
    footer=TEXT,
)


def note(**changes: object) -> Note:
    plain = Note("card-p1", Topic.SIGNALS, "Open LEAD?", "because", NOW, Tone.WARN, proposal_id="p1", decidable=True)
    return replace(plain, **changes)  # type: ignore[arg-type]


@given(NOTES)
@settings(max_examples=300, deadline=None)
def test_whatever_a_note_holds_its_embed_is_inside_discords_limits(one: Note) -> None:
    drawn = embed(one)
    texts = [drawn.title or "", drawn.description or "", drawn.footer.text or ""]
    assert width(drawn.title or "") <= 256
    assert width(drawn.description or "") <= 4096
    assert width(drawn.footer.text or "") <= 2048
    assert len(drawn.fields) <= 25
    for field in drawn.fields:
        assert 1 <= width(field.name or "") <= 256
        assert 1 <= width(field.value or "") <= 1024
        texts += [field.name or "", field.value or ""]
    assert sum(map(width, texts)) <= 6000
    assert key_in(drawn.footer.text) == key_of(one.id)


def test_what_is_lost_ends_in_an_ellipsis() -> None:
    fields = tuple(NoteField(f"field {number}", "x" * 50) for number in range(30))
    drawn = embed(note(title="t" * 300, body="b" * 5_000, fields=fields))
    assert (drawn.title or "").endswith("…")
    assert (drawn.description or "").endswith("…")
    assert drawn.fields[-1].value == "and 6 more"


def test_a_crowded_note_keeps_its_first_fields_and_its_key() -> None:
    fields = (NoteField("Order", "BUY 100 × LEAD"), *(NoteField(f"n{number}", "y" * 1_000) for number in range(10)))
    drawn = embed(note(body="b" * 4_000, fields=fields, footer="f" * 3_000))
    assert drawn.fields[0].value == "BUY 100 × LEAD"
    assert 5_900 <= len(drawn) <= 6_000
    assert key_in(drawn.footer.text) == "card-p1"


async def test_only_a_card_that_can_be_decided_has_buttons() -> None:
    buttons = view(note())
    assert buttons is not None
    assert [item.custom_id for item in buttons.children if isinstance(item, DecideButton)] == ["qm:yes:p1", "qm:no:p1"]
    assert buttons.timeout is None
    assert view(note(decidable=False)) is None
    assert view(note(proposal_id=None)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Open LEAF?"},
        {"body": "because of that"},
        {"fields": (NoteField("Order", "SELL"),)},
        {"tone": Tone.BAD},
        {"footer": "x"},
    ],
)
async def test_any_visible_change_of_a_card_is_a_difference(changes: dict[str, object]) -> None:
    assert differences(face_of_note(note(**changes)), face_of_note(note()))
    assert not differences(face_of_note(note()), face_of_note(note()))


async def test_text_beside_the_embed_is_a_difference() -> None:
    shown = face(embed(note()), buttons=("qm:yes:p1", "qm:no:p1"), content="Buy ten times as much")
    assert differences(shown, face_of_note(note())) == ("content",)


@given(st.text(max_size=3_000), st.integers(1, 2_000))
def test_a_text_that_is_cut_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    assert width(cut(text, limit)) <= limit
    if width(text) <= limit:
        assert cut(text, limit) == text


@pytest.mark.parametrize(
    "poison",
    ["**bold** and _it_", "[click](https://evil.example)", "https://evil.example", "@everyone", "<@123456789012345678>", "<t:0:R>",
     "# big", "> quote", "`code`", "||spoiler||", "~~gone~~", "- list", "1. list", "AA\u202eBB\u200b\x00"],
)  # fmt: skip
def test_f136_text_from_outside_is_inert(poison: str) -> None:
    shown = outside(poison)
    bare = re.sub(r"\\[\\`*_~|<>@#\[\]:\-+\d]", "", shown)
    assert not re.search(r"[`*_~|<>@#\[\]]|://", bare), shown
    assert not re.search(r"[\u202e\u200b\x00]", shown)


def test_text_from_outside_is_one_short_line() -> None:
    assert "\n" not in outside("a\n\nb")
    assert len(outside("x" * 10_000)) <= 200


def test_nobody_is_ever_pinged() -> None:
    assert dict(cards.SILENT.to_dict()) == {"parse": []}


def test_a_long_or_strange_id_is_named_by_its_hash() -> None:
    for identity in ("a" * 300, "with space", "ünï", ""):
        assert re.fullmatch(r"[0-9a-f]{24}", key_of(identity))
    assert key_of("card-p1") == "card-p1"
    assert key_in("somebody else's footer") is None
    assert key_in(None) is None


def test_a_panel_without_a_body_is_still_an_embed() -> None:
    drawn = panel("Title", "")
    assert isinstance(drawn, discord.Embed)
    assert drawn.description is None
