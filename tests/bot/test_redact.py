import logging
import random
import string

import pytest

from bot.redact import Redactor, set_up
from bot.settings_secret import Secret

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAx.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789ab"


def record(message: str, *args: object, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("bot.client", logging.INFO, __file__, 1, message, args, exc_info)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        f"the token is {TOKEN}, really",
        f"headers {{'Authorization': 'Bot {TOKEN}'}}",
        "Authorization: Bearer hunter2hunter2",
        "connect to postgresql+asyncpg://me:hunter2hunter2@host/db",
        "eyJhbGciOiJIUzI1NiJ9.eyJodW50ZXIyIjoxfQ.hunter2hunter2",
        "POST /webhooks/123/hunter2hunter2hunter2hunter2 failed",
        "GET https://x/?apiKey=hunter2hunter2&day=1",
        "{'password': 'hunter2hunter2'}",
    ],
)
def test_a_secret_is_taken_out_by_its_shape(text: str) -> None:
    shown = Redactor(()).format(record("%s", text))
    assert "hunter2" not in shown
    assert TOKEN not in shown
    assert "***" in shown


def test_ten_thousand_known_secrets_never_show() -> None:
    chance = random.Random(5)
    letters = string.ascii_letters + string.digits + "%{}$+/="
    for _ in range(10_000):
        value = "".join(chance.choices(letters, k=chance.randint(6, 60)))
        redactor = Redactor((Secret(value),))
        assert value not in redactor.clean(f"before{value}after {value}")


def test_a_secret_in_a_traceback_is_taken_out() -> None:
    with pytest.raises(ValueError) as caught:
        int(f"bad token {TOKEN}")
    shown = Redactor((Secret(TOKEN),)).format(record("failed", exc_info=(ValueError, caught.value, caught.value.__traceback__)))
    assert "Traceback" in shown
    assert TOKEN not in shown


def test_f129_text_from_outside_cannot_begin_a_line_of_its_own() -> None:
    shown = Redactor(()).format(record("symbol %s", "X\n2026-01-01T00:00:00 INFO bot: order sent"))
    assert "\n" not in shown


def test_talkative_libraries_stay_quiet_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        set_up("debug", (Secret(TOKEN),))
        logging.getLogger("discord.http").debug("body %s", TOKEN)
        logging.getLogger("bot").debug("here is %s", TOKEN)
    finally:
        for handler in list(root.handlers):
            root.removeHandler(handler)
        for handler in handlers:
            root.addHandler(handler)
        root.setLevel(level)
    shown = capsys.readouterr().err
    assert "here is ***" in shown
    assert "body" not in shown
