"""Files that survive being cut off: a lock, a log of checked lines, a file that is replaced whole."""

import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from core.model.errors import AlreadyRunningError, OperatorError, RefusedError

Record = Mapping[str, Any]


def locked(folder: Path) -> BinaryIO:
    """Take the right to write in the folder until the file that is answered is closed.

    Raises
    ------
    AlreadyRunningError
        Another process has it.
    OperatorError
        The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("ab", buffering=0)
    except OSError as error:
        raise OperatorError(f"the bar store {folder} cannot be opened ({error}); check the folder and its permissions") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise AlreadyRunningError(f"the bar store {folder} is written by another process; stop that one first") from error
    return file


def sync_folder(folder: Path) -> None:
    """Wait until new and replaced names of the folder are on disk: a file is only there when its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def replace(path: Path, content: bytes) -> None:
    """Put the content into a file so that either the old or the new one is there, whole.

    Raises
    ------
    OperatorError
        The disk does not take it; the old one stays.
    """
    draft = path.with_name(path.name + ".new")
    try:
        with draft.open("wb", buffering=0) as file:
            write_all(file.fileno(), content, 0)
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise OperatorError(f"{path} cannot be written ({error.strerror}); make room and start again") from error


class Log:
    """An append-only file of records, each a line with its own checksum; for reading until `write` is called.

    The last line may be torn (a write that was cut off) and is left out.

    Raises
    ------
    OperatorError
        On construction, when a line before the last one is broken.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._size = 0
        self.found: tuple[dict[str, Any], ...] = tuple(self._read())

    def write(self) -> None:
        """Open the file for writing; a torn last line is cut off.

        Raises
        ------
        OperatorError
            The file cannot be written.
        """
        new = not self._path.exists()
        try:
            self._file = self._path.open("w+b" if new else "r+b", buffering=0)
            self._cut(self._file)
        except OSError as error:
            raise OperatorError(f"{self._path} cannot be written ({error.strerror}); check the disk and its permissions") from error
        if new:
            sync_folder(self._path.parent)

    def append(self, records: Sequence[Record]) -> None:
        """Write the records in one piece and wait for the disk.

        Raises
        ------
        RefusedError
            The log is open for reading.
        OperatorError
            They could not be written (no room, for one); none of them is kept.
        """
        file = self.must_write()
        texts = [json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() for record in records]
        content = b"".join(b"%08x %s\n" % (zlib.crc32(text), text) for text in texts)
        try:
            write_all(file.fileno(), content, self._size)
            os.fsync(file.fileno())
        except OSError as error:
            self._cut(file)
            raise OperatorError(f"{self._path} cannot be written ({error.strerror}); make room and start again") from error
        self._size += len(content)

    def must_write(self) -> BinaryIO:
        """Give the open file.

        Raises
        ------
        RefusedError
            The log is open for reading.
        """
        if self._file is None:
            raise RefusedError(f"{self._path} is open for reading; open the bar store for writing first")
        return self._file

    def close(self) -> None:
        """Give the file free."""
        if self._file is not None:
            self._file.close()

    def _read(self) -> Iterator[dict[str, Any]]:
        lines = self._path.read_bytes().split(b"\n") if self._path.exists() else []
        for number, line in enumerate(lines[:-1], start=1):
            check, _, text = line.partition(b" ")
            if check != b"%08x" % zlib.crc32(text):
                if number < len(lines) - 1:
                    raise OperatorError(
                        f"line {number} of {self._path} is damaged; restore it from a backup or sync the store anew"
                    )
                return
            yield json.loads(text)
            self._size += len(line) + 1

    def _cut(self, file: BinaryIO) -> None:
        if file.seek(0, os.SEEK_END) != self._size:
            file.truncate(self._size)
            os.fsync(file.fileno())


def write_all(number: int, content: bytes | memoryview, place: int) -> None:
    """Write all bytes at a place of the file; a disk that takes only a part of them raises OSError."""
    left = memoryview(content).cast("B")
    while len(left):
        written = os.pwrite(number, left, place)
        left, place = left[written:], place + written
