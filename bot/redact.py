"""Logging: one line a record on standard error, with every secret taken out."""

import logging
import re
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from logging import FileHandler, Formatter, LogRecord, StreamHandler
from pathlib import Path
from types import TracebackType

from bot.settings_secret import Secret
from core.model.mask import STARS, Mask

#: Libraries that write bodies or headers of requests at their lowest level.
TALKATIVE = (
    "discord",
    "aiohttp",
    "alembic",
    "sqlalchemy",
    "aiosqlite",
    "asyncio",
    "matplotlib",
    "numba",
    "apscheduler",
    "urllib3",
    "httpx2",
    "httpcore2",
    "tastytrade",
    "ib_async",
    "websockets",
    "tastytrade",
    "httpx2",
    "httpcore2",
)
_SHAPES = (
    re.compile(r"[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"),  # a Discord bot token
    re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),  # a JSON web token
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),  # user and password inside an address
    re.compile(r"(?i)(?<=authorization)(['\"]?\s*[:=]\s*['\"]?)(?:(?:bot|bearer|basic)\s+)?[^\s'\",]+"),
    re.compile(r"(?i)\b(?:api_?key|access_?token|refresh_?token|password|secret|token)(['\"]?\s*[:=]\s*['\"]?)[^\s'\",&;)]{6,}"),
    re.compile(r"(?<=/webhooks/)\d+/[\w-]{20,}"),
    re.compile(r"(?<=/interactions/)\d+/[\w-]{20,}"),
)


#: Names of environment variables that hold secrets.
_HOLDS = re.compile(r"(?i)token|secret|password|passwd|api_?key|webhook|database_url|credential")


class Redactor(Formatter):
    """Formats a record in one line (a traceback in several) and takes out secrets, known ones by value, others by shape."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self._mask = Mask(secrets)

    def format(self, record: LogRecord) -> str:
        """Give the text of a record; what came from outside cannot begin a line of its own."""
        plain = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None})
        plain.msg, plain.args = " ⏎ ".join(record.getMessage().splitlines()), None
        text = super().format(plain)
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        if record.stack_info:
            text = f"{text}\n{record.stack_info}"
        return self.clean(text)

    def clean(self, text: str) -> str:
        """Take every secret out of a text."""
        return shaped(self._mask(text))


def shaped(text: str) -> str:
    """Take out of a text what looks like a secret, whoever's it is."""
    for shape in _SHAPES:
        text = shape.sub(lambda found: _kept(found) + STARS, text)
    return text


def told(text: str, environment: Mapping[str, str]) -> str:
    """Make a sentence fit for the terminal before any settings are read: values of variables that hold secrets are taken out."""
    secrets = [Secret(value) for name, value in environment.items() if _HOLDS.search(name)]
    return shaped(Mask(secrets, shortest=8)(text))


def _kept(found: re.Match[str]) -> str:
    """What of a match is no secret: the name before the value."""
    if not found.re.groups:
        return ""
    return found.string[found.start() : found.end(1)]


def catch_all() -> None:
    """Send to the log what Python itself would print raw: warnings, and errors that nobody caught, of any thread."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)
    sys.unraisablehook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """What nobody caught goes to the log, where secrets are taken out, and not raw to the terminal."""
    if isinstance(error, KeyboardInterrupt):
        return
    logging.getLogger("bot").critical("Not caught", exc_info=(kind, error or kind(), trace))


def set_up(level: str, secrets: Iterable[Secret], file: Path | None = None) -> None:
    """Send every record of the given level or above to standard error, or to a file; talkative libraries never below `info`."""
    handler = StreamHandler() if file is None else FileHandler(file, encoding="utf-8")
    handler.setFormatter(Redactor(secrets))
    handler.addFilter(lambda record: "voice will NOT be supported" not in str(record.msg))
    root = logging.getLogger()
    for former in list(root.handlers):
        root.removeHandler(former)
    root.addHandler(handler)
    wanted = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(wanted)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(wanted, logging.INFO if name == "discord" else logging.WARNING))
    logging.getLogger("discord.client").setLevel(logging.ERROR)  # it warns at every start that it cannot speak in voice channels
