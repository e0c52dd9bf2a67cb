"""Random orders of what people and the wire can do to one card: at most one order, and none without a yes that may count."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.bot.cases import posted, raw_yes
from tests.bot.rig import NO, YES, Office, loopback, office

STEPS = 9
ENDED = {"claimed", "closed", "vetoed", "void", "expired", "killed", "gate denied", "stale", "superseded"}


async def step(room: Office, message: int, chance: random.Random) -> str:
    """Do one thing; answers what it was."""
    who = chance.choice(["owner", "approver", "stranger"])
    emoji = chance.choice([YES, YES, NO])
    control = room.sandbox.control
    deeds: dict[str, Callable[[], Awaitable[object]]] = {
        "react": lambda: room.user(who).react(message, emoji),
        "unreact": lambda: room.user(who).unreact(message, emoji),
        "double": lambda: control.do("double", name="MESSAGE_REACTION_ADD", count=1),
        "drop": lambda: control.do("drop", name="MESSAGE_REACTION_ADD", count=1),
        "resume": lambda: control.do("op", op=7),
        "lose session": lambda: control.do("forget"),
        "abort": lambda: control.do("abort"),
        "read fails": lambda: control.fault("GET", f"messages/{message}$", status=503),
        "member fails": lambda: control.fault("GET", "/members/", status=503),
        "take role": lambda: control.do("set_roles", user=who, roles=[]),
        "give role": lambda: control.do("set_roles", user="owner", roles=["approver"]),
    }
    name = chance.choice([*deeds, "react", "react"])
    await deeds[name]()
    if chance.random() < 0.5:
        await asyncio.sleep(chance.random() * 0.1)
    return f"{who} {name} {emoji}" if "react" in name else name


@pytest.mark.parametrize("seed", range(14))
async def test_f119_no_order_of_events_makes_two_orders_or_one_without_a_yes(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with loopback() as sandbox, office(tmp_path, sandbox) as room:
        proposal, message = await posted(room)
        story = [await step(room, message, chance) for _ in range(STEPS)]
        await room.quiet(0.4)
        state, orders = await room.state(proposal), await room.orders()
        votes = await room.desk.journal.votes(proposal)
        assert orders <= 1, story
        assert (orders == 1) == (state in {"claimed", "closed"}), story
        assert state == "open" or state in ENDED, story
        if orders:
            said_yes = {f"{who} react {YES}" for who in ("owner", "approver")}
            assert said_yes & set(story), story
            assert any(vote.approve and vote.allowed for vote in votes), story
        if not any(entry in story for entry in (f"owner react {YES}", f"approver react {YES}")):
            assert orders == 0, story
        again = orders
        room.approvals.reacted(raw_yes(room, message), present=True)
        room.approvals.reacted(raw_yes(room, message), present=True)
        await room.quiet(0.2)
        assert await room.orders() <= max(again, 1), story
