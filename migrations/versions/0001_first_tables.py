"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
APPEND_ONLY = ("vote", "send", "order_event", "fill", "audit")


def upgrade() -> None:
    _scan()
    _signal()
    _proposal()
    _vote()
    _envelope()
    _order()
    _send()
    _order_event()
    _fill()
    _transaction()
    _position()
    _equity()
    _kill()
    _setting()
    _job_run()
    _lease()
    _outbox()
    _audit()
    _audit_head()
    for table in APPEND_ONLY:
        _append_only(table)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that the migration made")


def _serial(name: str) -> "sa.Column[int]":
    return sa.Column(name, SERIAL, nullable=False)


def _big(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=nullable)


def _whole(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _flag(name: str) -> "sa.Column[bool]":
    return sa.Column(name, sa.Boolean(), nullable=False)


def _text(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=nullable)


def _scan() -> None:
    op.create_table(
        "scan",
        _serial("seq"), _text("strategy"), _text("session"), _big("at"), _text("body"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_scan")),
        sa.UniqueConstraint("strategy", "session", "at", name=op.f("uq_scan_strategy_session_at")),
    )  # fmt: skip


def _signal() -> None:
    op.create_table(
        "signal",
        _text("id"), _text("symbol"), _text("session"), _big("as_of"), _text("body"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal")),
    )  # fmt: skip
    op.create_index(op.f("ix_signal_session"), "signal", ["session"])


def _proposal() -> None:
    op.create_table(
        "proposal",
        _text("id"), _text("signal_id"), _text("account"), _text("symbol"), _text("intent"), _text("digest"),
        _whole("attempt"), _big("created_at"), _text("state"), _big("channel_id", nullable=True),
        _big("message_id", nullable=True), _big("expires_at", nullable=True), _big("ended_at", nullable=True),
        _text("reason"), _text("body"), sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )  # fmt: skip
    op.create_index(op.f("ix_proposal_message_id"), "proposal", ["message_id"])
    op.create_index(op.f("ix_proposal_signal_id"), "proposal", ["signal_id"])
    op.create_index(op.f("ix_proposal_state"), "proposal", ["state"])


def _vote() -> None:
    op.create_table(
        "vote",
        _serial("seq"), _text("proposal_id"), _text("voter"), _flag("approve"), _flag("present"), _flag("allowed"),
        _text("source"), _big("at"), _text("reason"),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposal.id"], name=op.f("fk_vote_proposal_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_vote")),
        sa.UniqueConstraint(
            "proposal_id", "voter", "approve", "present", "allowed", "source", "at",
            name=op.f("uq_vote_proposal_id_voter_approve_present_allowed_source_at"),
        ),
    )  # fmt: skip


def _envelope() -> None:
    op.create_table(
        "envelope",
        _text("id"), _text("proposal_id"), _text("account"), _text("intent"), _text("reserved"), _big("approved_at"),
        _big("deadline"), _big("closed_at", nullable=True), _text("body"),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposal.id"], name=op.f("fk_envelope_proposal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_envelope")),
        sa.UniqueConstraint("proposal_id", name=op.f("uq_envelope_proposal_id")),
    )  # fmt: skip
    op.create_index(op.f("ix_envelope_account_approved_at"), "envelope", ["account", "approved_at"])
    op.create_index(op.f("ix_envelope_closed_at"), "envelope", ["closed_at"])


def _order() -> None:
    op.create_table(
        "order",
        _text("key"), _text("envelope_id"), _whole("number"), _text("account"), _text("state"), _whole("quantity"),
        _text("limit"), _text("broker_order_id", nullable=True), _big("created_at"), _big("updated_at"), _text("body"),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_order_envelope_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_order")),
        sa.UniqueConstraint("envelope_id", "number", name=op.f("uq_order_envelope_id_number")),
    )  # fmt: skip
    op.create_index(op.f("ix_order_state"), "order", ["state"])
    op.create_index(op.f("ix_order_updated_at"), "order", ["updated_at"])


def _send() -> None:
    op.create_table(
        "send",
        _text("order_key"), _text("kind"), _whole("attempt"), _text("request_sha256"), _big("marked_at"),
        sa.CheckConstraint("kind <> 'submit' OR attempt = 1", name="one_submit"),
        sa.ForeignKeyConstraint(["order_key"], ["order.key"], name=op.f("fk_send_order_key")),
        sa.PrimaryKeyConstraint("order_key", "kind", "attempt", name=op.f("pk_send")),
    )  # fmt: skip


def _order_event() -> None:
    op.create_table(
        "order_event",
        _serial("seq"), _text("order_key", nullable=True), _text("event_key", nullable=True), _big("at", nullable=True),
        _text("raw"), sa.ForeignKeyConstraint(["order_key"], ["order.key"], name=op.f("fk_order_event_order_key")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_order_event")),
    )  # fmt: skip
    op.create_index(op.f("ix_order_event_order_key"), "order_event", ["order_key"])


def _fill() -> None:
    op.create_table(
        "fill",
        _text("account"), _text("exec_id"), _whole("version"), _text("order_key"), _big("at"), _whole("quantity"),
        _text("price"), _text("fee", nullable=True), _text("body"),
        sa.PrimaryKeyConstraint("account", "exec_id", "version", name=op.f("pk_fill")),
    )  # fmt: skip
    op.create_index(op.f("ix_fill_account_at"), "fill", ["account", "at"])
    op.create_index(op.f("ix_fill_order_key"), "fill", ["order_key"])


def _transaction() -> None:
    op.create_table(
        "transaction",
        _text("account"), _text("id"), _big("at"), _text("cash"), _text("body"),
        sa.PrimaryKeyConstraint("account", "id", name=op.f("pk_transaction")),
    )  # fmt: skip


def _position() -> None:
    op.create_table(
        "position",
        _text("id"), _text("account"), _text("symbol"), _whole("units"), _big("opened_at"),
        _text("closed_session", nullable=True), _text("body"), sa.PrimaryKeyConstraint("id", name=op.f("pk_position")),
    )  # fmt: skip
    op.create_index(op.f("ix_position_account_units"), "position", ["account", "units"])


def _equity() -> None:
    op.create_table(
        "equity",
        _text("account"), _text("day"), _text("net_liquidation"), _text("body"),
        sa.PrimaryKeyConstraint("account", "day", name=op.f("pk_equity")),
    )  # fmt: skip


def _kill() -> None:
    op.create_table(
        "kill",
        _serial("seq"), _whole("level"), _text("by"), _text("reason"), _big("at"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_kill")),
    )  # fmt: skip


def _setting() -> None:
    op.create_table(
        "setting",
        _text("name"), _text("value"), sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )  # fmt: skip


def _job_run() -> None:
    op.create_table(
        "job_run",
        _text("job"), _big("scheduled_for"), sa.PrimaryKeyConstraint("job", "scheduled_for", name=op.f("pk_job_run")),
    )  # fmt: skip


def _lease() -> None:
    op.create_table(
        "lease",
        _text("name"), _text("owner"), _big("fence"), _big("taken_at"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )  # fmt: skip


def _outbox() -> None:
    op.create_table(
        "outbox",
        _serial("seq"), _text("note_id"), _text("nonce"), _text("topic"), _text("edits", nullable=True), _text("state"),
        _whole("tries"), _big("created_at"), _big("attempted_at", nullable=True), _big("delivered_at", nullable=True),
        _big("channel_id", nullable=True), _big("message_id", nullable=True), _text("reason"), _text("body"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")), sa.UniqueConstraint("nonce", name=op.f("uq_outbox_nonce")),
        sa.UniqueConstraint("note_id", name=op.f("uq_outbox_note_id")), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index(op.f("ix_outbox_created_at"), "outbox", ["created_at"])
    op.create_index(op.f("ix_outbox_state_topic_seq"), "outbox", ["state", "topic", "seq"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", SERIAL, autoincrement=False, nullable=False), _big("at"), _text("actor"), _text("action"), _text("body"),
        _text("prev_hash"), _text("hash"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )  # fmt: skip


def _audit_head() -> None:
    op.create_table(
        "audit_head",
        _text("name"), _big("seq"), _text("hash"), sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_head")),
    )  # fmt: skip


def _append_only(table: str) -> None:
    """Refuse to change or remove rows."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f'CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON "{table}" '
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        f'CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}" '
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
