"""Approval cases (C.3): the buttons of a card."""

from dataclasses import replace
from pathlib import Path

from bot.sandbox.server import Sandbox
from tests.bot.cases import DONE, nothing_happens, posted
from tests.bot.rig import YES, Office, office, until


async def test_a_button_does_what_a_reaction_does_and_answers_in_private(room: Office) -> None:
    proposal, message = await posted(room)
    seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
    assert seen.private
    assert "Approved" in seen.text
    assert await room.state(proposal) in DONE
    assert await room.orders() == 1


async def test_a_button_vetoes(room: Office) -> None:
    proposal, message = await posted(room)
    seen = await room.user("approver").click(message, f"qm:no:{proposal}")
    assert "vetoed" in seen.text
    assert await room.state(proposal) == "vetoed"


async def test_a_button_clicked_by_a_stranger_is_refused_in_private_and_noted(room: Office) -> None:
    proposal, message = await posted(room)
    seen = await room.user("stranger").click(message, f"qm:yes:{proposal}")
    assert seen.private
    assert "not on the list" in seen.text
    await nothing_happens(room, proposal)


async def test_a_button_is_acknowledged_at_once_when_deciding_takes_long(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.fault("GET", f"messages/{message}$", delay=3.5)
    seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
    assert seen.state == "answered"
    assert "Approved" in seen.text


async def test_f137_a_button_of_an_old_card_still_answers_after_a_restart(tmp_path: Path, sandbox: Sandbox) -> None:
    async with office(tmp_path, sandbox) as room:
        proposal, message = await posted(room)
    async with office(tmp_path, sandbox, again=True) as room:
        seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
        assert "Approved" in seen.text
        assert await room.orders() == 1


async def test_neither_button_nor_reaction_on_a_second_message_of_a_card_counts(room: Office) -> None:
    proposal, _ = await posted(room)
    (note,) = await room.desk.cards()
    copy = replace(note, id="copy-of-the-card")
    await room.desk.journal.put_notes([copy])
    room.notifier.wake()

    async def stands() -> tuple[int, int] | None:
        return await room.desk.journal.note_message(copy.id)

    _, message = await until(stands)
    seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
    assert "belongs to no card" in seen.text
    await room.user("owner").react(message, YES)
    await nothing_happens(room, proposal)
