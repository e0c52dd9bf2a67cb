"""What people see and may do: ephemeral answers, allow-lists of components, what the client would not send."""

import asyncio

import discord
import pytest

from bot.sandbox.server import Sandbox
from core.model.errors import RefusedError
from tests.sandbox.bots import Card, Desk, connected, until


async def test_an_ephemeral_answer_is_invisible_to_everybody_else(sandbox: Sandbox, desk: Desk) -> None:
    owner, stranger = sandbox.control.user("owner"), sandbox.control.user("stranger")
    seen = await owner.slash("ping")
    assert seen.message is not None
    assert [item["content"] for item in await owner.see("playground")] == ["pong (kind)"]
    assert await stranger.see("playground") == []
    with pytest.raises(RefusedError, match="does not see"):
        await stranger.look(seen.message["id"])
    with pytest.raises(discord.NotFound):
        await desk.room(sandbox.channels["playground"]).fetch_message(int(seen.message["id"]))
    assert [item async for item in desk.room(sandbox.channels["playground"]).history()] == []
    assert desk.heard.empty()


async def test_a_deferred_answer_shows_as_thinking_until_it_is_there(sandbox: Sandbox, desk: Desk) -> None:
    owner = sandbox.control.user("owner")
    seen = await owner.slash("wait", private=True, patience=0)
    assert seen.state == "thinking"
    assert seen.private
    await until(lambda: any(item.method == "PATCH" for item in sandbox.front.log))
    later = await owner.again(seen)
    assert (later.state, later.text, later.private) == ("answered", "worth it", True)


async def test_the_content_of_others_stays_hidden_without_the_intent(sandbox: Sandbox, desk: Desk) -> None:
    stranger = sandbox.control.user("stranger")
    await stranger.say("a secret")
    await stranger.say(f"<@{sandbox.bot_id}> not a secret")
    heard = [(await asyncio.wait_for(desk.heard.get(), 5)).content for _ in range(2)]
    assert heard == ["", f"<@{sandbox.bot_id}> not a secret"]


async def test_a_persistent_button_works_after_the_bot_was_away(sandbox: Sandbox, desk: Desk) -> None:
    message = await desk.room(sandbox.channels["trades"]).send("card", view=Card())
    await sandbox.control.do("forget")
    await sandbox.control.do("abort")
    await until(lambda: desk.readies == 2, 10)
    seen = await sandbox.control.user("approver").click(message.id, "test:approve")
    assert seen.text == f"approved by {sandbox.users['approver']}"


async def test_what_a_client_would_not_send_is_refused(sandbox: Sandbox, desk: Desk) -> None:
    owner = sandbox.control.user("owner")
    message = await desk.room(sandbox.channels["trades"]).send("card", view=Card())
    with pytest.raises(RefusedError, match="no command /nothing"):
        await owner.slash("nothing")
    with pytest.raises(RefusedError, match="is a group"):
        await owner.slash("desk")
    with pytest.raises(RefusedError, match="needs the option 'symbol'"):
        await owner.slash("find")
    with pytest.raises(RefusedError, match="lies between 1 and 5"):
        await owner.slash("ping", times=6)
    with pytest.raises(RefusedError, match="takes kind, stern"):
        await owner.slash("ping", tone="rude")
    with pytest.raises(RefusedError, match="no option 'size'"):
        await owner.slash("ping", size=1)
    with pytest.raises(RefusedError, match="does not take"):
        await owner.click(message.id, "test:pick", values=["delta"])
    with pytest.raises(RefusedError, match="no button or menu"):
        await owner.click(message.id, "test:missing")
    form = await owner.click(message.id, "test:ask")
    with pytest.raises(RefusedError, match="takes 1 to 100 letters"):
        await owner.submit(form, reason="")
    with pytest.raises(RefusedError, match="no modal"):
        await sandbox.control.user("stranger").submit(form, reason="mine")


async def test_a_repeated_reaction_changes_nothing(sandbox: Sandbox, desk: Desk) -> None:
    message, owner = await desk.room(sandbox.channels["trades"]).send("card"), sandbox.control.user("owner")
    assert await owner.react(message.id, "✅") is True
    assert await owner.react(message.id, "✅") is False
    assert await owner.unreact(message.id, "✅") is True
    assert await owner.unreact(message.id, "✅") is False
    await asyncio.wait_for(desk.reactions.get(), 5)
    assert desk.reactions.empty()
    assert "reactions" not in await owner.look(message.id)


async def test_the_same_nonce_gives_the_earlier_message(sandbox: Sandbox, desk: Desk) -> None:
    room = desk.room(sandbox.channels["signals"])
    first, second = await room.send("one", nonce="note-1"), await room.send("two", nonce="note-1")
    elsewhere = await desk.room(sandbox.channels["trades"]).send("one", nonce="note-1")
    assert first.id == second.id != elsewhere.id
    assert second.content == "one"


async def test_a_copy_by_another_bot_or_a_webhook_is_told_apart_by_its_author(sandbox: Sandbox, desk: Desk) -> None:
    room = desk.room(sandbox.channels["trades"])
    card = await room.send(embed=discord.Embed(title="Buy"))
    embeds = (await sandbox.control.user("owner").look(card.id))["embeds"]
    other = (await sandbox.control.do("join", name="QuantMatrix", bot=True))["user"]["id"]
    copy = await sandbox.control.do("say", user=other, channel="trades", text="", embeds=embeds)
    hook = await sandbox.control.do("webhook", name="QuantMatrix", channel="trades", embeds=embeds)
    await sandbox.control.user("owner").react(copy["id"], "✅")
    payload = await asyncio.wait_for(desk.reactions.get(), 5)
    assert payload.message_author_id == int(other) != sandbox.bot_id
    fetched = await room.fetch_message(int(hook["id"]))
    assert (fetched.author.name, fetched.author.bot, fetched.webhook_id) == ("QuantMatrix", True, int(hook["webhook_id"]))


async def test_a_direct_message_carries_no_guild(sandbox: Sandbox) -> None:
    made = Desk(sandbox.guild_id, intents=1537 | 1 << 12 | 1 << 13)
    running = await connected(sandbox.api_base, sandbox.gateway_url, sandbox.token, made)
    message = await (await made.fetch_user(sandbox.users["owner"])).send("a word")
    await sandbox.control.user("owner").react(message.id, "✅")
    payload = await asyncio.wait_for(made.reactions.get(), 5)
    assert (payload.guild_id, payload.member) == (None, None)
    with pytest.raises(RefusedError):
        await sandbox.control.user("stranger").react(message.id, "✅")
    await made.close()
    await running
