"""Anchors: where the audit's chain stood at moments of the past, in an append-only file beside the journal.

The chain alone does not show that its end was cut off, or that all of it was written anew; an anchor that no longer fits does.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.model.errors import OperatorError

NAME = "anchors"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last row of the audit at a moment: its number and hash."""

    seq: int
    hash: str
    at: datetime

    def __str__(self) -> str:
        return f"row {self.seq}, {self.hash[:16]}"


def place_of(journal: Path) -> Path:
    """Give the file of anchors that belongs to a journal file."""
    return journal.with_name(f"{journal.name}.{NAME}")


def read(path: Path) -> Sequence[Anchor]:
    """Every anchor, oldest first; none when there is no file. A last line that was never finished is left out.

    Raises
    ------
    OperatorError
        Another line cannot be read: somebody changed the file.
    """
    if not path.exists():
        return ()
    *lines, unfinished = path.read_text(encoding="utf-8", errors="replace").split("\n")
    found = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            found.append(Anchor(int(entry["seq"]), str(entry["hash"]), datetime.fromisoformat(entry["at"])))
        except (ValueError, KeyError, TypeError) as error:
            raise OperatorError(
                f"{path}: line {number} is no anchor; somebody changed the file, compare it with a backup"
            ) from error
    del unfinished
    return tuple(found)


def append(path: Path, anchor: Anchor) -> None:
    """Write one anchor down durably; the file is for this user alone.

    Raises
    ------
    OSError
        The disk does not take it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"seq": anchor.seq, "hash": anchor.hash, "at": anchor.at.isoformat()}) + "\n"
    path.touch(mode=0o600)
    with path.open("ab+") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # the machine stopped in the middle of a line
                file.truncate(file.seek(0) + len(b"".join(file.read().rpartition(b"\n")[:2])))
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
