"""The tables, the same on SQLite and PostgreSQL. Each row keeps its noun as JSON in `body`, and beside it what is asked for."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from core.journal.columns import Day, Instant, Money

#: Integer key that SQLite can grow by itself (only INTEGER can) and PostgreSQL keeps in eight bytes.
Serial = BigInteger().with_variant(Integer, "sqlite")

#: Tables whose rows never change and never go; triggers refuse UPDATE and DELETE on them.
APPEND_ONLY = ("vote", "send", "order_event", "fill", "audit", "look", "fee", "ruling")

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

scan = Table(
    "scan", METADATA,
    Column("seq", Serial, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("session", Day, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("strategy", "session", "at"),
)  # fmt: skip

signal = Table(
    "signal", METADATA,
    Column("id", Text, primary_key=True),
    Column("symbol", Text, nullable=False),
    Column("session", Day, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "session"),
)  # fmt: skip

proposal = Table(
    "proposal", METADATA,
    Column("id", Text, primary_key=True),
    Column("signal_id", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("intent", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("expires_at", Instant),
    Column("ended_at", Instant),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "state"),
    Index(None, "signal_id"),
    Index(None, "message_id"),
)  # fmt: skip

vote = Table(
    "vote", METADATA,
    Column("seq", Serial, primary_key=True),
    Column("proposal_id", Text, ForeignKey("proposal.id"), nullable=False),
    Column("voter", Text, nullable=False),
    Column("approve", Boolean, nullable=False),
    Column("present", Boolean, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("proposal_id", "voter", "approve", "present", "allowed", "source", "at"),
)  # fmt: skip

envelope = Table(
    "envelope", METADATA,
    Column("id", Text, primary_key=True),
    Column("proposal_id", Text, ForeignKey("proposal.id"), nullable=False, unique=True),
    Column("account", Text, nullable=False),
    Column("intent", Text, nullable=False),
    Column("reserved", Money, nullable=False),
    Column("approved_at", Instant, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("body", Text, nullable=False),
    Index(None, "closed_at"),
    Index(None, "account", "approved_at"),
)  # fmt: skip

order = Table(
    "order", METADATA,
    Column("key", Text, primary_key=True),
    Column("envelope_id", Text, ForeignKey("envelope.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("limit", Money, nullable=False),
    Column("broker_order_id", Text),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("envelope_id", "number"),
    Index(None, "state"),
    Index(None, "updated_at"),
)  # fmt: skip

send = Table(
    "send", METADATA,
    Column("order_key", Text, ForeignKey("order.key"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("request_sha256", Text, nullable=False),
    Column("marked_at", Instant, nullable=False),
    CheckConstraint("kind <> 'submit' OR attempt = 1", name="one_submit"),
)  # fmt: skip

order_event = Table(
    "order_event", METADATA,
    Column("seq", Serial, primary_key=True),
    Column("order_key", Text, ForeignKey("order.key")),
    Column("event_key", Text),
    Column("at", Instant),
    Column("raw", Text, nullable=False),
    Index(None, "order_key"),
)  # fmt: skip

fill = Table(
    "fill", METADATA,
    Column("account", Text, primary_key=True),
    Column("exec_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("order_key", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price", Money, nullable=False),
    Column("fee", Money),
    Column("body", Text, nullable=False),
    Index(None, "account", "at"),
    Index(None, "order_key"),
)  # fmt: skip

transaction = Table(
    "transaction", METADATA,
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("cash", Money, nullable=False),
    Column("body", Text, nullable=False),
)  # fmt: skip

#: Complete looks for an order that the broker did not show: the evidence that it never was there.
look = Table(
    "look", METADATA,
    Column("order_key", Text, ForeignKey("order.key"), primary_key=True),
    Column("at", Instant, primary_key=True, autoincrement=False),
    Column("fresh", Boolean, nullable=False),
    Column("body", Text, nullable=False),
)  # fmt: skip

#: Fees that a broker told after the execution itself.
fee = Table(
    "fee", METADATA,
    *(Column(name, kind, primary_key=True, autoincrement=False) for name, kind in
      (("account", Text), ("exec_id", Text), ("version", Integer))),
    Column("fee", Money, nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

#: Which later version of an execution holds, and who said so; without a ruling the first one does.
ruling = Table(
    "ruling", METADATA,
    *(Column(name, kind, primary_key=True, autoincrement=False) for name, kind in
      (("account", Text), ("exec_id", Text), ("version", Integer))),
    Column("by", Text, nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

lock = Table(
    "lock", METADATA,
    *(Column(name, Text, primary_key=True) for name in ("account", "symbol", "kind")),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

position = Table(
    "position", METADATA,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("units", Integer, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closed_session", Day),
    Column("body", Text, nullable=False),
    Index(None, "account", "closed_session"),
)  # fmt: skip

equity = Table(
    "equity", METADATA,
    Column("account", Text, primary_key=True),
    Column("day", Day, primary_key=True),
    Column("net_liquidation", Money, nullable=False),
    Column("body", Text, nullable=False),
)  # fmt: skip

kill = Table(
    "kill", METADATA,
    Column("seq", Serial, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

setting = Table(
    "setting", METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip

job_run = Table(
    "job_run", METADATA,
    Column("job", Text, primary_key=True),
    Column("scheduled_for", Instant, primary_key=True),
)  # fmt: skip

outbox = Table(
    "outbox", METADATA,
    Column("seq", Serial, primary_key=True),
    Column("note_id", Text, nullable=False, unique=True),
    Column("nonce", Text, nullable=False, unique=True),
    Column("topic", Text, nullable=False),
    Column("edits", Text),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("attempted_at", Instant),
    Column("delivered_at", Instant),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "state", "topic", "seq"),
    Index(None, "created_at"),
    sqlite_autoincrement=True,
)  # fmt: skip

audit = Table(
    "audit", METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)  # fmt: skip

#: Number and hash of the last audit row: without it, rows cut off the end would not be missed.
audit_head = Table(
    "audit_head", METADATA,
    Column("name", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)  # fmt: skip

lease = Table(
    "lease", METADATA,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("taken_at", Instant, nullable=False),
)  # fmt: skip
