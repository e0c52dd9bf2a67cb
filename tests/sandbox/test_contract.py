"""Every exchange of a whole discord.py session is valid by Discord's own OpenAPI document."""

import io

import discord
import pytest

from bot.sandbox.permissions import Permission
from bot.sandbox.server import Sandbox
from tests.sandbox.bots import Card, Desk, picture
from tests.sandbox.openapi import Contract


async def test_every_exchange_of_a_whole_session_keeps_discords_contract(sandbox: Sandbox, desk: Desk, contract: Contract) -> None:
    await commands(sandbox)
    await cards(sandbox, desk)
    await people_and_channels(sandbox, desk)
    log = await sandbox.control.log()
    assert len(log) > 50
    problems = [problem for exchange in log for problem in contract.violations(exchange)]
    assert not problems, "\n".join(problems)
    assert desk.failures == []


async def commands(sandbox: Sandbox) -> None:
    owner = sandbox.control.user("owner")
    stranger = str(sandbox.users["stranger"])
    seen = await owner.slash("ping", times=2, loud=True, who=stranger, tone="stern")
    assert seen.text == f"pong pong! for {stranger} (stern)"
    assert seen.private
    waited = await owner.slash("wait")
    assert (waited.text, waited.embeds[0]["title"]) == ("worth it", "Later")
    assert (await owner.slash("desk book", day="Monday")).text == "the book of Monday"
    assert (await owner.slash("desk team list")).text == "nobody"
    choices = await owner.autocomplete("find", "symbol", symbol="a")
    assert [choice["value"] for choice in choices] == ["AAPL", "AMD"]
    more = await owner.slash("more")
    assert more.text == "first"
    assert more.private
    asked = await owner.slash("ask")
    assert asked.modal is not None
    assert (await owner.submit(asked, reason="it is cheap")).text == "because it is cheap"


async def cards(sandbox: Sandbox, desk: Desk) -> None:
    owner = sandbox.control.user("owner")
    room = desk.room(sandbox.channels["trades"])
    embed = discord.Embed(
        title="Buy", description="**now**", colour=0x2E8B57, url="https://example.org/", timestamp=discord.utils.utcnow()
    )
    embed.add_field(name="Price", value="100").set_footer(text="qm:1").set_author(name="desk").set_image(
        url="attachment://chart.png"
    )
    chart = discord.File(io.BytesIO(picture()), "chart.png", description="a chart")
    card = await room.send("card <@&1>", embed=embed, file=chart, view=Card(), nonce="occurrence-1")
    again = await room.send("card", nonce="occurrence-1")
    assert again.id == card.id
    image = card.embeds[0].image
    assert image.url is not None
    assert (image.width, image.height) == (8, 4)
    assert await desk.http.get_from_cdn(image.url) == picture()
    await card.add_reaction("✅")
    await card.add_reaction("❌")
    await owner.react(card.id, "✅")
    reacted = {user.id async for user in (await room.fetch_message(card.id)).reactions[0].users()}
    assert reacted == {sandbox.bot_id, sandbox.users["owner"]}
    await card.remove_reaction("❌", discord.Object(sandbox.bot_id))
    picked = await owner.click(card.id, "test:pick", values=["alpha", "gamma"])
    assert picked.state == "answered"
    form = await owner.click(card.id, "test:ask")
    assert (await owner.submit(form, reason="no", note="later")).text == "because no"
    clicked = await owner.click(card.id, "test:approve")
    assert clicked.text == f"approved by {sandbox.users['owner']}"
    await card.edit(content="closed", embed=discord.Embed(title="Done"), view=None, attachments=[])
    assert (await room.fetch_message(card.id)).embeds[0].title == "Done"


async def people_and_channels(sandbox: Sandbox, desk: Desk) -> None:
    room = desk.room(sandbox.channels["playground"])
    said = await sandbox.control.user("stranger").say("hello <@" + str(sandbox.bot_id) + ">")
    reply = await (await room.fetch_message(int(said["id"]))).reply("hi there", mention_author=False)
    with pytest.raises(discord.Forbidden):
        await reply.create_thread(name="not allowed yet")
    needed = Permission.CREATE_PUBLIC_THREADS | Permission.SEND_MESSAGES_IN_THREADS | Permission.MANAGE_MESSAGES
    await sandbox.control.do("bot_permissions", add=needed | Permission.PIN_MESSAGES)
    thread = await reply.create_thread(name="details", auto_archive_duration=1440)
    await thread.send("inside")
    await thread.edit(archived=True)
    await reply.pin()
    assert [item.id async for item in room.pins()] == [reply.id]
    await reply.unpin()
    async with room.typing():
        history = [item.content async for item in room.history(limit=100, oldest_first=True)]
    assert "hi there" in history
    assert int(said["id"]) in [item.id async for item in room.history(limit=2, before=reply)]
    guild = await desk.fetch_guild(sandbox.guild_id)
    assert (await guild.fetch_member(sandbox.users["owner"])).roles[-1].id == sandbox.roles["approver"]
    assert len([member async for member in guild.fetch_members(limit=None)] if desk.intents.members else [1]) == 1
    assert {channel.name for channel in await guild.fetch_channels()} >= {"signals", "morning-brew"}
    assert len(await guild.fetch_roles()) == 3
    person = await desk.fetch_user(sandbox.users["approver"])
    await (await person.create_dm()).send("a word in private")
    await (await room.send("gone soon")).delete()
    await reply.clear_reactions()
    await reply.delete()
    with pytest.raises(discord.NotFound):
        await room.fetch_message(reply.id)
    assert len(await desk.tree.fetch_commands(guild=desk.guild)) == 7
    await desk.http.request(discord.http.Route("GET", "/gateway/bot"))


async def test_the_judge_can_say_no(sandbox: Sandbox, desk: Desk, contract: Contract) -> None:
    await desk.room(sandbox.channels["signals"]).send("hello")
    (exchange,) = await sandbox.control.log(method="POST", path="/messages")
    assert contract.violations(exchange) == []
    broken = exchange["response"] | {"nonce": None}
    broken["author"] = {key: value for key, value in broken["author"].items() if key != "public_flags"}
    found = "\n".join(contract.violations(exchange | {"response": broken}))
    assert "'public_flags' is a required property" in found
    assert "nonce" in found
    too_long = exchange["request"] | {"embeds": [{"title": "x" * 257}]}
    assert "embeds.0.title" in contract.violations(exchange | {"request": too_long})[0]
    assert "no such operation" in contract.violations(exchange | {"path": "/nothing"})[0]
