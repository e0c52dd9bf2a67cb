"""Settings of the second alarm path and of the watchdog: the sections `pager:` and `watchdog:`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le

from bot.settings_secret import Secret, secret

WEBHOOK, PASSWORD = "QUANTMATRIX_PAGER_WEBHOOK", "QUANTMATRIX_SMTP_PASSWORD"
HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """A mail server; the password comes from `QUANTMATRIX_SMTP_PASSWORD` or `password_file`. No host: no mail.

    Attributes
    ----------
    starttls : bool
        Encrypt before anything is said; false only for a server on this machine.
    """

    host: str = ""
    port: Annotated[int, Gt(0), Le(65_535)] = 587
    sender: str = ""
    to: tuple[str, ...] = ()
    user: str = ""
    password_file: Path | None = None
    starttls: bool = True

    def __post_init__(self) -> None:
        if self.host and not (self.sender and self.to):
            raise ValueError("sender and to: are empty; say from whom and to whom the mail goes")
        if self.host and not self.starttls and self.host not in HERE:
            raise ValueError(f"starttls: false is refused for {self.host}; a password in the clear stays on this machine only")


@dataclass(frozen=True, slots=True)
class PagerSettings:
    """How people are reached beside Discord: an https address that takes JSON (`QUANTMATRIX_PAGER_WEBHOOK` or the file), or mail.

    Attributes
    ----------
    repeat_minutes : float
        The same page is not repeated within so many minutes.
    """

    webhook_file: Path | None = None
    smtp: SmtpSettings = SmtpSettings()
    repeat_minutes: Annotated[float, Ge(0)] = 10.0


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """The process beside the desk (`python -m bot watchdog`).

    Attributes
    ----------
    every_seconds : float
        How often each of the two looks at the other.
    stuck_seconds : float
        A heartbeat older than this in session is a stuck desk.
    cancel_minutes : float
        After so long without a desk its open entry orders are cancelled; 0: never.
    silent_seconds : float
        The desk pages when the watchdog's own heartbeat is older than this.
    required : bool
        Page also when there never was a watchdog.
    """

    every_seconds: Annotated[float, Gt(0)] = 5.0
    stuck_seconds: Annotated[float, Gt(0)] = 30.0
    cancel_minutes: Annotated[float, Ge(0)] = 10.0
    silent_seconds: Annotated[float, Gt(0)] = 60.0
    required: bool = False


def secrets_of(pager: PagerSettings, environment: Mapping[str, str], mistakes: list[str]) -> Mapping[str, Secret]:
    """Read the address and the password, where they are given."""
    found = {
        WEBHOOK: secret(WEBHOOK, pager.webhook_file, environment, mistakes),
        PASSWORD: secret(PASSWORD, pager.smtp.password_file, environment, mistakes),
    }
    address = found[WEBHOOK]
    if address is not None and not _sound(address.reveal()):
        mistakes.append(
            f"{WEBHOOK}: is no https address; take the whole address that the service shows (http on this machine only)"
        )
    if pager.smtp.user and found[PASSWORD] is None:
        mistakes.append(f"{PASSWORD}: is missing; set it in the environment, or name a file in pager.smtp.password_file")
    return {name: value for name, value in found.items() if value is not None}


def _sound(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE))
