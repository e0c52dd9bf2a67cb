"""Where the world lives: an append-only file of JSON lines, with attached files beside it."""

import asyncio
import json
import os
import threading
from pathlib import Path

from bot.sandbox.errors import JSON
from core.model.errors import AlreadyRunningError, OperatorError


class Store:
    """Append-only events.

    Each is written to the operating system before it counts, so it survives SIGKILL of this process; `keep_synced` forces
    what was written to disk all the time, off the loop, so a power cut loses the last moments at most. Without a path
    everything stays in memory, for short tests.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._written = asyncio.Event()
        self._syncing = threading.Lock()
        self._files: dict[str, bytes] = {}

    def open(self) -> list[JSON]:
        """Read every event; a half-written last line (a kill in the middle of a write) is cut off.

        Raises
        ------
        OperatorError
            The file cannot be opened, belongs to a running server, or a line before the last is damaged.
        """
        if self.path is None:
            return []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
            self._lock()
            return self._read(self.path.read_bytes())
        except OSError as error:
            self.close()
            raise OperatorError(f"the world file {self.path} cannot be opened ({error.strerror}); choose another path") from error

    def append(self, event: JSON) -> None:
        """Write one event to the operating system."""
        if self._descriptor is None:
            return
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise OperatorError(f"the world file {self.path} cannot be written ({error.strerror}); free some space") from error
        if written != len(line):
            raise OperatorError(f"the world file {self.path} took only a part of an event; free some space")
        self._written.set()

    def sync(self) -> None:
        """Force what was written to disk."""
        with self._syncing:
            if self._descriptor is not None:
                os.fsync(self._descriptor)

    async def keep_synced(self) -> None:
        """Sync after writes, one sync for all that were made meanwhile; until cancelled."""
        while True:
            await self._written.wait()
            self._written.clear()
            await asyncio.to_thread(self.sync)

    def keep_file(self, key: str, content: bytes) -> None:
        """Keep an attached file; it is on disk when this returns."""
        folder = self._folder()
        if folder is None:
            self._files[key] = content
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / key, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def file(self, key: str) -> bytes | None:
        """Give an attached file, or None when there is no such file."""
        folder = self._folder()
        if folder is None:
            return self._files.get(key)
        if not key.isdigit() or not (folder / key).is_file():
            return None
        return (folder / key).read_bytes()

    def close(self) -> None:
        """Sync and let go of the file."""
        self.sync()
        with self._syncing:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _folder(self) -> Path | None:
        return self.path.with_name(self.path.name + ".files") if self.path else None

    def _lock(self) -> None:
        try:
            import fcntl  # noqa: PLC0415 - absent on Windows, where a second server is not detected
        except ImportError:
            return
        assert self._descriptor is not None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise AlreadyRunningError(f"the world file {self.path} is in use by a running server; stop that one") from error

    def _read(self, content: bytes) -> list[JSON]:
        assert self._descriptor is not None
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            os.ftruncate(self._descriptor, whole)
        events: list[JSON] = []
        for number, line in enumerate(content[:whole].splitlines(), start=1):
            try:
                events.append(json.loads(line))
            except ValueError as error:
                self.close()
                raise OperatorError(
                    f"line {number} of the world file {self.path} is damaged; restore it or start a new world"
                ) from error
        return events
