"""`/halt`, `/resume`, `/flatten` as people type them, over the loopback wire."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.access import Access
from bot.client import DeskClient
from core.model.kill import Level
from tests.bot.rig import YES, Office, loopback, office, until


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Office]:
    async with loopback() as sandbox, office(tmp_path, sandbox) as opened:
        yield opened


def level(room: Office) -> int:
    return room.desk.engine.books.kill.level


def code_in(text: str) -> str:
    found = re.search(r"code:([0-9a-f]{6})", text)
    assert found is not None, text
    return found[1]


async def bought(room: Office) -> str:
    """A position that was approved and filled; its id."""
    card = await room.card()
    assert card.message_id is not None
    await room.user("owner").react(card.message_id, YES)

    async def held() -> str | None:
        return next(iter(room.desk.engine.books.positions), None)

    return await until(held)


def alone(room: Office) -> None:
    """From now on the owner is the only one who may approve."""
    settings = replace(room.served.access.settings, approvers=room.served.access.settings.approvers[:1])
    client = room.notifier.client
    assert isinstance(client, DeskClient)
    client.desk = replace(room.served, access=Access(settings))
    cog = client.get_cog("Switch")
    assert cog is not None
    cog.people = 1  # type: ignore[attr-defined]  # what its constructor reads off the settings


@pytest.mark.parametrize(
    ("typed", "reached"), [("reduce only", Level.REDUCE_ONLY), ("halt", Level.HALT), ("halt and cancel all", Level.CANCEL_ALL)]
)
async def test_one_message_of_one_person_halts_at_any_of_three_levels(room: Office, typed: str, reached: Level) -> None:
    seen = await room.user("approver").slash("halt", reason="test of the switch", level=typed)
    assert seen.text.startswith("Halted")
    assert seen.private
    assert level(room) == (await room.desk.journal.kill()).level == reached
    status = await room.user("stranger").slash("status show")
    assert "approver: test of the switch" in str(status.embeds[0]["fields"])


async def test_resume_takes_two_persons_where_two_may_approve(room: Office) -> None:
    await room.user("owner").slash("halt")
    asked = await room.user("owner").slash("resume", reason="looked at it")
    code = code_in(asked.text)
    assert "first of two persons" in asked.text

    async def told() -> bool | None:
        return code in str(await room.user("approver").see("status")) or None

    assert await until(told)
    again = await room.user("owner").slash("resume", code=code)
    assert "another approver" in again.text
    assert level(room) == Level.HALT
    done = await room.user("approver").slash("resume", code=code)
    assert done.text.startswith("Desk: ACTIVE")
    assert level(room) == (await room.desk.journal.kill()).level == Level.ACTIVE
    assert (await room.desk.journal.kill()).by == "owner and approver"
    assert (await room.desk.journal.kill()).reason == "looked at it"


async def test_a_wrong_code_or_an_old_one_resumes_nothing(room: Office) -> None:
    await room.user("owner").slash("halt")
    wrong = await room.user("approver").slash("resume", code="abcdef")
    assert "wrong or has run out" in wrong.text
    code = code_in((await room.user("owner").slash("resume")).text)
    room.desk.later(minutes=11)
    old = await room.user("approver").slash("resume", code=code)
    assert "wrong or has run out" in old.text
    assert level(room) == Level.HALT


async def test_a_halt_between_the_two_steps_takes_the_first_one_back(room: Office) -> None:
    await room.user("owner").slash("halt")
    code = code_in((await room.user("owner").slash("resume")).text)
    await room.user("approver").slash("halt", reason="wait")
    seen = await room.user("approver").slash("resume", code=code)
    assert "wrong or has run out" in seen.text
    assert level(room) == Level.HALT


async def test_a_single_approver_resumes_in_two_steps_within_a_minute(room: Office) -> None:
    alone(room)
    await room.user("owner").slash("halt")
    code = code_in((await room.user("owner").slash("resume")).text)
    room.desk.later(seconds=61)
    assert "wrong or has run out" in (await room.user("owner").slash("resume", code=code)).text
    code = code_in((await room.user("owner").slash("resume")).text)
    assert (await room.user("owner").slash("resume", code=code)).text.startswith("Desk: ACTIVE")
    assert level(room) == Level.ACTIVE


async def test_after_every_order_was_cancelled_the_desk_cools_down_before_it_is_resumed(room: Office) -> None:
    await room.user("owner").slash("halt", level="halt and cancel all")
    seen = await room.user("owner").slash("resume")
    assert "cools down" in seen.text
    room.desk.later(minutes=15)
    code = code_in((await room.user("owner").slash("resume")).text)
    assert (await room.user("approver").slash("resume", code=code)).text.startswith("Desk: ACTIVE")


async def test_an_active_desk_says_so(room: Office) -> None:
    assert (await room.user("owner").slash("resume")).text == "The desk is active already."


async def test_f130_flatten_names_account_and_holdings_takes_two_and_closes_once(room: Office) -> None:
    position = await bought(room)
    units = room.desk.engine.books.positions[position].units
    shown = await room.user("owner").slash("portfolio positions")
    assert "no stop at the broker" in shown.embeds[0]["description"]
    asked = await room.user("owner").slash("flatten", reason="leaving")
    assert "account paper" in asked.text
    assert f"LEAD {units}" in asked.text
    assert level(room) == Level.ACTIVE
    done = await room.user("approver").slash("flatten", code=code_in(asked.text))
    assert done.text.startswith("Desk: FLATTEN")
    again = await room.user("owner").slash("flatten")
    assert "under way" in again.text
    room.desk.later(seconds=5)
    clearing = room.desk.engine.clearing
    assert clearing is not None
    await clearing
    for _ in range(3):
        await room.desk.tick(seconds=30)
    assert room.desk.engine.books.positions == {}
    assert await room.desk.broker.positions() == {}
    cool = await room.user("owner").slash("resume")
    assert "cools down" in cool.text
    assert room.desk.clock.now() - room.desk.engine.books.kill.at < timedelta(minutes=15)
