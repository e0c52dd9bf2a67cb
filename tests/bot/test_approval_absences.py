"""Approval cases (C.3): cards that somebody touched, and reactions while the bot did not listen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from bot.sandbox.server import Sandbox
from core.journal.journal import SqlJournal
from core.ports.journal import Journal
from tests.bot.cases import CARDS, DONE, nothing_happens, posted, raw_yes
from tests.bot.rig import NO, YES, Office, office


async def test_an_edited_card_is_void(room: Office) -> None:
    proposal, message = await posted(room)
    shown = await room.user("owner").look(message)
    drawn = dict(shown["embeds"][0])
    drawn["fields"] = [{**entry, "value": entry["value"].replace("BUY", "SELL")} for entry in drawn["fields"]]
    await room.sandbox.control.do("edit_message", message=str(message), embeds=[drawn])
    await room.becomes(proposal, "void")
    await room.user("owner").react(message, YES)
    await room.quiet()
    assert await room.orders() == 0
    assert any("edited" in note.body for note in await room.desk.journal.notes() if note.topic == "status")


async def test_an_edit_that_no_event_told_is_seen_at_the_claim(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("drop", name="MESSAGE_UPDATE", count=1)
    await room.sandbox.control.do("edit_message", message=str(message), content="Buy ten times as much")
    await room.quiet(0.1)
    assert await room.state(proposal) == "open"
    await room.user("owner").react(message, YES)
    await room.becomes(proposal, "void")
    assert await room.orders() == 0


async def test_a_deleted_card_is_void(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("delete_message", message=str(message))
    await room.becomes(proposal, "void")


async def test_a_card_whose_reactions_were_cleared_is_void(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("clear_reactions", message=str(message))
    await room.becomes(proposal, "void")


async def test_a_card_in_a_deleted_channel_is_void(room: Office) -> None:
    proposal, _ = await posted(room)
    await room.sandbox.control.do("delete_channel", channel=CARDS)
    await room.becomes(proposal, "void")


async def test_without_permission_to_read_the_card_nothing_is_claimed(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("overwrite", channel=CARDS, user="bot", deny=1 << 10)
    room.approvals.reacted(raw_yes(room, message), present=True)
    await nothing_happens(room, proposal)


async def test_f116_an_approval_during_a_disconnect_counts_after_the_resume(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("close", code=4000)
    await room.user("owner").react(message, YES)
    await room.becomes(proposal, *DONE)
    assert await room.orders() == 1


async def test_f116_an_approval_in_a_lost_session_is_read_back(room: Office) -> None:
    proposal, message = await posted(room)
    control = room.sandbox.control
    await control.do("drop", name="MESSAGE_REACTION_ADD", count=1)
    await room.user("owner").react(message, YES)
    await nothing_happens(room, proposal)
    await control.do("forget")
    await control.do("abort")
    await room.becomes(proposal, *DONE)
    assert await room.orders() == 1


async def test_an_event_lost_before_a_resume_is_read_back(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("drop", name="MESSAGE_REACTION_ADD", count=1)
    await room.user("owner").react(message, YES)
    await nothing_happens(room, proposal)
    await room.sandbox.control.do("op", op=7)
    await room.becomes(proposal, *DONE)


async def test_f004_f116_an_approval_while_the_bot_was_down_is_read_back(tmp_path: Path, sandbox: Sandbox) -> None:
    async with office(tmp_path, sandbox) as room:
        proposal, message = await posted(room)
    await sandbox.control.user("owner").react(message, YES)
    async with office(tmp_path, sandbox, again=True) as room:
        await room.becomes(proposal, *DONE)
        assert await room.orders() == 1


async def test_a_veto_while_the_bot_was_down_wins_over_an_approval(tmp_path: Path, sandbox: Sandbox) -> None:
    async with office(tmp_path, sandbox) as room:
        proposal, message = await posted(room)
    await sandbox.control.user("owner").react(message, YES)
    await sandbox.control.user("approver").react(message, NO)
    async with office(tmp_path, sandbox, again=True) as room:
        await room.becomes(proposal, "vetoed")
        assert await room.orders() == 0


async def test_an_approval_past_the_time_to_live_expires_even_if_it_was_clicked_in_time(tmp_path: Path, sandbox: Sandbox) -> None:
    async with office(tmp_path, sandbox) as room:
        proposal, message = await posted(room)
    await sandbox.control.user("owner").react(message, YES)
    async with office(tmp_path, sandbox, connect=False) as room:
        room.desk.open_market()
        room.desk.later(hours=1)
        await room.desk.engine.tick()
        assert await room.state(proposal) == "expired"
        assert await room.orders() == 0


@dataclass(slots=True)
class Slow:
    """A journal that takes its time before a card stands in it; somebody reacts meanwhile."""

    journal: SqlJournal
    meanwhile: Callable[[int], Awaitable[object]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    async def proposal_posted(self, proposal_id: str, channel_id: int, message_id: int, expires_at: datetime) -> bool:
        await self.meanwhile(message_id)
        await asyncio.sleep(0.3)
        return await self.journal.proposal_posted(proposal_id, channel_id, message_id, expires_at)


async def test_a_reaction_that_is_faster_than_our_journal_counts(room: Office) -> None:
    async def react(message_id: int) -> None:
        await room.user("owner").react(message_id, YES)

    slow = cast("Journal", Slow(room.desk.journal, react))
    room.notifier.outlet = replace(room.notifier.outlet, journal=slow)
    await room.desk.engine.scan()
    room.desk.open_market()
    await room.desk.engine.entries()
    (stored,) = await room.desk.engine.pending()
    await room.becomes(stored.proposal.id, *DONE)
    assert await room.orders() == 1
