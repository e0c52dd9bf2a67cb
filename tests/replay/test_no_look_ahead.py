"""A replay that ends on any day, with files that end on that day, is the beginning of the longer replay."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.replay import slices
from tests.replay.books import notes, table
from tests.replay.slices import Run

#: Table, its columns that are settled by then, and the instant of each row.
PROPOSED = "id, signal_id, account, symbol, intent, digest, attempt, created_at, channel_id, message_id, expires_at, body"
SETTLED = (
    ("scan", "strategy, session, at, body", "at"),
    ("signal", "*", "as_of"),
    ("proposal", PROPOSED, "created_at"),
    ("proposal", "id, state, reason", "ended_at"),
    ("envelope", "id, proposal_id, account, intent, reserved, approved_at, deadline, body", "approved_at"),
    ("envelope", "*", "closed_at"),
    ('"order"', 'key, envelope_id, number, quantity, "limit", created_at', "created_at"),
    ('"order"', "*", "updated_at"),
    ("send", "*", "marked_at"),
    ("order_event", "order_key, event_key, at, raw", "at"),
    ("fill", "*", "at"),
    ('"transaction"', "*", "at"),
    ("outbox", "seq, note_id, nonce, topic, edits, created_at, body", "created_at"),
    ("audit", "*", "at"),
    ("job_run", "*", "scheduled_for"),
)


def same_up_to(part: Run, whole: Run, day: date) -> None:
    """Row by row, column by column; the notes line by line."""
    until = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC) + timedelta(hours=2)
    end = int(until.timestamp() * 1_000_000)
    for name, columns, instant in SETTLED:
        query = f"SELECT {columns} FROM {name} WHERE {instant} <= ?"
        found, expected = table(part.out, query, end), table(whole.out, query, end)
        assert found == expected, name
    for name, when in (("equity", "day"), ("position", "closed_session")):
        query = f"SELECT * FROM {name} WHERE {when} <= ?"
        assert table(part.out, query, day.isoformat()) == table(whole.out, query, day.isoformat()), name
    told = notes(part.out)
    assert told == notes(whole.out)[: len(told)]
    assert told[-1] != notes(whole.out)[-1]


@pytest.mark.parametrize("day", [date(2014, 10, 17), date(2014, 11, 28), date(2015, 5, 6)])
def test_options_on_adjusted_prices(adjusted: Run, tmp_path: Path, day: date) -> None:
    part = slices.cut(adjusted, tmp_path, day)
    assert part.summary["fills"]
    same_up_to(part, adjusted, day)


# HRL splits two for one before the open of 2016-02-10, SSNC before that of 2016-06-27.
@pytest.mark.parametrize("day", [date(2016, 2, 9), date(2016, 2, 10), date(2016, 6, 24), date(2016, 6, 27)])
def test_through_splits_of_prices_as_traded(raw: Run, tmp_path: Path, day: date) -> None:
    part = slices.cut(raw, tmp_path, day)
    assert part.summary["fills"]
    same_up_to(part, raw, day)
