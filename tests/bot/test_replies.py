"""How soon a person hears something after a slash command."""

import asyncio
import time
from typing import Any

import pytest

from bot import replies
from core.engine.engine import Engine
from tests.bot.rig import Office, until


async def test_nobody_waits_a_second_without_a_word(room: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first word is the answer, or that it is being worked on; a loaded machine gets another second."""
    assert replies.PATIENCE < 1.0
    begun: list[float] = []
    plain = Engine.status

    async def slow(engine: Engine) -> Any:
        begun.append(time.perf_counter())
        await asyncio.sleep(replies.PATIENCE + 1.5)
        return await plain(engine)

    monkeypatch.setattr(Engine, "status", slow)
    asked = asyncio.create_task(room.user("owner").slash("status show"))

    async def said() -> bool | None:
        return bool(await room.sandbox.control.log(method="POST", path="/callback")) or None

    await until(said)
    heard = time.perf_counter() - begun[0]
    seen = await asked
    assert heard < replies.PATIENCE + 1.0
    assert seen.embeds[0]["title"] == "Desk"
    (first, *_) = await room.sandbox.control.log(method="POST", path="/callback")
    assert first["request"]["type"] == 5, "it says first that it is being worked on"


async def test_a_quick_answer_is_given_at_once(room: Office) -> None:
    seen = await room.user("owner").slash("status show")
    (first, *_) = await room.sandbox.control.log(method="POST", path="/callback")
    assert first["request"]["type"] == 4
    assert seen.embeds
