"""One test for each row of the table of approval cases (C.3), over the loopback Discord with the real engine."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.sandbox.server import Sandbox
from tests.bot.rig import NO, YES, Office, loopback, office, until

DONE = ("claimed", "closed")
#: Channel in which approval cards stand.
CARDS = "trades"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with loopback() as opened:
        yield opened


@pytest.fixture
async def room(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Office]:
    async with office(tmp_path, sandbox) as opened:
        yield opened


async def posted(room: Office) -> tuple[str, int]:
    """A card that stands; its proposal and message."""
    card = await room.card()
    assert card.message_id is not None
    return card.proposal.id, card.message_id


async def nothing_happens(room: Office, proposal: str) -> None:
    await room.quiet()
    assert await room.state(proposal) == "open"
    assert await room.orders() == 0


def reaction(room: Office, message: int, **changes: Any) -> dict[str, Any]:
    """A raw reaction event by the owner as the gateway sends it."""
    owner = str(room.sandbox.users["owner"])
    user = {"id": owner, "username": "owner", "discriminator": "0", "avatar": None, "global_name": None}
    member = {
        "user": user,
        "roles": [str(room.sandbox.roles["approver"])],
        "flags": 0,
        "joined_at": None,
        "deaf": False,
        "mute": False,
    }
    return {
        "user_id": owner,
        "channel_id": str(room.sandbox.channels[CARDS]),
        "message_id": str(message),
        "guild_id": str(room.sandbox.guild_id),
        "emoji": {"id": None, "name": YES},
        "type": 0,
        "burst": False,
        "member": member,
        "message_author_id": str(room.sandbox.bot_id),
        **changes,
    }


async def test_a_yes_of_an_approver_becomes_one_order(room: Office) -> None:
    proposal, message = await posted(room)
    await room.user("owner").react(message, YES)
    await room.becomes(proposal, *DONE)
    assert await room.orders() == 1


async def test_a_double_reaction_of_the_same_user_counts_once(room: Office) -> None:
    proposal, message = await posted(room)
    control = room.sandbox.control
    await control.do("double", name="MESSAGE_REACTION_ADD", count=1)
    await room.user("owner").react(message, YES)
    await control.do("event", name="MESSAGE_REACTION_ADD", data=reaction(room, message, type=1, burst=True))
    await room.becomes(proposal, *DONE)
    await room.quiet()
    assert await room.orders() == 1


async def test_add_remove_add_leaves_the_last_known_state(room: Office) -> None:
    proposal, message = await posted(room)
    control, owner = room.sandbox.control, room.user("owner")
    await control.fault("GET", f"messages/{message}$", status=503, count=-1)
    await owner.react(message, YES)
    await owner.unreact(message, YES)
    await room.quiet()
    await control.do("clear_faults")
    await room.quiet(1.2)
    assert await room.state(proposal) == "open"
    await owner.react(message, YES)
    await room.becomes(proposal, *DONE)
    assert await room.orders() == 1


async def test_a_yes_removed_before_the_claim_is_withdrawn(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.fault("GET", f"messages/{message}$", delay=0.3)
    await room.user("owner").react(message, YES)
    await room.user("owner").unreact(message, YES)
    await room.quiet(0.6)
    assert await room.state(proposal) == "open"
    assert await room.orders() == 0
    votes = await room.desk.journal.votes(proposal)
    assert [vote.present for vote in votes if vote.voter == "owner"] == [False]


async def test_when_the_card_cannot_be_read_again_nothing_is_claimed(room: Office) -> None:
    proposal, message = await posted(room)
    control = room.sandbox.control
    await control.fault("GET", f"messages/{message}$", status=503, count=-1)
    await room.user("owner").react(message, YES)
    await nothing_happens(room, proposal)
    await control.do("clear_faults")
    await room.becomes(proposal, *DONE)


async def test_a_yes_removed_after_the_claim_has_no_effect(room: Office) -> None:
    proposal, message = await posted(room)
    await room.user("owner").react(message, YES)
    await room.becomes(proposal, *DONE)
    await room.user("owner").unreact(message, YES)
    await room.quiet()
    assert await room.state(proposal) in DONE
    assert await room.orders() == 1


async def test_of_two_approvers_racing_one_wins(room: Office) -> None:
    proposal, message = await posted(room)
    await asyncio.gather(room.user("owner").react(message, YES), room.user("approver").react(message, YES))
    await room.becomes(proposal, *DONE)
    await room.quiet()
    assert await room.orders() == 1


async def test_a_veto_before_the_claim_wins(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("hold", names=["MESSAGE_REACTION_ADD"])
    await room.user("approver").react(message, NO)
    await room.user("owner").react(message, YES)
    await room.sandbox.control.do("release", reverse=True)
    assert await room.becomes(proposal, "vetoed")
    await room.quiet()
    assert await room.orders() == 0


async def test_a_veto_after_the_claim_changes_nothing(room: Office) -> None:
    proposal, message = await posted(room)
    await room.user("owner").react(message, YES)
    await room.becomes(proposal, *DONE)
    await room.user("approver").react(message, NO)
    await room.quiet()
    assert await room.state(proposal) in DONE


async def test_a_stranger_changes_nothing_and_is_noted(room: Office) -> None:
    proposal, message = await posted(room)
    await room.user("stranger").react(message, YES)

    async def noted() -> bool | None:
        return (
            any(
                vote.voter == f"user {room.sandbox.users['stranger']}" and not vote.allowed
                for vote in await room.desk.journal.votes(proposal)
            )
            or None
        )

    await until(noted)
    await nothing_happens(room, proposal)


async def test_a_crowd_of_strangers_delays_an_approver_by_less_than_two_seconds(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.burst(message, YES, 10_000)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await room.user("owner").react(message, YES)
    await room.becomes(proposal, *DONE)
    print(f"an approver behind 10,000 strangers waited {loop.time() - began:.2f} s")
    rows = await room.audited("decisions ignored")
    assert len(rows) < 50
    assert len([vote for vote in await room.desk.journal.votes(proposal) if not vote.allowed]) <= 20
    assert await room.orders() == 1


async def test_reactions_of_bots_do_not_count(room: Office) -> None:
    proposal, message = await posted(room)
    other = await room.sandbox.control.do("join", name="Other bot", bot=True)
    identity = other.get("id") or other["user"]["id"]
    await room.user(identity).react(message, YES)
    await nothing_happens(room, proposal)


async def test_our_own_reaction_never_counts_even_when_somebody_has_our_token(room: Office) -> None:
    proposal, message = await posted(room)
    shown = await room.user("owner").look(message)
    assert [entry["emoji"]["name"] for entry in shown["reactions"] if entry["me"] or entry["count"]] == [YES, NO]
    me = reaction(room, message, user_id=str(room.sandbox.bot_id))
    await room.sandbox.control.do("event", name="MESSAGE_REACTION_ADD", data=me)
    await nothing_happens(room, proposal)


async def test_a_reaction_of_a_user_who_is_in_no_cache_counts(room: Office) -> None:
    proposal, message = await posted(room)
    client = cast("discord.Client", room.notifier.client)
    assert not [member for guild in client.guilds for member in guild.members if member.id == room.sandbox.users["owner"]]
    await room.user("owner").react(message, YES)
    assert await room.becomes(proposal, *DONE)


@pytest.mark.parametrize(
    "changes",
    [
        {"channel_id": "77"},
        {"guild_id": "77"},
        {"guild_id": None},
        {"message_author_id": "77"},
    ],
    ids=["another channel or thread", "another server", "direct message", "another author"],
)
async def test_a_reaction_that_only_looks_like_one_on_our_card_is_ignored_and_noted(room: Office, changes: dict[str, Any]) -> None:
    proposal, message = await posted(room)
    plain = reaction(room, message, **changes)
    event = SimpleNamespace(
        message_id=message,
        user_id=int(plain["user_id"]),
        channel_id=int(plain["channel_id"]),
        guild_id=int(plain["guild_id"]) if plain["guild_id"] else None,
        emoji=discord.PartialEmoji(name=YES),
        member=None,
        message_author_id=int(plain["message_author_id"]),
    )
    room.approvals.reacted(cast("discord.RawReactionActionEvent", event), present=True)
    assert len(await room.audited("spoof?")) == 1
    await nothing_happens(room, proposal)


async def test_a_reaction_on_somebody_elses_copy_of_our_card_is_ignored_and_noted(room: Office) -> None:
    proposal, _ = await posted(room)
    copy = await room.user("stranger").say("Open LEAD · stock? React with ✅", in_channel=CARDS)
    await room.user("owner").react(copy["id"], YES)
    assert len(await room.audited("spoof?")) == 1
    await nothing_happens(room, proposal)


async def test_a_reaction_on_another_note_of_ours_means_nothing(room: Office) -> None:
    proposal, _ = await posted(room)
    other = next(entry for entry in await room.user("owner").see(CARDS) if not entry["components"])
    await room.user("owner").react(other["id"], YES)
    await nothing_happens(room, proposal)


@pytest.mark.parametrize("emoji", ["👍", "✔️", "☑️", "💚"])
async def test_other_emoji_mean_nothing(room: Office, emoji: str) -> None:
    proposal, message = await posted(room)
    await room.user("owner").react(message, emoji)
    await nothing_happens(room, proposal)


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


def raw_yes(room: Office, message: int) -> discord.RawReactionActionEvent:
    """The owner's yes, straight into the door."""
    event = SimpleNamespace(
        message_id=message,
        user_id=room.sandbox.users["owner"],
        channel_id=room.sandbox.channels[CARDS],
        guild_id=room.sandbox.guild_id,
        emoji=discord.PartialEmoji(name=YES),
        member=None,
        message_author_id=room.sandbox.bot_id,
    )
    return cast("discord.RawReactionActionEvent", event)


async def test_an_approval_during_a_disconnect_counts_after_the_resume(room: Office) -> None:
    proposal, message = await posted(room)
    await room.sandbox.control.do("close", code=4000)
    await room.user("owner").react(message, YES)
    await room.becomes(proposal, *DONE)
    assert await room.orders() == 1


async def test_an_approval_in_a_lost_session_is_read_back(room: Office) -> None:
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


async def test_an_approval_while_the_bot_was_down_is_read_back(tmp_path: Path, sandbox: Sandbox) -> None:
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


async def test_a_button_of_an_old_card_still_answers_after_a_restart(tmp_path: Path, sandbox: Sandbox) -> None:
    async with office(tmp_path, sandbox) as room:
        proposal, message = await posted(room)
    async with office(tmp_path, sandbox, again=True) as room:
        seen = await room.user("owner").click(message, f"qm:yes:{proposal}")
        assert "Approved" in seen.text
        assert await room.orders() == 1
