"""What a whole session leaves in the log: no token of anybody, whatever goes wrong."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.redact import set_up
from bot.settings_secret import Secret
from tests.bot.cases import DONE, posted
from tests.bot.rig import YES, Office


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """The log of a desk that is told to write everything; the loggers are put back as they were."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    set_up("debug", (), tmp_path / "desk.log")
    yield tmp_path / "desk.log"
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


def written(log: Path) -> str:
    return log.read_text(encoding="utf-8")


async def tokens_of(room: Office) -> set[str]:
    """The bot's token and that of every interaction."""
    exchanges: list[dict[str, Any]] = await room.sandbox.control.log()
    parts = {part for exchange in exchanges for part in str(exchange["path"]).split("/")}
    found = {part for part in parts if len(part) > 40}
    assert found, "interactions were answered by their tokens"
    return {room.sandbox.token, *found}


async def test_no_token_is_ever_written_to_the_log(log: Path, room: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    proposal, message = await posted(room)
    await room.user("stranger").react(message, YES)
    await room.user("owner").slash("status show")
    await room.user("stranger").slash("portfolio summary")

    async def broken(*_: object, **__: object) -> object:
        raise ZeroDivisionError(f"defect beside Authorization: Bot {room.sandbox.token}")

    monkeypatch.setattr(type(room.desk.engine), "status", broken)
    await room.user("owner").slash("status show")
    await room.sandbox.control.fault("POST", "messages$", status=503, count=2)
    await room.sandbox.control.do("close", code=4000)
    await room.user("owner").react(message, YES)
    await room.becomes(proposal, *DONE)
    await room.quiet()
    text = written(log)
    assert "ZeroDivisionError" in text
    assert len(text.splitlines()) > 10
    assert [token for token in await tokens_of(room) if token in text] == []


def test_a_secret_of_the_settings_is_never_written_to_the_log(log: Path) -> None:
    set_up("debug", (Secret("correct horse battery"),), log)
    logging.getLogger("bot").warning("it is %s", {"database": "correct horse battery"})
    assert "correct horse battery" not in written(log)
    assert "***" in written(log)
