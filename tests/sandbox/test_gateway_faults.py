"""Faults of the gateway, and what the unmodified discord.py makes of each."""

import asyncio

import discord
import pytest

from bot.sandbox.server import Sandbox
from tests.sandbox.bots import Desk, connected, until


async def card(sandbox: Sandbox, desk: Desk) -> discord.Message:
    return await desk.room(sandbox.channels["trades"]).send("card")


async def none_left(desk: Desk) -> None:
    await asyncio.sleep(0.1)
    assert desk.reactions.empty()


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("op", {"op": 7}),
        ("op", {"op": 9, "d": True}),
        ("abort", {}),
        *(("close", {"code": code}) for code in (1000, 1001, 4000, 4007, 4008, 4009)),
    ],
)
async def test_f115_a_broken_link_resumes_and_replays_what_was_missed(
    sandbox: Sandbox, desk: Desk, verb: str, args: dict[str, object]
) -> None:
    message = await card(sandbox, desk)
    await sandbox.control.do(verb, **args)
    await sandbox.control.user("owner").react(message.id, "✅")
    payload = await asyncio.wait_for(desk.reactions.get(), 10)
    await until(lambda: desk.resumes == 1, 10)
    assert payload.user_id == sandbox.users["owner"]
    assert (await sandbox.control.do("gateway_state"))["identifies"] == 1
    await none_left(desk)


async def test_an_invalid_session_loses_what_happened_but_rest_still_knows(sandbox: Sandbox, desk: Desk) -> None:
    message = await card(sandbox, desk)
    await sandbox.control.do("forget")
    await sandbox.control.do("abort")
    await sandbox.control.user("owner").react(message.id, "✅")
    await until(lambda: desk.readies == 2, 10)
    await none_left(desk)
    fetched = await desk.room(sandbox.channels["trades"]).fetch_message(message.id)
    assert [user.id async for user in fetched.reactions[0].users()] == [sandbox.users["owner"]]
    await sandbox.control.user("approver").react(message.id, "✅")
    assert (await asyncio.wait_for(desk.reactions.get(), 5)).user_id == sandbox.users["approver"]


async def test_f115_op_9_false_identifies_again(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.do("op", op=9, d=False)
    await until(lambda: desk.readies == 2, 10)
    assert (await sandbox.control.do("gateway_state"))["identifies"] == 2


async def test_a_heartbeat_on_demand_is_answered(sandbox: Sandbox, desk: Desk) -> None:
    before = len(await sandbox.control.do("gateway_log", op=1))
    await sandbox.control.do("op", op=1)
    await until(lambda: sum(item["op"] == 1 for item in sandbox.gateway.log) > before)


async def test_the_latency_is_believable(sandbox: Sandbox, desk: Desk) -> None:
    await until(lambda: desk.latency < 1)
    assert 0.015 < desk.latency < 0.5


@pytest.mark.parametrize("code", [4004, 4010, 4013])
async def test_a_fatal_close_ends_the_client(sandbox: Sandbox, code: int) -> None:
    desk = Desk(sandbox.guild_id)
    running = await connected(sandbox.api_base, sandbox.gateway_url, sandbox.token, desk)
    await sandbox.control.do("close", code=code)
    with pytest.raises(discord.ConnectionClosed):
        await asyncio.wait_for(running, 5)
    await desk.close()


async def test_privileged_intents_that_were_not_granted_are_refused(sandbox: Sandbox) -> None:
    desk = Desk(sandbox.guild_id, intents=1537 | 1 << 15)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await connected(sandbox.api_base, sandbox.gateway_url, sandbox.token, desk)
    await desk.close()


async def test_a_refused_reconnect_is_tried_again_and_resumes(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.do("refuse", count=1, status=503)
    await sandbox.control.do("abort")
    await until(lambda: desk.resumes == 1, 15)


async def test_a_refused_first_connect_ends_the_start(sandbox: Sandbox) -> None:
    desk = Desk(sandbox.guild_id)
    await sandbox.control.do("refuse", count=1, status=503)
    with pytest.raises(AttributeError, match="sequence"):
        await connected(sandbox.api_base, sandbox.gateway_url, sandbox.token, desk)
    await desk.close()


async def test_a_malformed_event_ends_the_start(sandbox: Sandbox) -> None:
    desk = Desk(sandbox.guild_id)
    running = await connected(sandbox.api_base, sandbox.gateway_url, sandbox.token, desk)
    await sandbox.control.do("event", name="MESSAGE_REACTION_ADD", data={"guild_id": str(sandbox.guild_id)})
    with pytest.raises(KeyError):
        await asyncio.wait_for(running, 5)
    assert not desk.is_closed()
    await desk.close()


async def test_unknown_ops_and_events_are_ignored(sandbox: Sandbox, desk: Desk) -> None:
    message = await card(sandbox, desk)
    await sandbox.control.do("op", op=77, d={})
    await sandbox.control.do("event", name="SOMETHING_NEW", data={})
    await sandbox.control.user("owner").react(message.id, "✅")
    assert (await asyncio.wait_for(desk.reactions.get(), 5)).user_id == sandbox.users["owner"]


async def test_f115_silence_is_noticed_and_resumed(sandbox: Sandbox) -> None:
    await sandbox.control.do("silence", heartbeat_ms=150)
    desk = Desk(sandbox.guild_id, heartbeat_timeout=0.4)
    running = await connected(sandbox.api_base, sandbox.gateway_url, sandbox.token, desk)
    await sandbox.control.do("silence", acks=False)
    await until(lambda: desk.resumes >= 1, 15)
    await sandbox.control.do("silence", acks=True)
    await desk.close()
    await running


async def test_f119_events_can_be_lost_doubled_held_and_reordered(sandbox: Sandbox, desk: Desk) -> None:
    message, owner = await card(sandbox, desk), sandbox.control.user("owner")
    await sandbox.control.do("drop", name="MESSAGE_REACTION_ADD")
    await owner.react(message.id, "❌")
    await none_left(desk)
    await sandbox.control.do("double", name="MESSAGE_REACTION_ADD")
    await owner.react(message.id, "✅")
    assert [(await desk.reactions.get()).emoji.name for _ in range(2)] == ["✅", "✅"]
    await sandbox.control.do("hold", names=["*"])
    await owner.react(message.id, "👍")
    await owner.react(message.id, "👎")
    await none_left(desk)
    assert await sandbox.control.do("release", reverse=True) == 2
    assert [(await desk.reactions.get()).emoji.name for _ in range(2)] == ["👎", "👍"]


async def test_ten_thousand_strangers_react_and_an_approver_still_gets_through(sandbox: Sandbox, desk: Desk) -> None:
    message = await card(sandbox, desk)
    await sandbox.control.burst(message.id, "✅", 10_000)
    await sandbox.control.user("owner").react(message.id, "✅")
    people = {(await asyncio.wait_for(desk.reactions.get(), 30)).user_id for _ in range(10_001)}
    assert len(people) == 10_001
    assert sandbox.users["owner"] in people
    found = await sandbox.control.user("owner").look(message.id)
    assert (found["reactions"][0]["count"], found["reactions"][0]["me"]) == (10_001, True)
