"""Approval cases (C.3) at full strength: quorum, tiers, missed reactions, confirmation; over the loopback Discord."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.absence import SEEN
from bot.sandbox.server import Sandbox
from core.engine.approve import next_order
from core.engine.quorum import Approver
from core.engine.settings import ApprovalSettings, Tier
from core.model.orders import OrderState
from tests.bot.cases import DONE, nothing_happens, posted, raw_yes
from tests.bot.rig import NO, YES, Office, office, until
from tests.kit import nouns

TWO = (Approver("owner"), Approver("approver"))


@asynccontextmanager
async def asking(
    folder: Path, sandbox: Sandbox, step: Tier, approvers: tuple[Approver, ...] = TWO, **changes: Any
) -> AsyncIterator[Office]:
    async with office(folder, sandbox, approval=ApprovalSettings(steps=(step,)), **changes) as room:
        room.desk.engine.approvers = approvers
        yield room


PERSONS = Tier(Decimal(5_000), persons=2)
CONFIRM = Tier(Decimal(5_000), confirm=True)


async def shows(room: Office, message: int, words: str) -> str:
    """Wait until the card says so about its approvals."""

    async def there() -> str | None:
        fields = (await room.user("owner").look(message))["embeds"][0]["fields"]
        return next((field["value"] for field in fields if words in field["value"]), None)

    return await until(there)


async def test_two_persons_react_and_the_card_counts_them_live(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, PERSONS) as room:
        proposal, message = await posted(room)
        await shows(room, message, "2 persons")
        await room.user("owner").react(message, YES)
        assert await shows(room, message, "1 of 2") == "1 of 2: owner"
        await nothing_happens(room, proposal)
        await room.user("approver").react(message, YES)
        await room.becomes(proposal, *DONE)
        assert await room.orders() == 1


async def test_the_count_does_not_make_the_card_look_edited_but_an_edit_after_it_does(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, PERSONS) as room:
        proposal, message = await posted(room)
        await room.user("owner").react(message, YES)
        await shows(room, message, "1 of 2")
        await nothing_happens(room, proposal)
        drawn = dict((await room.user("owner").look(message))["embeds"][0])
        drawn["fields"] = [
            {**entry, "value": entry["value"].replace("1 of 2: owner", "2 of 2: owner")} for entry in drawn["fields"]
        ]
        await room.sandbox.control.do("edit_message", message=str(message), embeds=[drawn])
        await room.becomes(proposal, "void")
        assert await room.audited("card void")
        assert await room.orders() == 0


async def test_a_yes_taken_back_is_taken_off_the_card(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, PERSONS) as room:
        proposal, message = await posted(room)
        await room.user("owner").react(message, YES)
        await shows(room, message, "1 of 2")
        await room.user("owner").unreact(message, YES)
        await shows(room, message, "0 of 2")
        await room.user("approver").react(message, YES)
        await shows(room, message, "1 of 2: approver")
        await nothing_happens(room, proposal)


async def test_a_click_of_one_person_and_a_reaction_of_another_are_two_persons(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, PERSONS) as room:
        proposal, message = await posted(room)
        seen = await room.user("approver").click(message, f"qm:yes:{proposal}")
        assert "1 of 2: approver" in seen.text
        await room.user("owner").react(message, YES)
        await room.becomes(proposal, *DONE)


async def test_a_click_no_longer_counts_when_the_person_lost_the_role(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, PERSONS) as room:
        proposal, message = await posted(room)
        await room.user("approver").click(message, f"qm:yes:{proposal}")
        await room.sandbox.control.do("set_roles", user="approver", roles=[])
        await room.user("owner").react(message, YES)
        await shows(room, message, "1 of 2: owner")
        await nothing_happens(room, proposal)


async def test_one_person_with_several_reactions_and_clicks_is_one_person(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, PERSONS) as room:
        proposal, message = await posted(room)
        await room.user("owner").react(message, YES)
        await room.user("owner").click(message, f"qm:yes:{proposal}")
        room.desk.later(seconds=2)
        seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
        assert "1 of 2" in seen.text
        await nothing_happens(room, proposal)


async def test_a_veto_of_one_wins_over_the_approval_of_another(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, PERSONS) as room:
        proposal, message = await posted(room)
        await room.user("owner").react(message, YES)
        await shows(room, message, "1 of 2")
        await room.user("approver").react(message, NO)
        await room.becomes(proposal, "vetoed")


async def test_a_reaction_in_the_middle_tier_is_confirmed_by_a_click(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, CONFIRM) as room:
        proposal, message = await posted(room)
        await room.user("owner").react(message, YES)
        await shows(room, message, "still want it?")
        await nothing_happens(room, proposal)
        seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
        assert "Approved" in seen.text


async def test_a_double_click_is_one_gesture_and_a_second_click_confirms(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, CONFIRM) as room:
        proposal, message = await posted(room)
        for _ in range(2):
            seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
            assert "still want it?" in seen.text
        room.desk.later(seconds=2)
        seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
        assert "Approved" in seen.text
        assert await room.orders() == 1


async def test_a_reaction_during_a_long_absence_counts_after_a_click_only(tmp_path: Path, sandbox: Sandbox) -> None:
    one = (Approver("owner"),)
    async with asking(tmp_path, sandbox, CONFIRM, one) as room:
        proposal, message = await posted(room)
    await sandbox.control.user("owner").react(message, YES)
    async with office(tmp_path, sandbox, connect=False) as room:
        long_ago = room.approvals.pace.now() - timedelta(seconds=40)
        await room.desk.journal.set_setting(SEEN, long_ago.isoformat())
    async with asking(tmp_path, sandbox, CONFIRM, one, again=True) as room:
        assert "still want it?" in await shows(room, message, "while the desk was away")
        assert await room.state(proposal) == "open"
        assert await room.orders() == 0
        seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
        assert "Approved" in seen.text


async def test_while_a_card_waits_the_journal_knows_that_somebody_listens(room: Office) -> None:
    await posted(room)

    async def known() -> str | None:
        return await room.desk.journal.setting(SEEN)

    assert await until(known)


async def test_of_two_approvers_one_who_cannot_be_read_is_tried_again(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, PERSONS) as room:
        proposal, message = await posted(room)
        control, identity = room.sandbox.control, room.sandbox.users["approver"]
        await control.fault("GET", f"/members/{identity}$", status=503, count=-1)
        await room.user("approver").react(message, YES)
        await room.user("owner").react(message, YES)
        await shows(room, message, "approver: cannot be read on Discord right now")
        await nothing_happens(room, proposal)
        await control.do("clear_faults")
        await room.becomes(proposal, *DONE)


async def test_an_approval_while_an_order_on_the_symbol_is_in_doubt_is_denied(room: Office) -> None:
    proposal, message = await posted(room)
    stored = await room.desk.journal.proposal(proposal)
    assert stored is not None
    doubtful = doubt(room, stored.proposal)
    await room.user("owner").react(message, YES)
    await room.becomes(proposal, "gate denied")
    ended = await room.desk.journal.proposal(proposal)
    assert ended is not None
    assert doubtful in ended.reason
    assert await room.orders() == 0


def doubt(room: Office, proposal: Any) -> str:
    """An earlier order on the same symbol whose outcome nobody knows."""
    envelope = nouns.envelope(proposal)
    order = next_order(envelope, 1, 1, envelope.limit, room.desk.clock.now())
    books = room.desk.engine.books
    books.orders[order.key] = replace(order, state=OrderState.UNKNOWN)
    books.envelopes[envelope.id], books.granted[envelope.id] = envelope, proposal
    return order.key


async def test_a_person_on_the_list_who_clicks_too_fast_is_asked_to_wait(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.fault("GET", f"messages/{message}$", status=503, count=-1)
    seen = [await room.user("owner").click(message, f"qm:yes:{proposal}") for _ in range(9)]
    assert "Too many clicks" in seen[-1].text
    assert all("Too many" not in one.text for one in seen[:8])


async def test_f143_a_flood_of_reactions_by_an_approver_makes_one_order(room: Office) -> None:
    proposal, message = await posted(room)
    await room.user("owner").react(message, YES)
    for _ in range(500):
        room.approvals.reacted(raw_yes(room, message), present=True)
    await room.becomes(proposal, *DONE)
    await room.quiet()
    assert await room.orders() == 1
