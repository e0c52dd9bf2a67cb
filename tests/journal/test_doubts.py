"""Looks, locks, fees and versions that come later, trades made outside."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from core.journal.journal import SqlJournal
from core.model.doubts import APART, Hold, Lock, Look, lacking
from core.model.errors import IllegalEventError, NotClaimedError
from core.model.orders import Order, OrderState
from core.model.proposals import ProposalState
from core.model.signals import Intent
from core.ports.doubts import Later, Outside, Proof
from tests.journal.build import LATER, NOW, approval, envelope, fill, note, order, position, proposal
from tests.journal.test_orders import granted, moved, stored

CUTOFF = NOW + timedelta(hours=2)
CHILD = order(envelope(proposal()))
S = OrderState


def look(child: Order, minutes: float, *, fresh: bool = True) -> Look:
    return Look(child.key, CUTOFF + timedelta(minutes=minutes), fresh, json.dumps({"orders": 0}))


async def escalated(journal: SqlJournal) -> Order:
    child = order(await granted(journal))
    await moved(journal, child, S.UNKNOWN)
    return await moved(journal, child, S.ESCALATED)


def proof(child: Order, cutoff: datetime = CUTOFF) -> Proof:
    return Proof(replace(child, state=S.ABSENT, updated_at=CUTOFF + timedelta(days=1)), cutoff, ("ann", "bob"), "never there")


async def test_an_absence_is_stored_on_three_spaced_looks_and_becomes_part_of_the_audit(journal: SqlJournal) -> None:
    child = await escalated(journal)
    for minutes in (1, 6, 11):
        assert await journal.doubts.record_look(look(child, minutes))
        assert not await journal.doubts.record_look(look(child, minutes))
    await journal.doubts.record_absence(proof(child), [note("absent")])
    assert (await stored(journal, child)).state is S.ABSENT
    (row, *_) = await journal.audit_rows()
    assert (row.actor, row.action) == ("ann, bob", "absence proved")
    assert len(json.loads(row.body)["looks"]) == 3
    assert await journal.unfinished_orders() == []


@pytest.mark.parametrize(
    ("looks", "lacks"),
    [
        ([], "no complete look"),
        ([(-30, True), (-20, True), (-10, True)], "no complete look"),
        ([(1, True), (6, True)], "2 of 3"),
        ([(1, True), (3, True), (8, True)], "2 of 3"),
        ([(1, False), (6, True), (11, True)], "fresh"),
        ([(1, True), (6, True), (11, False)], "fresh"),
    ],
)
async def test_nobodys_word_replaces_what_is_lacking(journal: SqlJournal, looks: list[tuple[float, bool]], lacks: str) -> None:
    child = await escalated(journal)
    for minutes, fresh in looks:
        await journal.doubts.record_look(look(child, minutes, fresh=fresh))
    assert lacks in str(lacking(await journal.doubts.looks(child.key), CUTOFF))
    with pytest.raises(IllegalEventError, match=lacks):
        await journal.doubts.record_absence(proof(child))
    assert (await stored(journal, child)).state is S.ESCALATED


async def test_looks_from_before_the_end_of_the_envelope_prove_nothing(journal: SqlJournal) -> None:
    child = await escalated(journal)
    for minutes in (10, 20, 30):
        await journal.doubts.record_look(replace(look(child, 0), at=NOW + timedelta(minutes=minutes)))
    with pytest.raises(IllegalEventError, match="no complete look"):
        await journal.doubts.record_absence(proof(child, NOW))


@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN, S.WORKING, S.CANCELLED])
async def test_only_an_escalated_order_can_be_absent(journal: SqlJournal, state: OrderState) -> None:
    child = await moved(journal, order(await granted(journal)), state)
    for minutes in (1, 6, 11):
        await journal.doubts.record_look(look(child, minutes))
    with pytest.raises(IllegalEventError, match="only an escalated one"):
        await journal.doubts.record_absence(proof(child))


@pytest.mark.parametrize("state", [S.UNKNOWN, S.ESCALATED])
async def test_an_order_that_was_not_found_cannot_be_recorded_as_rejected_or_absent(journal: SqlJournal, state: OrderState) -> None:
    child = await moved(journal, order(await granted(journal)), S.UNKNOWN)
    child = await moved(journal, child, state)
    with pytest.raises(IllegalEventError, match="own words"):
        await journal.record_order(replace(child, state=S.REJECTED))
    with pytest.raises(IllegalEventError, match="cannot become absent"):
        await journal.record_order(replace(child, state=S.ABSENT), "not found")
    await journal.record_order(replace(child, state=S.REJECTED), '{"status": "Rejected"}')


async def test_a_fill_of_an_absent_order_is_kept(journal: SqlJournal) -> None:
    child = await escalated(journal)
    for minutes in (1, 6, 11):
        await journal.doubts.record_look(look(child, minutes))
    await journal.doubts.record_absence(proof(child))
    late = replace(await stored(journal, child), leg_filled=(1, 0))
    assert await journal.record_fills([fill(CHILD, "x")], late, position())
    assert (await stored(journal, child)).leg_filled == (1, 0)


@pytest.mark.parametrize(
    ("kind", "intent", "cause", "passes"),
    [
        (Hold.DOUBT, Intent.OPEN, "entry", False),
        (Hold.DOUBT, Intent.CLOSE, "stop", True),
        (Hold.LEGS, Intent.OPEN, "entry", False),
        (Hold.LEGS, Intent.CLOSE, "leg risk", True),
        (Hold.OUTSIDE, Intent.OPEN, "entry", False),
        (Hold.OUTSIDE, Intent.CLOSE, "stop", False),
        (Hold.OUTSIDE, Intent.CLOSE, "manual", True),
    ],
)
async def test_a_lock_is_read_inside_the_claim(journal: SqlJournal, kind: Hold, intent: Intent, cause: str, passes: bool) -> None:
    of = proposal(intent=intent)
    of = replace(of, signal=replace(of.signal, cause=cause))
    await journal.record_proposal(of, ProposalState.DRAFT)
    assert await journal.doubts.lock(Lock("paper", "SPY", kind, "somebody sold 5", NOW), [note("lock")])
    outer = envelope(of)
    claimed = journal.claim(approval(of, policy=True), outer, order(outer), NOW)
    if passes:
        await claimed
        return
    with pytest.raises(NotClaimedError, match="SPY is held back: somebody sold 5") as caught:
        await claimed
    assert caught.value.state == ProposalState.GATE_DENIED


async def test_a_lock_is_kept_once_per_kind_until_somebody_lets_it_go(journal: SqlJournal) -> None:
    held = Lock("paper", "SPY", Hold.LEGS, "uneven", NOW)
    assert await journal.doubts.lock(held)
    assert not await journal.doubts.lock(replace(held, reason="again", at=LATER))
    assert await journal.doubts.lock(replace(held, kind=Hold.OUTSIDE, at=LATER))
    assert [lock.kind for lock in await journal.doubts.locks("paper")] == [Hold.LEGS, Hold.OUTSIDE]
    assert await journal.doubts.locks("live") == []
    assert await journal.doubts.unlock(held, "ann", LATER)
    assert not await journal.doubts.unlock(held, "ann", LATER)
    assert [lock.kind for lock in await journal.doubts.locks("paper")] == [Hold.OUTSIDE]
    assert [row.action for row in await journal.audit_rows(3)] == ["unlock", "lock", "lock"]


async def test_executions_of_somebody_else_are_booked_once_with_what_follows(journal: SqlJournal) -> None:
    theirs = replace(fill(CHILD, "outside"), order_key="")
    fact = Outside([theirs], [position()], [Lock("paper", "SPY", Hold.OUTSIDE, "sold", NOW)], NOW)
    assert await journal.doubts.record_outside(fact, [note("outside")])
    assert not await journal.doubts.record_outside(fact, [note("twice")])
    assert await journal.fills("paper") == [theirs]
    assert await journal.positions("paper") == [position()]
    assert len(await journal.doubts.locks("paper")) == 1
    assert [row.action for row in await journal.audit_rows(2)] == ["trade outside", "lock"]
    assert len(await journal.notes()) == 1


async def test_a_fee_that_comes_later_is_read_with_its_execution(journal: SqlJournal) -> None:
    child = order(await granted(journal))
    unpaid = replace(fill(CHILD, "x"), fee=None)
    await moved(journal, child, S.WORKING)
    await journal.record_fills([unpaid], None, None)
    assert (await journal.fills("paper"))[0].fee is None
    later = Later(replace(unpaid, fee=Decimal("1.25")), LATER)
    assert await journal.doubts.record_fee(later, position())
    assert not await journal.doubts.record_fee(later, None)
    assert [one.fee for one in await journal.fills("paper")] == [Decimal("1.25")]
    assert [one.fee for one in await journal.fills("paper", NOW - timedelta(days=9))] == [Decimal("1.25")]


async def test_a_corrected_execution_is_kept_and_holds_only_once_somebody_rules_so(journal: SqlJournal) -> None:
    first = fill(CHILD, "x")
    await journal.record_fills([first], None, None)
    second = replace(first, version=2, quantity=7)
    with pytest.raises(IllegalEventError, match="is not kept"):
        await journal.doubts.record_ruling(Later(second, LATER, "ann"), None, None)
    assert await journal.doubts.record_correction(second, [note("corrected")])
    assert not await journal.doubts.record_correction(second)
    assert await journal.fills("paper") == [first]
    assert await journal.doubts.record_ruling(Later(second, LATER, "ann"), None, position())
    assert not await journal.doubts.record_ruling(Later(second, LATER, "ann"), None, None)
    assert await journal.fills("paper") == [second]


def test_looks_must_be_apart() -> None:
    child = order(envelope(proposal()))
    apart = APART.total_seconds() / 60
    assert lacking([look(child, 1 + place * apart) for place in range(3)], CUTOFF) is None
    assert lacking([look(child, 1 + place * (apart - 0.01)) for place in range(3)], CUTOFF) is not None
