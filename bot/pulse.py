"""Files beside the journal by which processes know of each other: heartbeats, the file KILL, and the list of starts."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from core.model.errors import OperatorError
from core.model.kill import Level

HEARTBEAT, WATCHDOG, KILL, STARTS = "heartbeat.json", "watchdog.json", "KILL", "starts.txt"
KEPT_STARTS = 50


@dataclass(frozen=True, slots=True)
class Pulse:
    """One beat of a process.

    Attributes
    ----------
    at : datetime
        When, by the machine's clock, aware UTC.
    in_session : bool
        Whether the market of the desk was open.
    positions, entries : int
        Open positions, and orders that open something and may still fill.
    stopped : bool
        The process ended in order.
    """

    pid: int
    at: datetime
    in_session: bool = False
    positions: int = 0
    entries: int = 0
    stopped: bool = False


def beat(file: Path, pulse: Pulse) -> None:
    """Write a beat; a reader sees the old one or the new one whole."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(json.dumps({**asdict(pulse), "at": pulse.at.isoformat()}), encoding="utf-8")
    fresh.replace(file)


def read(file: Path) -> Pulse | None:
    """Give the last beat; None when there never was one or the file is damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Pulse(**{**found, "at": datetime.fromisoformat(found["at"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def alive(pid: int) -> bool:
    """Whether a process of this machine lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True)
class Order:
    """What the file KILL asks for."""

    level: Level
    reason: str


def pull(folder: Path, level: Level, reason: str) -> Path:
    """Write the file KILL, durably.

    Raises
    ------
    OperatorError
        It cannot be written.
    """
    file = folder / KILL
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8") as handle:
            handle.write(f"{level:d} {' '.join(reason.split())}\n")
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        raise OperatorError(f"{file} cannot be written ({error.strerror}); make it by hand: touch {file}") from error
    return file


def pulled(folder: Path) -> Order | None:
    """Read the file KILL; None when there is none. An empty or unreadable one is a HALT, and nothing in it flattens."""
    file = folder / KILL
    if not file.exists():
        return None
    try:
        first, _, reason = file.read_text(encoding="utf-8").strip().partition(" ")
    except (OSError, UnicodeDecodeError):
        first, reason = "", ""
    known = {"1": Level.REDUCE_ONLY, "2": Level.HALT, "3": Level.CANCEL_ALL, "4": Level.CANCEL_ALL}
    return Order(known.get(first, Level.HALT), reason.strip() or "the file KILL was made")


def crashes(folder: Path, now: datetime, minutes: float) -> int:
    """Write down a start; answers how many earlier ones within so many minutes did not end in order."""
    file = folder / STARTS
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    since = now - timedelta(minutes=minutes)
    begun = [at for line in lines if (at := _instant(line)) is not None]
    folder.mkdir(parents=True, exist_ok=True)
    kept = [at.isoformat() for at in begun[-KEPT_STARTS:]]
    file.write_text("\n".join([*kept, now.isoformat(), ""]), encoding="utf-8")
    return sum(since <= at <= now for at in begun)


def ended(folder: Path) -> None:
    """Take back the last start: this life ended in order."""
    file = folder / STARTS
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("".join(f"{line}\n" for line in lines[:-1]), encoding="utf-8")


def _instant(line: str) -> datetime | None:
    try:
        return datetime.fromisoformat(line)
    except ValueError:
        return None


def exists(file: Path) -> Callable[[], bool]:
    """Give the question whether a file stands, cheap enough to be asked before every send."""
    name = str(file)
    return lambda: os.path.exists(name)  # noqa: PTH110 - a third of the time, and it is asked between approval and socket
