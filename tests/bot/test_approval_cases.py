"""Approval cases (C.3): who reacts, how often, and where; over the loopback Discord with the real engine."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from tests.bot.cases import CARDS, DONE, nothing_happens, posted, reaction
from tests.bot.rig import NO, YES, Office, until


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


async def test_f138_our_own_reaction_never_counts_even_when_somebody_has_our_token(room: Office) -> None:
    proposal, message = await posted(room)
    shown = await room.user("owner").look(message)
    assert [entry["emoji"]["name"] for entry in shown["reactions"] if entry["me"] or entry["count"]] == [YES, NO]
    me = reaction(room, message, user_id=str(room.sandbox.bot_id))
    await room.sandbox.control.do("event", name="MESSAGE_REACTION_ADD", data=me)
    await nothing_happens(room, proposal)
    assert room.approvals.crowd.cards == {}


async def test_f120_a_reaction_of_a_user_who_is_in_no_cache_counts(room: Office) -> None:
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


async def test_f135_a_reaction_on_somebody_elses_copy_of_our_card_is_ignored_and_noted(room: Office) -> None:
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
