"""The two kinds of insert that a fact needs, each compiled once per table and database."""

from collections.abc import Mapping
from functools import cache

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, object]


@cache
def _new(dialect: str, table: Table, unique: tuple[str, ...]) -> Insert:
    keys = unique or tuple(column.name for column in table.primary_key)
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=keys)
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=keys)


@cache
def _put(dialect: str, table: Table) -> Insert:
    keys = [column.name for column in table.primary_key]
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


def insert_new(connection: Connection, table: Table, row: Row, unique: tuple[str, ...] = ()) -> bool:
    """Insert unless a row with the same unique columns (default: the primary key) stands; says whether it was new."""
    return connection.execute(_new(connection.dialect.name, table, unique), row).rowcount == 1


def put(connection: Connection, table: Table, row: Row) -> None:
    """Insert, or replace the row with the same primary key."""
    connection.execute(_put(connection.dialect.name, table), row)
