"""Alembic revisions of the journal, one per change, the same on SQLite and PostgreSQL.

Run by `core.journal.schema.migrate` (`python -m bot migrate`). To add one: change `core.journal.tables`, add
`versions/NNNN_what.py` with the same change, and its number to `core.journal.schema.REVISIONS`; the tests compare both.
"""
