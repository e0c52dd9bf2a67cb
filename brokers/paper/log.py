"""The ledger's file: JSON lines, only ever appended to, one line for one operation, on disk before the operation is answered.

A process that is killed while it writes leaves a torn last line; it was never answered, so opening cuts it off. Damage
anywhere else stops the ledger. One process at a time holds the file.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from brokers.paper.codec import dumps, loads
from brokers.paper.records import Record
from core.model.errors import BadDataError, OperatorError


class Log:
    """Append-only file of records; `path` None keeps nothing (replays)."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = _locked(path) if path else None
        self._broken = ""

    @property
    def durable(self) -> bool:
        """Whether anything reaches a disk."""
        return self._file is not None

    def read(self) -> tuple[Record, ...]:
        """Every record so far; a torn last line is cut off.

        Raises
        ------
        OperatorError
            A line before the last is damaged.
        """
        if self._file is None:
            return ()
        self._file.seek(0)
        lines = self._file.read().split(b"\n")
        found: list[Record] = []
        kept = 0
        for number, line in enumerate(lines[:-1], start=1):
            try:
                batch = cast("tuple[Record, ...]", loads(line))
            except BadDataError as error:
                if number == len(lines) - 1 and not lines[-1]:
                    break
                raise OperatorError(
                    f"line {number} of {self._path} is damaged; restore the file from a backup ({error})"
                ) from error
            found.extend(batch)
            kept += len(line) + 1
        self._cut(kept)
        return tuple(found)

    def append(self, records: Sequence[Record]) -> None:
        """Write one line and wait for the disk.

        Raises
        ------
        OperatorError
            It could not be written. Nothing more is taken until the ledger is opened anew.
        """
        if self._file is None:
            return
        if self._broken:
            raise OperatorError(self._broken)
        try:
            self._file.write(dumps(tuple(records)).encode() + b"\n")
            os.fsync(self._file.fileno())
        except OSError as error:
            self._broken = f"the paper ledger {self._path} cannot be written ({error}); make room and start again"
            raise OperatorError(self._broken) from error

    def close(self) -> None:
        """Give the file free."""
        if self._file is not None:
            self._file.close()

    def _cut(self, size: int) -> None:
        if self._file is not None and self._file.seek(0, os.SEEK_END) != size:
            self._file.truncate(size)
            os.fsync(self._file.fileno())


def _locked(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise OperatorError(f"the paper ledger {path} cannot be opened ({error}); check the folder and its permissions") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise OperatorError(f"the paper ledger {path} is in use by another process; stop that one first") from error
    _sync_folder(path.parent)
    return cast("BinaryIO", file)


def _sync_folder(folder: Path) -> None:
    """A new file is only on disk when its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
