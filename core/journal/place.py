"""Where a journal lives, and what to say when the database refuses."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from core.model.errors import IllegalEventError, OperatorError, QuantMatrixError

_SENTENCES = (
    ("disk is full", "the disk that holds {name} is full; free some space, then start again (nothing of the last step was stored)"),
    ("readonly", "{name} cannot be written; give this user write permission on the file and on its folder"),
    ("unable to open", "{name} cannot be opened; check that it exists and that this user may read and write it and its folder"),
    ("not a database", "{name} is not a database, or it is damaged; keep a copy of it and restore the newest backup"),
    ("malformed", "{name} is damaged; keep a copy of it and restore the newest backup"),
    ("disk i/o error", "the disk that holds {name} failed; stop, check the disk, then start again"),
    ("is locked", "{name} is locked by another program; close that program, then start again"),
)
#: After these nothing that the database says can be trusted until the process was started again.
_FATAL = ("malformed", "disk i/o error")


@dataclass(frozen=True, slots=True)
class Place:
    """One database: the name that people see (never a password), the address, and the file when it is SQLite."""

    name: str
    url: URL
    file: Path | None

    @staticmethod
    def of(where: str | Path) -> "Place":
        """Read a path or a database address.

        Raises
        ------
        OperatorError
            The address names no database that can be used.
        """
        text = str(where)
        if "://" not in text:
            return Place._file(Path(text))
        try:
            url = make_url(text)
        except ArgumentError as error:
            raise OperatorError(
                "the database address cannot be read; write a path or postgresql+asyncpg://user@host/name"
            ) from error
        if url.get_backend_name() == "sqlite":
            return Place._file(Path(url.database or ""))
        if url.get_backend_name() != "postgresql":
            raise OperatorError(f"a {url.get_backend_name()} database cannot be used; use an SQLite file or PostgreSQL")
        return Place(url.render_as_string(hide_password=True), url.set(drivername="postgresql+asyncpg"), None)

    @staticmethod
    def _file(path: Path) -> "Place":
        if path.name in {"", ":memory:"}:
            raise OperatorError("the database needs the path of a file, for example var/journal.db")
        file = path.expanduser().absolute()
        if file.is_dir():
            raise OperatorError(f"{file} is a folder; name a file in it, for example {file / 'journal.db'}")
        return Place(str(file), URL.create("sqlite", database=str(file)), file)


@dataclass(slots=True)
class Watch:
    """Notices when the database file was moved, replaced or found broken; from then on nothing is written."""

    place: Place
    _inode: tuple[int, int] | None = field(init=False)
    _lost: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._inode = self._look()

    def _look(self) -> tuple[int, int] | None:
        if self.place.file is None:
            return None
        try:
            found = self.place.file.stat()
        except OSError:
            return (0, 0)
        return (found.st_dev, found.st_ino)

    def check(self) -> None:
        """Raise OperatorError when the database is not the one that was opened."""
        if not self._lost and self._look() != self._inode:
            self._lost = f"{self.place.name} was moved, deleted or replaced while it was in use; put it back, then start again"
        if self._lost:
            raise OperatorError(self._lost)

    def explain(self, error: Exception) -> QuantMatrixError:
        """Turn what a driver raised into the one sentence for the user."""
        if isinstance(error, StatementError) and isinstance(error.orig, QuantMatrixError):
            return error.orig
        if isinstance(error, IntegrityError | sqlite3.IntegrityError):
            said = getattr(error, "orig", error)
            return IllegalEventError(f"the journal refused a fact that contradicts what it holds: {said}")
        text = str(error.orig if isinstance(error, DBAPIError) else error)
        for words, sentence in _SENTENCES:
            if self.place.file is not None and words in text.lower():
                told = sentence.format(name=self.place.name)
                self._lost = told if words in _FATAL else self._lost
                return OperatorError(told)
        first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
        return OperatorError(
            f"the database {self.place.name} failed ({first}); check that it runs and can be reached, then start again"
        )


#: What a database driver may raise, also before SQLAlchemy wraps it.
DRIVER_ERRORS = (SQLAlchemyError, sqlite3.Error, OSError)
