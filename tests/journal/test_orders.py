"""Envelopes, child orders, fills and movements."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.journal.journal import SqlJournal
from core.journal.orders import before
from core.model.errors import IllegalEventError, NotAllowedError, RefusedError
from core.model.orders import TERMINAL, TRANSITIONS, Order, OrderState
from core.model.proposals import Envelope, ProposalState
from core.model.signals import Intent
from core.ports.journal import Kill
from tests.journal.build import LATER, NOW, STOCK_LEG, approval, envelope, fill, note, order, position, proposal, transaction
from tests.journal.conftest import Ground

S = OrderState


async def granted(journal: SqlJournal, *, intent: Intent = Intent.OPEN, quantity: int = 3, first: int | None = None) -> Envelope:
    of = proposal(intent=intent, quantity=quantity)
    await journal.record_proposal(of, ProposalState.DRAFT)
    outer = envelope(of)
    await journal.claim(approval(of, policy=True), outer, order(outer, quantity=first), NOW)
    return outer


async def moved(journal: SqlJournal, child: Order, state: OrderState, *leg_filled: int) -> Order:
    """Record a child as it stands; through the send marker when it is new."""
    if (await stored(journal, child)).state is S.NEW:
        await journal.mark_sending(child.key, "abc", NOW)
    child = replace(child, state=state, leg_filled=leg_filled, sent_at=NOW)
    await journal.record_order(child, "raw")
    return child


async def stored(journal: SqlJournal, child: Order) -> Order:
    found = await journal.order(child.key)
    assert found is not None
    return found


async def test_the_next_child_waits_for_the_end_of_the_one_before(journal: SqlJournal) -> None:
    outer = await granted(journal)
    first, second = order(outer), order(outer, 2)
    with pytest.raises(RefusedError, match="is new"):
        await journal.add_order(second)
    for state in (S.UNKNOWN, S.ESCALATED):
        await moved(journal, first, state)
        with pytest.raises(RefusedError, match=f"is {state}"):
            await journal.add_order(second)
    await moved(journal, first, S.CANCELLED)
    assert await journal.add_order(second)
    assert not await journal.add_order(second)
    assert [child.key for child in await journal.orders_of(outer.id)] == [first.key, second.key]


async def test_children_never_exceed_the_envelope_together(journal: SqlJournal) -> None:
    outer = await granted(journal)
    await moved(journal, order(outer), S.CANCELLED, 2, 1)
    with pytest.raises(RefusedError, match="used up"):
        await journal.add_order(order(outer, 2, quantity=2))
    assert await journal.add_order(order(outer, 2, quantity=1))


@pytest.mark.parametrize(
    "wrong",
    [{"limit": Decimal("-4.35")}, {"legs": STOCK_LEG}, {"account": "live"}, {"quantity": 0}, {"state": S.SENDING}],
)
async def test_a_child_outside_its_envelope_is_refused(journal: SqlJournal, wrong: dict[str, object]) -> None:
    outer = await granted(journal)
    await moved(journal, order(outer), S.CANCELLED)
    with pytest.raises(RefusedError, match="outside"):
        await journal.add_order(replace(order(outer, 2), **wrong))  # type: ignore[arg-type]  # a table of wrong values


async def test_a_child_without_an_envelope_is_refused(journal: SqlJournal) -> None:
    with pytest.raises(RefusedError, match="no open envelope"):
        await journal.add_order(order(envelope(proposal())))


async def test_an_order_is_marked_once_with_one_submit_row(ground: Ground) -> None:
    journal = await ground.open()
    child = order(await granted(journal))
    await journal.mark_sending(child.key, "abc", LATER)
    assert await journal.order(child.key) == replace(child, state=S.SENDING, sent_at=LATER, updated_at=LATER)
    assert await ground.sql("SELECT order_key, kind, attempt, request_sha256 FROM send") == [(child.key, "submit", 1, "abc")]
    with pytest.raises(IllegalEventError, match="is sending"):
        await journal.mark_sending(child.key, "abc", LATER)
    with pytest.raises(IllegalEventError, match="unknown"):
        await journal.mark_sending("other", "abc", LATER)
    assert len(await ground.sql("SELECT * FROM send")) == 1


async def test_the_database_itself_refuses_a_second_submit(ground: Ground) -> None:
    journal = await ground.open()
    child = order(await granted(journal))
    await journal.mark_sending(child.key, "abc", NOW)
    for attempt in (1, 2):
        with pytest.raises(Exception, match=r"(?i)unique|check|duplicate"):
            await ground.sql(f"INSERT INTO send VALUES ('{child.key}', 'submit', {attempt}, 'x', 0)")


@pytest.mark.parametrize(
    ("level", "intent"), [(1, Intent.OPEN), (2, Intent.CLOSE), (2, Intent.OPEN), (3, Intent.CLOSE), (4, Intent.OPEN)]
)
async def test_the_kill_level_is_read_again_right_before_the_send(journal: SqlJournal, level: int, intent: Intent) -> None:
    child = order(await granted(journal, intent=intent))
    await journal.set_kill(Kill(level, "ann", "drill", NOW))
    with pytest.raises(NotAllowedError, match=f"level {level}"):
        await journal.mark_sending(child.key, "abc", NOW)
    assert (await stored(journal, child)).state is S.NEW


@pytest.mark.parametrize("level", [1, 4])
async def test_reduce_only_and_flatten_let_a_close_be_sent(journal: SqlJournal, level: int) -> None:
    child = order(await granted(journal, intent=Intent.CLOSE))
    await journal.set_kill(Kill(level, "ann", "drill", NOW))
    await journal.mark_sending(child.key, "abc", NOW)


async def test_nothing_is_sent_after_the_deadline_or_without_the_lease(ground: Ground) -> None:
    journal = await ground.open()
    child = order(await granted(journal))
    with pytest.raises(NotAllowedError, match="ended at"):
        await journal.mark_sending(child.key, "abc", NOW + timedelta(hours=1, microseconds=1))
    await ground.sql("UPDATE lease SET owner = 'other'")
    with pytest.raises(NotAllowedError, match="lease"):
        await journal.mark_sending(child.key, "abc", NOW)


async def test_an_order_is_kept_with_the_raw_answers(ground: Ground) -> None:
    journal = await ground.open()
    child = await moved(journal, order(await granted(journal)), S.WORKING)
    partial = replace(child, state=S.PARTIAL, leg_filled=(1, 1), broker_order_id="B7", updated_at=LATER)
    await journal.record_order(partial, '{"status": "part"}', [note("part")])
    assert await journal.order(child.key) == partial
    assert await journal.unfinished_orders() == [partial]
    assert await journal.orders(LATER) == [partial]
    assert await journal.orders(LATER + timedelta(microseconds=1)) == []
    await journal.record_order(replace(partial, state=S.FILLED, leg_filled=(3, 3)))
    assert await journal.unfinished_orders() == []
    assert await ground.sql("SELECT raw FROM order_event ORDER BY seq") == [("raw",), ('{"status": "part"}',)]
    assert [told.id for told in await journal.notes()] == ["part"]


async def test_an_order_never_becomes_new_again_and_skips_no_send_marker(journal: SqlJournal) -> None:
    child = order(await granted(journal))
    with pytest.raises(IllegalEventError, match="is new and cannot become working"):
        await journal.record_order(replace(child, state=S.WORKING))
    with pytest.raises(IllegalEventError, match="cannot become sending"):
        await journal.record_order(replace(child, state=S.SENDING))
    await journal.mark_sending(child.key, "abc", NOW)
    with pytest.raises(IllegalEventError, match="is sending and cannot become new"):
        await journal.record_order(child)
    await journal.record_order(replace(child, state=S.UNKNOWN))
    with pytest.raises(IllegalEventError, match="is unknown and cannot become denied"):
        await journal.record_order(replace(child, state=S.DENIED))
    with pytest.raises(IllegalEventError, match="not in the journal"):
        await journal.record_order(replace(child, key="other", state=S.UNKNOWN))


def test_what_may_stand_before_a_state_is_what_the_table_leads_through() -> None:
    assert before(S.NEW) == {"new"}
    assert before(S.DENIED) == {"new", "sending", "denied"}
    assert before(S.SENDING) == {"sending"}
    assert before(S.UNKNOWN) == {"sending", "unknown"}
    for state in OrderState:
        followers = {TRANSITIONS[state][event] or state for event in TRANSITIONS[state]} - {S.SENDING}
        if state is not S.NEW:
            assert all(state.value in before(follower) for follower in followers)
        if state not in TERMINAL:
            assert not before(state) & {ended.value for ended in TERMINAL}


async def test_fills_order_position_and_note_are_one_fact(journal: SqlJournal) -> None:
    child = await moved(journal, order(await granted(journal)), S.WORKING)
    done = replace(child, state=S.PARTIAL, leg_filled=(1, 1))
    fills = [fill(child, "x1"), fill(child, "x2", leg=1)]
    assert await journal.record_fills(fills, done, position(), [note("filled")])
    assert await journal.fills("paper") == fills
    assert await journal.order(child.key) == done
    assert await journal.positions("paper") == [position()]
    later = replace(done, state=S.FILLED, leg_filled=(3, 3))
    assert not await journal.record_fills([fill(child, "x3"), fill(child, "x2", leg=1)], later, None, [note("again")])
    assert await journal.fills("paper") == fills
    assert await journal.order(child.key) == done
    assert [told.id for told in await journal.notes()] == ["filled"]


async def test_a_correction_is_a_new_version_of_a_fill(journal: SqlJournal) -> None:
    child = await moved(journal, order(await granted(journal)), S.WORKING)
    assert await journal.record_fills([fill(child)], None, None)
    assert await journal.record_fills([fill(child, version=2)], None, None)
    assert not await journal.record_fills([fill(child, version=2)], None, None)
    other = replace(fill(child), account="live", at=LATER)
    assert await journal.record_fills([other], None, None)
    assert await journal.fills("live") == [other]
    assert await journal.fills("live", LATER) == [other]
    assert await journal.fills("live", LATER + timedelta(microseconds=1)) == []


async def test_fills_that_contradict_the_order_leave_nothing(journal: SqlJournal) -> None:
    child = order(await granted(journal))
    with pytest.raises(IllegalEventError):
        await journal.record_fills([fill(child)], replace(child, state=S.FILLED), position(), [note()])
    with pytest.raises(IllegalEventError):
        await journal.record_fills([fill(child), fill(child)], None, position(), [note()])
    assert await journal.fills("paper") == []
    assert await journal.positions("paper") == []
    assert await journal.notes() == []


async def test_fills_of_one_broker_order_come_in_parts_and_leave_a_trace(ground: Ground) -> None:
    journal = await ground.open()
    child = await moved(journal, order(await granted(journal)), S.WORKING)
    for part in (1, 2, 3):
        state = S.PARTIAL if part < 3 else S.FILLED
        after = replace(child, state=state, leg_filled=(part, part))
        fills = [fill(child, f"x{part}{leg}", leg=leg) for leg in (0, 1)]
        assert await journal.record_fills(fills, after, position(units=part), event_key="B7")
    assert len(await journal.fills("paper")) == 6
    assert await journal.positions("paper") == [position()]
    assert await ground.sql("SELECT order_key, event_key FROM order_event WHERE raw = ''") == [(child.key, "B7")] * 3


async def test_a_movement_is_booked_once_with_its_positions(journal: SqlJournal) -> None:
    assert await journal.record_transaction(transaction(), [position()], [note("dividend")])
    assert not await journal.record_transaction(transaction(), [position(units=9)], [note("again")])
    assert await journal.transactions("paper") == [transaction()]
    assert await journal.transactions("live") == []
    assert await journal.positions("paper") == [position()]
    assert [told.id for told in await journal.notes()] == ["dividend"]


async def test_an_envelope_is_closed_when_its_children_have_ended(journal: SqlJournal) -> None:
    outer = await granted(journal)
    with pytest.raises(IllegalEventError, match="cannot be closed"):
        await journal.close_envelope(outer.id, NOW, [note("early")])
    await moved(journal, order(outer), S.FILLED, 3, 3)
    for _ in range(2):
        await journal.close_envelope(outer.id, NOW, [note("closed")])
    assert await journal.open_envelopes() == []
    assert await journal.envelope(outer.id) == outer
    found = await journal.proposal(outer.proposal_id)
    assert found is not None
    assert found.state is ProposalState.CLOSED
    with pytest.raises(RefusedError, match="no open envelope"):
        await journal.add_order(order(outer, 2))
    assert [told.id for told in await journal.notes()] == ["closed"]
