"""A connection straight on SQLite's driver: SQLAlchemy says each statement once, and is left aside when it runs.

For a replay alone, whose thousands of small statements would spend most of their time inside SQLAlchemy. It offers what the
functions of this room ask of a connection, with the same types on the way in and out.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.sql.compiler import SQLCompiler

Values = Mapping[str, Any]
Processor = Callable[[Any], Any] | None
NONE: Values = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Said:
    """A statement as the driver takes it: its text, where each value goes and how it is written, how each column is read."""

    text: str
    places: tuple[tuple[str, Any, Processor], ...]
    row: Callable[..., Any]
    columns: tuple[Processor, ...]

    def bind(self, values: Values) -> list[Any]:
        """Give the values in the order of their places."""
        return [
            written if processor is None else processor(written)
            for name, usual, processor in self.places
            for written in (values.get(name, usual),)
        ]

    def read(self, row: Sequence[Any]) -> Any:  # noqa: ANN401 - a row of any statement
        """Give one row with the types of its columns."""
        return self.row(*[value if read is None else read(value) for value, read in zip(row, self.columns, strict=True)])


class Answer:
    """Rows of one statement, all of them read."""

    def __init__(self, said: Said, cursor: sqlite3.Cursor) -> None:
        self.rowcount = cursor.rowcount
        self._rows = [said.read(row) for row in cursor.fetchall()] if cursor.description else []

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def first(self) -> Any:  # noqa: ANN401 - a row
        """First row, or None."""
        return self._rows[0] if self._rows else None

    def one(self) -> Any:  # noqa: ANN401 - a row
        """The only row."""
        (row,) = self._rows
        return row


class Direct:
    """See the module; `plain` is the connection that it goes past."""

    def __init__(self, connection: Connection) -> None:
        self.dialect = connection.dialect
        self.plain = connection
        self._driver: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]  # it is SQLite's
        self._said: dict[tuple[int, tuple[str, ...]], tuple[Executable, Said | None]] = {}

    def execute(self, statement: Executable, values: Values | list[Values] = NONE, **_options: object) -> Any:  # noqa: ANN401 - rows
        """Run a statement, once or for each of several values."""
        first = values[0] if isinstance(values, list) else values
        said = self._of(statement, tuple(first))
        if said is None:
            return self.plain.execute(statement, values)
        if isinstance(values, list):
            return Answer(said, self._driver.executemany(said.text, [said.bind(one) for one in values]))
        return Answer(said, self._driver.execute(said.text, said.bind(values)))

    def exec_driver_sql(self, text: str) -> Any:  # noqa: ANN401 - SQLAlchemy's answer
        """Run text as it is."""
        return self.plain.exec_driver_sql(text)

    def scalar(self, statement: Executable, values: Values = NONE) -> Any:  # noqa: ANN401 - a value of any column
        """First column of the first row, or None."""
        row = self.execute(statement, values).first()
        return None if row is None else row[0]

    def scalars(self, statement: Executable, values: Values = NONE) -> list[Any]:
        """First column of every row."""
        return [row[0] for row in self.execute(statement, values)]

    def _of(self, statement: Executable, names: tuple[str, ...]) -> Said | None:
        """Look a statement up, a constant of its module; it is kept, so that nobody else gets its identity."""
        key = (id(statement), names)
        if key not in self._said:
            self._said[key] = (statement, self._compiled(statement, names))
        return self._said[key][1]

    def _compiled(self, statement: Executable, names: tuple[str, ...]) -> Said | None:
        """Compile a statement; None for one whose text depends on its values."""
        keys = list(names) if getattr(statement, "is_insert", False) else None
        compiled = statement.compile(dialect=self.dialect, column_keys=keys)  # type: ignore[attr-defined]  # every clause has it
        assert isinstance(compiled, SQLCompiler)
        if compiled.post_compile_params or compiled.literal_execute_params:
            return None
        usual = compiled.construct_params(_check=False)
        places = tuple(
            (name, usual.get(name), compiled.binds[name].type.bind_processor(self.dialect)) for name in compiled.positiontup or ()
        )
        told = compiled._result_columns  # noqa: SLF001 - the only place where the types of the columns stand
        row = namedtuple("row", [column.keyname for column in told], rename=True)  # type: ignore[misc]  # noqa: PYI024 - made here
        return Said(compiled.string, places, row, tuple(column.type.result_processor(self.dialect, None) for column in told))
