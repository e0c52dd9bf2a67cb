"""Approval cases (C.3): what is checked again at the moment of the claim."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.bot.cases import DONE, nothing_happens, posted, raw_yes
from tests.bot.rig import YES, Office, office


async def test_the_last_millisecond_counts_and_the_moment_itself_does_not(room: Office) -> None:
    proposal, message = await posted(room)
    stored = await room.desk.journal.proposal(proposal)
    assert stored is not None
    assert stored.expires_at is not None
    room.desk.clock.turn_to(stored.expires_at)
    await room.user("owner").react(message, YES)
    await room.quiet()
    assert await room.state(proposal) not in DONE
    assert await room.orders() == 0


async def test_a_price_that_moved_away_makes_the_card_stale(room: Office) -> None:
    proposal, message = await posted(room)
    room.desk.market.prices["LEAD"] = 110.0
    await room.user("owner").react(message, YES)
    assert await room.becomes(proposal, "stale", "gate denied", "superseded")
    assert await room.orders() == 0


async def test_an_approval_after_a_halt_is_killed(room: Office) -> None:
    proposal, message = await posted(room)
    await room.desk.engine.halt("owner", "test")
    await room.user("owner").react(message, YES)
    assert await room.becomes(proposal, "killed")
    assert await room.orders() == 0


async def test_an_approval_when_the_market_is_closed_is_denied(tmp_path: Path, sandbox: Sandbox) -> None:
    async with office(tmp_path, sandbox, card_seconds=86_400) as room:
        proposal, message = await posted(room)
        room.desk.clock.turn_to(datetime(2024, 6, 12, 20, 30, tzinfo=UTC))
        await room.user("owner").react(message, YES)
        assert await room.becomes(proposal, "gate denied")
        assert await room.orders() == 0


async def test_an_approver_who_loses_the_role_before_the_claim_does_not_count(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.fault("GET", f"messages/{message}$", delay=0.3)
    await room.user("owner").react(message, YES)
    await room.sandbox.control.do("set_roles", user="owner", roles=[])
    await room.quiet(0.6)
    assert await room.state(proposal) == "open"
    assert await room.orders() == 0


async def test_an_approver_who_leaves_the_server_before_the_claim_does_not_count(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.fault("GET", f"messages/{message}$", delay=0.3)
    await room.user("owner").react(message, YES)
    await room.sandbox.control.do("leave", user="owner")
    await room.quiet(0.6)
    assert await room.state(proposal) == "open"


async def test_an_approver_who_is_timed_out_does_not_count(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("time_out", user="owner", until="2030-01-01T00:00:00+00:00")
    room.approvals.reacted(raw_yes(room, message), present=True)
    await room.sandbox.control.do("time_out", user="owner", until="2030-01-01T00:00:00+00:00")
    await nothing_happens(room, proposal)


@pytest.mark.parametrize("status", [404, 503, 429])
async def test_while_the_member_cannot_be_read_the_approval_waits(room: Office, status: int) -> None:
    proposal, message = await posted(room)
    control = room.sandbox.control
    await control.fault("GET", "/members/", status=status, count=-1, body={"message": "no", "code": 10007, "retry_after": 0.1})
    await room.user("owner").react(message, YES)
    await nothing_happens(room, proposal)
    await control.do("clear_faults")
    if status == 404:
        await room.user("owner").unreact(message, YES)
        await room.user("owner").react(message, YES)
    await room.becomes(proposal, *DONE)


async def test_the_same_signal_makes_no_second_card(room: Office) -> None:
    proposal, _ = await posted(room)
    await room.desk.engine.entries()
    await room.quiet()
    assert [stored.proposal.id for stored in await room.desk.engine.pending()] == [proposal]
