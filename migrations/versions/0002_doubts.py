"""What is not settled: looks for orders, fees and rulings that come later, underlyings that are held back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("look", "fee", "ruling")


def upgrade() -> None:
    op.create_table(
        "look",
        _text("order_key"), _instant("at"), sa.Column("fresh", sa.Boolean(), nullable=False), _text("body"),
        sa.ForeignKeyConstraint(["order_key"], ["order.key"], name=op.f("fk_look_order_key")),
        sa.PrimaryKeyConstraint("order_key", "at", name=op.f("pk_look")),
    )  # fmt: skip
    op.create_table(
        "fee",
        _text("account"), _text("exec_id"), _whole("version"), _text("fee"), _instant("at"),
        sa.PrimaryKeyConstraint("account", "exec_id", "version", name=op.f("pk_fee")),
    )  # fmt: skip
    op.create_table(
        "ruling",
        _text("account"), _text("exec_id"), _whole("version"), _text("by"), _instant("at"),
        sa.PrimaryKeyConstraint("account", "exec_id", "version", name=op.f("pk_ruling")),
    )  # fmt: skip
    op.create_table(
        "lock",
        _text("account"), _text("symbol"), _text("kind"), _text("reason"), _instant("at"),
        sa.PrimaryKeyConstraint("account", "symbol", "kind", name=op.f("pk_lock")),
    )  # fmt: skip
    for table in APPEND_ONLY:
        _append_only(table)
    op.drop_index(op.f("ix_position_account_units"), "position")
    op.create_index(op.f("ix_position_account_closed_session"), "position", ["account", "closed_session"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that the migration made")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False)


def _whole(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _instant(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)


def _append_only(table: str) -> None:
    """Refuse to change or remove rows; on PostgreSQL with the function of the first revision."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f'CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON "{table}" '
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f'CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}" '
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
