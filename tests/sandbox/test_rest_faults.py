"""Faults of the REST side, and what the unmodified discord.py makes of each."""

import asyncio
import time
from pathlib import Path

import aiohttp
import discord
import pytest

from bot.clock import SystemClock
from bot.sandbox.server import Sandbox, Settings
from tests.sandbox.bots import Desk, at_work, until

MESSAGES = r"^/channels/\d+/messages$"


async def texts(sandbox: Sandbox, channel: str = "signals") -> list[str]:
    return [message["content"] for message in await sandbox.control.user("owner").see(channel)]


@pytest.mark.parametrize("scope", ["user", "global"])
async def test_f113_a_429_is_waited_out_and_sent_again(sandbox: Sandbox, desk: Desk, scope: str) -> None:
    await sandbox.control.do("rate_limit", path=MESSAGES, seconds=0.2, scope=scope)
    began = time.perf_counter()
    await desk.room(sandbox.channels["signals"]).send("hello")
    assert time.perf_counter() - began >= 0.2
    assert await texts(sandbox) == ["hello"]
    assert [item["status"] for item in await sandbox.control.log(path="/messages")] == [429, 200]


async def test_a_429_without_via_is_taken_for_a_ban(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.do("rate_limit", path=MESSAGES, via=False)
    with pytest.raises(discord.HTTPException) as caught:
        await desk.room(sandbox.channels["signals"]).send("hello")
    assert caught.value.status == 429
    assert await texts(sandbox) == []


async def test_f114_a_502_after_the_effect_leaves_one_message_thanks_to_the_nonce(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.fault("POST", MESSAGES, status=502, when="after")
    await desk.room(sandbox.channels["signals"]).send("once")
    assert await texts(sandbox) == ["once"]
    assert [item["status"] for item in await sandbox.control.log(path="/messages")] == [502, 200]


async def test_a_503_is_raised_at_once(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.fault("POST", MESSAGES, status=503)
    with pytest.raises(discord.DiscordServerError):
        await desk.room(sandbox.channels["signals"]).send("never")
    assert await texts(sandbox) == []


async def test_a_503_on_the_callback_is_tried_again(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.fault("POST", "/callback$", status=503)
    seen = await sandbox.control.user("owner").slash("ping")
    assert seen.text == "pong (kind)"
    assert desk.failures == []


async def test_a_500_after_a_followup_makes_two_messages(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.fault("POST", r"^/webhooks/\d+/\w+$", status=500, when="after")
    seen = await sandbox.control.user("owner").slash("more")
    await until(lambda: any(item.path.startswith("/webhooks") and item.method == "DELETE" for item in sandbox.front.log))
    seen = await sandbox.control.user("owner").again(seen)
    assert [seen.text, *(item["content"] for item in seen.followups)] == ["first", "first", "second, edited"]


async def test_a_500_after_the_first_answer_ends_in_40060_although_it_was_seen(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.fault("POST", "/callback$", status=500, when="after")
    seen = await sandbox.control.user("owner").slash("ping")
    assert seen.text == "pong (kind)"
    await until(lambda: desk.failures)
    assert "40060" in str(desk.failures[0])


async def test_a_cut_send_is_no_discord_error_and_is_not_tried_again(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.fault("POST", MESSAGES, cut=True, when="after")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await desk.room(sandbox.channels["signals"]).send("did it arrive?")
    assert await texts(sandbox) == ["did it arrive?"]


async def test_a_cut_read_is_repeated_in_silence(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.fault("GET", r"^/guilds/\d+/roles$", cut=True)
    roles = await (await desk.fetch_guild(sandbox.guild_id)).fetch_roles()
    assert len(roles) == 3
    assert [item["status"] for item in await sandbox.control.log(path="/roles")] == [0, 200]


async def test_a_slow_answer_is_waited_for(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.fault("POST", MESSAGES, delay=30.0)
    sending = asyncio.create_task(desk.room(sandbox.channels["signals"]).send("slow"))
    done, _ = await asyncio.wait({sending}, timeout=0.2)
    assert done == set()
    sending.cancel()


async def test_f121_a_callback_after_three_seconds_is_10062(sandbox: Sandbox, desk: Desk) -> None:
    seen = await sandbox.control.user("owner").slash("late")
    assert seen.state == "failed"
    assert seen.sentence == "The application did not respond"
    await until(lambda: desk.failures)
    assert "10062" in str(desk.failures[0])


async def test_a_401_later_on_leaves_the_client_up(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.control.fault("POST", MESSAGES, status=401, body={"message": "401: Unauthorized", "code": 0})
    with pytest.raises(discord.HTTPException):
        await desk.room(sandbox.channels["signals"]).send("no")
    await desk.room(sandbox.channels["signals"]).send("yes")
    assert await texts(sandbox) == ["yes"]
    assert not desk.is_closed()


async def test_a_wrong_token_does_not_log_in(sandbox: Sandbox, desk: Desk) -> None:
    with pytest.raises(discord.LoginFailure):
        await Desk(sandbox.guild_id).start(sandbox.token + "x")


async def test_f118_lost_permissions_and_deleted_channels_are_refused_as_discord_does(sandbox: Sandbox, desk: Desk) -> None:
    room = desk.room(sandbox.channels["status"])
    await sandbox.control.do("bot_permissions", remove=1 << 14)
    with pytest.raises(discord.Forbidden) as caught:
        await room.send(embed=discord.Embed(title="no"))
    assert caught.value.code == 50013
    await sandbox.control.do("overwrite", channel="status", user="bot", deny=1 << 10)
    with pytest.raises(discord.Forbidden) as caught:
        await room.send("no")
    assert caught.value.code == 50001
    await sandbox.control.do("delete_channel", channel="status")
    with pytest.raises(discord.NotFound) as missing:
        await room.send("no")
    assert missing.value.code == 10003


async def test_who_left_or_lost_the_role_is_seen_by_a_fresh_fetch(sandbox: Sandbox, desk: Desk) -> None:
    guild = await desk.fetch_guild(sandbox.guild_id)
    await sandbox.control.do("set_roles", user="approver", roles=[])
    assert [role.name for role in (await guild.fetch_member(sandbox.users["approver"])).roles] == ["@everyone"]
    await sandbox.control.do("leave", user="approver")
    with pytest.raises(discord.NotFound):
        await guild.fetch_member(sandbox.users["approver"])


async def test_real_limits_slow_the_library_down_and_lose_nothing(tmp_path: Path) -> None:
    limited = Sandbox(Settings(world=tmp_path / "limited.jsonl", rate_limits=True), SystemClock())
    await limited.start()
    async with at_work(limited) as desk:
        message = await desk.room(limited.channels["trades"]).send("card")
        began = time.perf_counter()
        for emoji in "✅❌👍👎":
            await message.add_reaction(emoji)
        assert time.perf_counter() - began >= 0.7
    found = await limited.control.user("owner").look(message.id)
    assert [item["emoji"]["name"] for item in found["reactions"]] == ["✅", "❌", "👍", "👎"]
    (sent, *_) = await limited.control.log(method="POST", path="/messages")
    assert (sent["headers"]["X-RateLimit-Limit"], sent["headers"]["X-RateLimit-Remaining"]) == ("5", "4")
    await limited.stop()
