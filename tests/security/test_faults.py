"""Faults around approvals, Discord and hostile input, on the whole desk beside the loopback Discord."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.client import DeskClient
from bot.gate import BURST, PEOPLE, Gate
from bot.sandbox.server import Sandbox
from core.engine.settings import Policy
from core.journal.anchor import read
from core.model.errors import OperatorError
from tests.bot.cases import CARDS, DONE, posted, raw_yes
from tests.bot.rig import NO, YES, Office, office, until

GAPS: dict[str, tuple[str, dict[str, Any]]] = {
    "closed": ("close", {"code": 4000}),
    "cut": ("abort", {}),
    "asked to reconnect": ("op", {"op": 7}),
    "invalid, resumable": ("op", {"op": 9, "data": True}),
    "invalid, lost": ("op", {"op": 9, "data": False}),
}


@pytest.mark.parametrize("gap", list(GAPS))
async def test_f116_a_yes_during_each_kind_of_gap_makes_one_order(room: Office, gap: str) -> None:
    proposal, message = await posted(room)
    verb, arguments = GAPS[gap]
    await room.sandbox.control.do("drop", name="MESSAGE_REACTION_ADD", count=1)
    await room.user("owner").react(message, YES)
    await room.sandbox.control.do(verb, **arguments)
    await room.becomes(proposal, *DONE)
    await room.quiet()
    assert await room.orders() == 1


@pytest.mark.parametrize("gap", list(GAPS))
async def test_f116_a_no_during_each_kind_of_gap_wins(room: Office, gap: str) -> None:
    proposal, message = await posted(room)
    verb, arguments = GAPS[gap]
    await room.sandbox.control.do("drop", name="MESSAGE_REACTION_ADD", count=2)
    await room.user("approver").react(message, NO)
    await room.user("owner").react(message, YES)
    await room.sandbox.control.do(verb, **arguments)
    await room.becomes(proposal, "vetoed")
    assert await room.orders() == 0


@pytest.mark.parametrize("what", ["permission", "role", "channel", "server"])
async def test_f118_what_the_bot_loses_stops_approvals_and_never_sends(room: Office, what: str) -> None:
    proposal, message = await posted(room)
    control = room.sandbox.control
    if what == "permission":
        await control.do("overwrite", channel=CARDS, user="bot", deny=1 << 10)
    elif what == "role":
        await control.do("delete_role", role="approver")
    elif what == "channel":
        await control.do("delete_channel", channel=CARDS)
    else:
        await control.do("leave", user="bot")
    room.approvals.reacted(raw_yes(room, message), present=True)
    await room.quiet(0.6)
    assert await room.state(proposal) in ("open", "void")
    assert await room.orders() == 0


async def test_f121_a_click_whose_answer_comes_too_late_still_counts_and_the_card_tells_it(room: Office) -> None:
    proposal, message = await posted(room)
    gone = {"message": "Unknown interaction", "code": 10062}
    await room.sandbox.control.fault("POST", "/callback", status=404, body=gone, count=-1)
    await room.user("owner").click(message, f"qm:yes:{proposal}")
    await room.becomes(proposal, *DONE)

    async def told() -> bool | None:
        return ("approved" in (await room.user("owner").look(message))["embeds"][0]["title"]) or None

    assert await until(told)
    assert await room.orders() == 1


async def test_f122_after_six_hours_without_discord_the_card_is_over_and_exits_still_run(tmp_path: Path, sandbox: Sandbox) -> None:
    async with office(tmp_path, sandbox, exits=Policy.AUTO) as room:
        proposal, message = await posted(room)
        await room.user("owner").react(message, YES)
        await room.becomes(proposal, "closed")
        await room.desk.engine.rest()
    async with office(tmp_path, sandbox, connect=False, again=True, exits=Policy.AUTO) as room:
        (position,) = room.desk.engine.books.positions.values()
        room.desk.market.prices["LEAD"] = float(position.plan.stop) - 2
        await room.desk.tick(minutes=1)
        await room.desk.tick(minutes=1)
        assert room.desk.engine.books.positions == {}


async def test_f137_a_click_that_the_gateway_tells_twice_is_one_vote_and_one_order(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("double", name="INTERACTION_CREATE", count=1)
    await room.user("owner").click(message, f"qm:yes:{proposal}")
    await room.becomes(proposal, *DONE)
    await room.quiet()
    assert await room.orders() == 1


async def test_f134_a_stranger_at_every_command_and_button_changes_nothing(room: Office) -> None:
    proposal, message = await posted(room)
    client = cast("DeskClient", room.notifier.client)
    names = [command.qualified_name for command in client.tree.walk_commands() if not hasattr(command, "commands")]
    assert len(names) >= 10
    before = (room.desk.engine.books.kill.level, len(await room.desk.engine.pending()), await room.orders())
    for number, name in enumerate(names):
        command = next(one for one in client.tree.walk_commands() if one.qualified_name == name)
        options: dict[str, Any] = {option.name: "x" for option in getattr(command, "parameters", []) if option.required}
        client.gate.recent.clear()
        seen = await room.user("stranger").slash(name, **options)
        assert seen.text or seen.embeds, (number, name)
        assert "Traceback" not in seen.text
    for word in ("yes", "no"):
        seen = await room.user("stranger").click(message, f"qm:{word}:{proposal}")
        assert "not on the list" in seen.text
    assert before == (room.desk.engine.books.kill.level, len(await room.desk.engine.pending()), await room.orders())
    assert await room.state(proposal) == "open"


HOSTILE = [
    *("'; DROP TABLE audit; --", "../../etc/passwd", "@everyone", "<@1>", "**x**", "\u202egnp.exe", "\u200bAAPL", "\u0410APL"),
    *("x" * 6000, "%s%n", "\n\n# big", "[x](https://evil.example)", "{0.__class__}"),
]


@pytest.mark.parametrize("typed", HOSTILE, ids=range(len(HOSTILE)))
async def test_f133_hostile_words_get_one_harmless_sentence(room: Office, typed: str) -> None:
    for command in ("signals explain", "signals show"):
        seen = await room.user("owner").slash(command, symbol=typed)
        text = seen.text
        assert len(text) <= 2_000
        assert not [line for line in text.splitlines() if line.startswith("# ")]
        assert "Traceback" not in text
        assert not re.search(r"(?<!\\)(?:\\\\)*(?:@everyone|<@1>|\*\*x\*\*|://)", text)
    assert await room.desk.journal.verify_audit() >= 0


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_a_file_of_anchors_full_of_rubbish_is_read_or_refused(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "anchors"
    path.write_bytes(rubbish)
    with suppress(OperatorError):
        assert all(anchor.seq >= 0 for anchor in read(path))


def test_a_flood_of_people_costs_the_gate_bounded_memory_and_one_person_is_slowed_down() -> None:
    gate = Gate()
    for person in range(20_000):
        assert gate.admits(person, 0.0)
    assert len(gate.recent) == PEOPLE
    assert [gate.admits(7, 1.0) for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert gate.admits(7, 12.0)
