"""The second alarm path: pages by webhook or by mail. It knows nothing of Discord's gateway and of the engine.

Nothing here raises, and nothing here writes an address or a password anywhere.
"""

import asyncio
import logging
import smtplib
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage

import aiohttp

from bot.clock import SystemClock
from bot.settings_secret import Secret
from bot.settings_watch import PASSWORD, WEBHOOK, PagerSettings, SmtpSettings
from core.ports.clock import Clock

LOG = logging.getLogger(__name__)
SECONDS = 10.0
#: Waits before another try of one page on one path; afterwards it is given up, and the log says so.
PAUSES = (1.0, 5.0, 30.0, 120.0, 300.0)
WAITING = 100
TEXT = 1_800

Send = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Path:
    """One way to reach people; `send` raises when a page was not taken."""

    name: str
    send: Send


@dataclass(slots=True)
class Pages:
    """Implements `core.ports.pager.Pager`; `run` delivers.

    Attributes
    ----------
    paths : tuple of Path
        Every page goes down each of them; none: it is only logged.
    """

    paths: tuple[Path, ...]
    repeat_seconds: float = 600.0
    clock: Clock = field(default_factory=SystemClock)
    _waiting: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=WAITING))
    _told: dict[tuple[str, str], float] = field(default_factory=dict)
    _something: asyncio.Event = field(default_factory=asyncio.Event)

    def page(self, title: str, body: str) -> None:
        """Send it soon; what was just paged is not repeated."""
        now, key = self.clock.monotonic(), (title, body)
        self._told = {told: at for told, at in self._told.items() if now - at < self.repeat_seconds}
        if key in self._told:
            return
        self._told[key] = now
        LOG.warning("PAGE %s: %s", title, body)
        self._waiting.append(key)
        self._something.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._something.clear()
            while self._waiting:
                await self.deliver(*self._waiting.popleft())
            await self._something.wait()

    async def rest(self) -> None:
        """Give what still waits one try; for a process that ends."""
        while self._waiting:
            title, body = self._waiting.popleft()
            await asyncio.gather(*(self._try(path, title, body) for path in self.paths))

    async def deliver(self, title: str, body: str) -> bool:
        """One page down every path, with its tries; whether all of them took it."""
        taken = await asyncio.gather(*(self._insist(path, title, body) for path in self.paths))
        return all(taken)

    async def _insist(self, path: Path, title: str, body: str) -> bool:
        for pause in (*PAUSES, None):
            if await self._try(path, title, body):
                return True
            if pause is not None:
                await self.clock.sleep(pause)
        LOG.error("The page %r could not be sent by %s", title, path.name)
        return False

    async def _try(self, path: Path, title: str, body: str) -> bool:
        try:
            async with asyncio.timeout(2 * SECONDS):
                await path.send(title[:200], body[:TEXT])
        except Exception as error:  # noqa: BLE001 - whatever a library raises, an alarm must not end what raises it
            LOG.warning("A page was not taken by %s: %s", path.name, _why(error))
            return False
        return True


def _why(error: Exception) -> str:
    """Say what went wrong without the words of a library, which may hold the address."""
    return str(error) if isinstance(error, _NotTakenError) else type(error).__name__


class _NotTakenError(Exception):
    """The other side answered no; carries a sentence without secrets."""


def paths(settings: PagerSettings, secrets: Mapping[str, Secret]) -> tuple[Path, ...]:
    """Give every path that the settings name."""
    found = []
    if WEBHOOK in secrets:
        found.append(Path("webhook", webhook(secrets[WEBHOOK])))
    if settings.smtp.host:
        found.append(Path("mail", mail(settings.smtp, secrets.get(PASSWORD))))
    return tuple(found)


def webhook(address: Secret) -> Send:
    """Give what posts a page as JSON; one body that the usual services understand."""

    async def send(title: str, body: str) -> None:
        text = f"{title}: {body}"
        said = {"title": title, "body": body, "text": text, "content": text, "allowed_mentions": {"parse": []}}
        limit = aiohttp.ClientTimeout(total=SECONDS)
        async with (
            aiohttp.ClientSession(timeout=limit, trust_env=False) as session,
            session.post(address.reveal(), json=said, allow_redirects=False) as answer,
        ):
            if not 200 <= answer.status < 300:
                raise _NotTakenError(f"it answered {answer.status}")

    return send


def mail(settings: SmtpSettings, password: Secret | None) -> Send:
    """Give what sends a page as mail, on a thread."""

    async def send(title: str, body: str) -> None:
        await asyncio.to_thread(_mail, settings, password, title, body)

    return send


def _mail(settings: SmtpSettings, password: Secret | None, title: str, body: str) -> None:
    message = EmailMessage()
    message["Subject"] = " ".join(title.split())
    message["From"], message["To"] = settings.sender, ", ".join(settings.to)
    message.set_content(body)
    with smtplib.SMTP(settings.host, settings.port, timeout=SECONDS) as server:
        if settings.starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.user and password is not None:
            server.login(settings.user, password.reveal())
        server.send_message(message)
