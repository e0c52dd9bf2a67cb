import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import discord
import pytest

from bot import client as clients
from bot.client import DeskClient, supervise
from bot.gate import DAY, IDENTIFIES
from bot.powers import invite, needed
from bot.sandbox.server import Sandbox
from bot.settings_secret import Secret
from core.model.errors import OperatorError
from tests.bot.rig import Office, loopback, office, until


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with loopback() as opened:
        yield opened


@pytest.fixture
async def room(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Office]:
    """A desk that nobody has connected yet."""
    async with office(tmp_path, sandbox, connect=False) as opened:
        yield opened


async def ended(work: Awaitable[None], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        await work


@contextlib.asynccontextmanager
async def supervised(room: Office) -> AsyncIterator[None]:
    task = asyncio.create_task(supervise(room.served, Secret(room.sandbox.token)))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def connected(room: Office, times: int = 1) -> None:
    async def there() -> bool | None:
        state = await room.sandbox.control.do("gateway_state")
        return (room.notifier.client is not None and len(room.served.identifies) >= times and bool(state["connections"])) or None

    await until(there, 12)


async def test_a_wrong_token_ends_with_one_sentence(room: Office) -> None:
    with pytest.raises(OperatorError, match="refused the token"):
        await ended(supervise(room.served, Secret("wrong.token.here")))


@pytest.mark.parametrize("code", [4004, 4010, 4011, 4012, 4013, 4014])
async def test_f115_a_close_that_trying_again_cannot_help_ends_with_its_remedy(room: Office, code: int) -> None:
    async def close() -> None:
        await connected(room)
        await room.sandbox.control.do("close", code=code)

    closing = asyncio.create_task(close())
    with pytest.raises(OperatorError) as caught:
        await ended(supervise(room.served, Secret(room.sandbox.token)))
    await closing
    assert str(caught.value) == clients.FINAL[code]


async def test_a_refused_first_connect_is_tried_again(room: Office) -> None:
    await room.sandbox.control.do("refuse", count=2, status=503)
    async with supervised(room):
        await connected(room)


async def test_f017_an_event_that_makes_no_sense_gets_a_new_client(room: Office) -> None:
    async with supervised(room):
        await connected(room)
        first = room.notifier.client
        await room.sandbox.control.do("event", name="MESSAGE_REACTION_ADD", data={"guild_id": str(room.sandbox.guild_id)})

        async def renewed() -> bool | None:
            return (room.notifier.client not in (None, first)) or None

        await until(renewed)


@pytest.mark.parametrize("ending", [None, AttributeError("sequence"), discord.DiscordException("odd"), OSError("gone")])
async def test_whatever_ends_a_client_a_new_one_is_built(room: Office, ending: Exception | None) -> None:
    runs: list[DeskClient] = []

    async def connect(client: DeskClient, token: str) -> None:
        assert token == room.sandbox.token
        runs.append(client)
        if len(runs) == 3:
            raise asyncio.CancelledError
        if ending is not None:
            raise ending

    with pytest.raises(asyncio.CancelledError):
        await ended(supervise(room.served, Secret(room.sandbox.token), connect))
    assert len({id(client) for client in runs}) == 3


async def test_f020_f117_too_many_new_sessions_in_a_day_stop_the_desk(room: Office) -> None:
    now = room.served.clock.monotonic()
    room.served.identifies.extend([now] * IDENTIFIES)
    with pytest.raises(OperatorError, match="800 times in a day"):
        await ended(supervise(room.served, Secret(room.sandbox.token)))


async def test_a_session_of_yesterday_is_not_counted(room: Office) -> None:
    now = room.served.clock.monotonic()
    room.served.identifies.extend([now - DAY - 1] * IDENTIFIES)
    async with supervised(room):
        await connected(room)
    assert len(room.served.identifies) == 1


def test_the_invite_asks_for_the_least_permissions() -> None:
    assert invite(7).startswith("https://discord.com/oauth2/authorize?client_id=7&scope=bot+applications.commands&permissions=")
    held = {name for name, value in needed() if value}
    assert held == {
        "view_channel",
        "read_messages",
        "send_messages",
        "embed_links",
        "attach_files",
        "read_message_history",
        "add_reactions",
    } - {"view_channel" if "view_channel" not in dict(needed()) else "read_messages"}


async def test_only_the_three_plain_intents_are_asked_for(room: Office) -> None:
    made = DeskClient(room.served)
    assert made.intents.value == 1537


def raising(error: Exception) -> Callable[..., Awaitable[object]]:
    async def broken(*_: object, **__: object) -> object:
        raise error

    return broken


async def test_a_command_that_breaks_answers_one_sentence_and_no_traceback(room: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async with supervised(room):
        await connected(room)
        monkeypatch.setattr(type(room.desk.engine), "status", raising(ZeroDivisionError("secret detail")))
        seen = await room.user("owner").slash("status show")
    assert seen.private
    assert "Something went wrong here" in seen.text
    assert "secret detail" not in seen.text


async def test_one_of_our_errors_is_answered_with_its_sentence(room: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async with supervised(room):
        await connected(room)
        monkeypatch.setattr(type(room.desk.engine), "status", raising(OperatorError("the disk is full; make room")))
        seen = await room.user("owner").slash("status show")
    assert seen.text == "the disk is full; make room"
    assert seen.private


async def test_a_slow_answer_is_deferred_first(room: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = type(room.desk.engine).status

    async def slow(engine: object) -> object:
        await asyncio.sleep(3.3)
        return await plain(engine)  # type: ignore[arg-type]

    async with supervised(room):
        await connected(room)
        monkeypatch.setattr(type(room.desk.engine), "status", slow)
        seen = await room.user("owner").slash("status show")
    assert seen.state == "answered"
    assert seen.embeds[0]["title"] == "Desk"


async def test_many_commands_of_one_person_are_slowed_down(room: Office) -> None:
    async with supervised(room):
        await connected(room)
        seen = [await room.user("stranger").slash("signals list") for _ in range(10)]
        other = await room.user("owner").slash("signals list")
    assert "Too many commands" in seen[-1].text
    assert seen[0].embeds
    assert other.embeds
