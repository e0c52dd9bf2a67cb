"""Pages reach a real web server and a real mail server, once each, and their addresses are written nowhere."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot import pager
from bot.clock import HandClock
from bot.pager import Pages
from bot.settings import load
from bot.settings_secret import Secret
from bot.settings_watch import PagerSettings, SmtpSettings
from core.model.errors import SettingsError
from tests.bot.rig import until
from tests.kit import nouns

SECRET = "T0KEN-that-nobody-may-see"


@dataclass(slots=True)
class Hook:
    """A web server that takes pages; `answers` are its next status codes, 204 afterwards."""

    address: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def post(self, request: web.Request) -> web.Response:
        status = self.answers.pop(0) if self.answers else 204
        if status == 204:
            self.taken.append(await request.json())
        location = {"Location": "http://127.0.0.1:1/elsewhere"} if status == 307 else None
        return web.Response(status=status, headers=location)


@asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    one = Hook()
    app = web.Application()
    app.router.add_post(f"/{SECRET}", one.post)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.address = f"http://127.0.0.1:{runner.addresses[0][1]}/{SECRET}"
    try:
        yield one
    finally:
        await runner.cleanup()


def pages(*ways: pager.Path) -> tuple[Pages, HandClock]:
    clock = HandClock(nouns.NOW)
    return Pages(ways, 600.0, clock), clock


async def test_a_page_reaches_the_web_address_in_words_that_every_service_reads() -> None:
    async with hook() as one:
        found, _ = pages(pager.Path("webhook", pager.webhook(Secret(one.address))))
        assert await found.deliver("Desk: HALT", "disk full @everyone")
        (said,) = one.taken
        assert said["text"] == said["content"] == "Desk: HALT: disk full @everyone"
        assert said["allowed_mentions"] == {"parse": []}


async def test_a_page_that_is_not_taken_is_tried_again() -> None:
    async with hook() as one:
        one.answers += [503, 429]
        found, clock = pages(pager.Path("webhook", pager.webhook(Secret(one.address))))
        assert await found.deliver("Desk: HALT", "disk full")
        assert len(one.taken) == 1
        assert clock.elapsed == 6.0


async def test_a_page_that_is_never_taken_is_given_up_and_the_address_stays_secret(caplog: pytest.LogCaptureFixture) -> None:
    async with hook() as one:
        one.answers += [500] * 10
        found, _ = pages(pager.Path("webhook", pager.webhook(Secret(one.address))))
        with caplog.at_level(logging.DEBUG, "bot.pager"):
            assert not await found.deliver("Desk: HALT", "disk full")
    gone, _ = pages(pager.Path("webhook", pager.webhook(Secret(one.address))))
    with caplog.at_level(logging.DEBUG, "bot.pager"):
        assert not await gone.deliver("Desk: HALT", "nobody listens any more")
    assert "answered 500" in caplog.text
    assert SECRET not in caplog.text


async def test_f075_a_redirect_is_not_followed() -> None:
    async with hook() as one:
        one.answers += [307] * 10
        found, _ = pages(pager.Path("webhook", pager.webhook(Secret(one.address))))
        assert not await found.deliver("Desk: HALT", "disk full")


async def test_the_same_page_is_not_repeated_for_a_while_and_another_is_sent_at_once() -> None:
    async with hook() as one:
        found, clock = pages(pager.Path("webhook", pager.webhook(Secret(one.address))))
        running = asyncio.ensure_future(found.run())
        for _ in range(3):
            found.page("Desk: HALT", "disk full")
        found.page("Desk: ACTIVE", "made room")
        await _count(one, 2)
        clock.turn_to(clock.now().replace(hour=16))
        found.page("Desk: HALT", "disk full")
        await _count(one, 3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _count(one: Hook, wanted: int) -> None:
    async def there() -> bool | None:
        return len(one.taken) >= wanted or None

    await until(there)
    await asyncio.sleep(0.05)
    assert len(one.taken) == wanted


async def test_what_waits_at_the_end_gets_one_try() -> None:
    async with hook() as one:
        found, _ = pages(pager.Path("webhook", pager.webhook(Secret(one.address))))
        found.page("Desk: HALT", "last words")
        await found.rest()
        assert len(one.taken) == 1


async def test_without_any_path_a_page_is_written_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    found, _ = pages()
    with caplog.at_level(logging.WARNING, "bot.pager"):
        found.page("Desk: HALT", "disk full")
    assert "PAGE Desk: HALT: disk full" in caplog.text


class Post:
    """A mail server that speaks just enough SMTP."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        in_letter = False
        while line := (await reader.readline()).decode():
            self.said.append(line.rstrip())
            if in_letter:
                if line != ".\r\n":
                    continue
                in_letter, answer = False, b"250 taken\r\n"
            elif line.upper().startswith("DATA"):
                in_letter, answer = True, b"354 go on\r\n"
            elif line.upper().startswith("QUIT"):
                writer.write(b"221 bye\r\n")
                break
            else:
                answer = b"250 ok\r\n"
            writer.write(answer)
            await writer.drain()
        writer.close()


async def test_a_page_reaches_a_mail_server() -> None:
    post = Post()
    server = await asyncio.start_server(post.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = SmtpSettings(host="127.0.0.1", port=port, sender="desk@example.org", to=("anna@example.org",), starttls=False)
    found, _ = pages(pager.Path("mail", pager.mail(settings, None)))
    assert await found.deliver("Desk: HALT\nBcc: stranger@example.org", "disk full")
    server.close()
    await server.wait_closed()
    assert "Subject: Desk: HALT Bcc: stranger@example.org" in post.said
    assert "disk full" in post.said
    assert not [line for line in post.said if line.startswith(("Bcc", "RCPT TO:<stranger"))]


def test_the_paths_are_those_that_the_settings_name(tmp_path: Path) -> None:
    assert pager.paths(PagerSettings(), {}) == ()
    file = tmp_path / "hook"
    file.write_text("https://example.org/hook\n")
    text = f"pager: {{webhook_file: {file}, smtp: {{host: mail.example.org, sender: a@b.c, to: [d@e.f]}}}}"
    chosen = load(text, {})
    assert [path.name for path in pager.paths(chosen.pager, chosen.pager_secrets)] == ["webhook", "mail"]
    assert "https://example.org/hook" in {secret.reveal() for secret in chosen.secrets}
    assert "example.org/hook" not in repr(chosen)


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ("", {"QUANTMATRIX_PAGER_WEBHOOK": "http://example.org/x"}, "QUANTMATRIX_PAGER_WEBHOOK: is no https address"),
        ("", {"QUANTMATRIX_PAGER_WEBHOOK": "nonsense"}, "QUANTMATRIX_PAGER_WEBHOOK: is no https address"),
        ("pager: {smtp: {host: mail.example.org}}", {}, "sender and to: are empty"),
        ("pager: {smtp: {host: h.example.org, sender: a, to: [b], starttls: false}}", {}, "starttls: false is refused"),
        ("pager: {smtp: {host: h.example.org, sender: a, to: [b], user: u}}", {}, "QUANTMATRIX_SMTP_PASSWORD: is missing"),
        ("pager: {smtp: {port: 0}}", {}, "pager.smtp.port: 0 is too small"),
        ("safety: {day_halt: 5}", {}, "safety.day_halt: 5 is too large; give at most 1"),
        ("safety: {rejects: 0}", {}, "safety.rejects: 0 is too small"),
        ("watchdog: {stuck_second: 3}", {}, "did you mean 'stuck_seconds'?"),
    ],
)
def test_a_mistake_in_the_settings_is_one_sentence_without_the_secret(text: str, environment: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as found:
        load(text, environment)
    assert said in str(found.value)
    assert "example.org/x" not in str(found.value)
