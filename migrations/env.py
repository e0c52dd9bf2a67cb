"""Alembic's entry: `core.journal.schema.migrate` hands over its connection, inside a transaction."""

from alembic import context

from core.journal.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
