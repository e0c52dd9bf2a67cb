"""The only SQL of the project: what happened, durably, behind the port `core.ports.journal`.

Composition roots alone come in, through `open_journal` (in `core.journal.journal`), `migrate`, `backup` and `sqlite_verdict`
(in `core.journal.schema`). Everybody else reaches the journal through its port.

Each module holds the facts of a few tables as plain functions that take a connection and stand inside one transaction;
`SqlJournal` gives each of them its transaction. To add a fact: a column or table in `tables`, an Alembic revision with
the same change (and its name in `schema.REVISIONS`), a function here, a method in the port and in `SqlJournal`.
"""
