"""The claim: exactly once, and only when everything stands behind it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.journal.journal import SqlJournal
from core.model.errors import IllegalEventError, NotClaimedError, OperatorError
from core.model.orders import Order, OrderState
from core.model.proposals import Envelope, Proposal, ProposalState, Vote
from core.model.signals import Intent
from core.ports.journal import Kill
from tests.journal.build import LATER, NOW, approval, envelope, note, order, proposal, vote
from tests.journal.conftest import Ground

State = ProposalState


async def opened(journal: SqlJournal, of: Proposal | None = None) -> Proposal:
    """A proposal whose card stands in its channel with the yes of a person."""
    of = of or proposal()
    await journal.record_proposal(of, State.DRAFT)
    await journal.proposal_posted(of.id, 1, 2, LATER)
    await journal.record_vote(vote(of.id))
    return of


async def claim(journal: SqlJournal, of: Proposal, *, policy: bool = False, after: timedelta = timedelta(0)) -> None:
    outer = envelope(of)
    await journal.claim(approval(of, policy=policy), outer, order(outer), NOW + after, [note(f"claimed-{of.id}")])


async def refused(journal: SqlJournal, of: Proposal, *, policy: bool = False, after: timedelta = timedelta(0)) -> str:
    """State that a refused claim reports; nothing may have been granted."""
    with pytest.raises(NotClaimedError) as caught:
        await claim(journal, of, policy=policy, after=after)
    assert await journal.envelope(f"e-{of.id}") is None
    assert await journal.unfinished_orders() == []
    assert await journal.notes() == []
    return caught.value.state


async def state_of(journal: SqlJournal, of: Proposal) -> ProposalState:
    stored = await journal.proposal(of.id)
    assert stored is not None
    return stored.state


async def test_a_claim_grants_envelope_order_audit_and_note_at_once(journal: SqlJournal) -> None:
    of = await opened(journal)
    await journal.record_vote(vote())
    await claim(journal, of)
    assert await state_of(journal, of) is State.CLAIMED
    assert await journal.envelope("e-p1") == envelope(of)
    assert await journal.open_envelopes() == [envelope(of)]
    assert await journal.unfinished_orders() == [order(envelope(of))]
    assert await journal.envelopes_claimed("paper", NOW) == 1
    assert await journal.envelopes_claimed("paper", LATER) == 0
    assert await journal.envelopes_claimed("other", NOW) == 0
    assert [told.id for told in await journal.notes()] == ["claimed-p1"]
    [row] = await journal.audit_rows()
    assert (row.actor, row.action) == ("ann", "claim")


async def test_a_second_claim_finds_it_claimed(journal: SqlJournal) -> None:
    of = await opened(journal)
    await claim(journal, of)
    with pytest.raises(NotClaimedError, match="already claimed") as caught:
        await claim(journal, of)
    assert caught.value.state == State.CLAIMED
    assert len(await journal.audit_rows()) == 1


async def test_of_a_hundred_claims_at_once_exactly_one_succeeds(journal: SqlJournal) -> None:
    of = await opened(journal)
    answers = await asyncio.gather(*(claim(journal, of) for _ in range(100)), return_exceptions=True)
    assert answers.count(None) == 1
    assert sum(isinstance(answer, NotClaimedError) and answer.state == "claimed" for answer in answers) == 99
    assert len(await journal.unfinished_orders()) == 1


async def test_an_unknown_proposal_cannot_be_claimed(journal: SqlJournal) -> None:
    assert await refused(journal, proposal()) == "unknown"


async def test_a_policy_may_claim_a_draft_and_a_person_may_not(journal: SqlJournal) -> None:
    of = proposal()
    await journal.record_proposal(of, State.DRAFT)
    assert await refused(journal, of) == State.DRAFT
    await claim(journal, of, policy=True)
    assert await state_of(journal, of) is State.CLAIMED


@pytest.mark.parametrize("ended", [State.VETOED, State.EXPIRED, State.STALE, State.WITHDRAWN, State.VOID, State.SUPERSEDED])
async def test_what_has_ended_cannot_be_claimed(journal: SqlJournal, ended: ProposalState) -> None:
    of = await opened(journal)
    await journal.close_proposal(of.id, ended, "", NOW)
    assert await refused(journal, of) == ended


async def test_a_blocked_proposal_cannot_be_claimed_even_by_policy(journal: SqlJournal) -> None:
    of = proposal()
    await journal.record_proposal(of, State.BLOCKED)
    assert await refused(journal, of, policy=True) == State.BLOCKED


async def test_a_claim_at_the_deadline_is_too_late_and_the_proposal_expires_in_the_same_transaction(journal: SqlJournal) -> None:
    of = await opened(journal)
    assert await refused(journal, of, after=LATER - NOW) == State.EXPIRED
    assert await state_of(journal, of) is State.EXPIRED


async def test_a_claim_just_before_the_deadline_is_in_time(journal: SqlJournal) -> None:
    of = await opened(journal)
    await claim(journal, of, after=LATER - NOW - timedelta(microseconds=1))


@pytest.mark.parametrize(("level", "intent"), [(1, Intent.OPEN), (2, Intent.OPEN), (2, Intent.CLOSE), (3, Intent.CLOSE)])
async def test_the_kill_level_ends_the_proposal_in_the_claim(journal: SqlJournal, level: int, intent: Intent) -> None:
    of = await opened(journal, proposal(intent=intent))
    await journal.set_kill(Kill(level, "ann", "drill", NOW))
    assert await refused(journal, of, policy=True) == State.KILLED
    assert await state_of(journal, of) is State.KILLED


async def test_reduce_only_still_lets_a_position_be_closed(journal: SqlJournal) -> None:
    of = await opened(journal, proposal(intent=Intent.CLOSE))
    await journal.set_kill(Kill(1, "ann", "drill", NOW))
    await claim(journal, of)


async def test_after_the_kill_is_lifted_claims_work_again(journal: SqlJournal) -> None:
    halted = await journal.set_kill(Kill(2, "ann", "drill", NOW))
    await journal.set_kill(Kill(0, "ann", "over", NOW), after=halted.generation)
    await claim(journal, await opened(journal))


async def test_a_standing_veto_always_wins(journal: SqlJournal) -> None:
    of = await opened(journal)
    await journal.record_vote(vote(at=LATER))
    await journal.record_vote(vote(voter="bob", approve=False))
    assert await refused(journal, of) == State.VETOED
    assert await state_of(journal, of) is State.VETOED


async def test_a_veto_that_was_taken_back_stops_nothing(journal: SqlJournal) -> None:
    of = await opened(journal)
    await journal.record_vote(vote(voter="bob", approve=False))
    await journal.record_vote(vote(voter="bob", approve=False, present=False, at=LATER))
    await claim(journal, of)


async def test_the_veto_of_a_stranger_stops_nothing(journal: SqlJournal) -> None:
    of = await opened(journal)
    await journal.record_vote(vote(voter="mallory", approve=False, allowed=False))
    await claim(journal, of)


async def test_an_approval_of_other_content_is_refused(journal: SqlJournal) -> None:
    of = await opened(journal)
    other = replace(of, quantity=2)
    with pytest.raises(NotClaimedError, match="another content") as caught:
        await journal.claim(approval(other), envelope(of), order(envelope(of)), NOW)
    assert caught.value.state == State.OPEN
    with pytest.raises(NotClaimedError, match="another content"):
        await journal.claim(approval(of), replace(envelope(of), digest=other.digest), order(envelope(of)), NOW)


async def test_content_that_was_changed_in_the_database_is_refused(ground: Ground) -> None:
    journal = await ground.open()
    of = await opened(journal)
    await ground.sql("""UPDATE proposal SET body = replace(body, '"quantity":3', '"quantity":9')""")
    with pytest.raises(NotClaimedError, match="another content"):
        await claim(journal, of)


Change = Callable[[Envelope, Order], tuple[Envelope, Order]]


@pytest.mark.parametrize(
    "change",
    [
        lambda outer, child: (replace(outer, quantity=4), child),
        lambda outer, child: (replace(outer, floor=Decimal("-4.31")), child),
        lambda outer, child: (replace(outer, legs=outer.legs[:1]), replace(child, legs=outer.legs[:1])),
        lambda outer, child: (replace(outer, account="live"), replace(child, account="live")),
        lambda outer, child: (replace(outer, intent=Intent.CLOSE), child),
        lambda outer, child: (replace(outer, proposal_id="p2"), child),
        lambda outer, child: (outer, replace(child, quantity=4)),
        lambda outer, child: (outer, replace(child, quantity=0)),
        lambda outer, child: (outer, replace(child, limit=Decimal("-4.31"))),
        lambda outer, child: (outer, replace(child, envelope_id="e-p2")),
        lambda outer, child: (outer, replace(child, state=OrderState.SENDING)),
    ],
)
async def test_an_envelope_or_order_outside_the_proposal_is_a_defect(journal: SqlJournal, change: Change) -> None:
    of = await opened(journal)
    outer, child = change(envelope(of), order(envelope(of)))
    with pytest.raises(IllegalEventError, match="reaches outside"):
        await journal.claim(approval(of), outer, child, NOW)
    assert await state_of(journal, of) is State.OPEN
    assert await journal.open_envelopes() == []


async def test_without_the_lease_nothing_is_claimed(ground: Ground) -> None:
    journal = await ground.open(owner=None)
    assert await refused(journal, await opened(journal)) == State.OPEN


async def test_f019_a_lost_lease_is_noticed_in_the_claim_and_before_the_send(ground: Ground) -> None:
    journal = await ground.open()
    of = await opened(journal)
    await ground.sql("UPDATE lease SET fence = fence + 1")
    assert await refused(journal, of) == State.OPEN
    assert await state_of(journal, of) is State.OPEN


async def test_a_second_instance_is_kept_out_until_the_first_is_gone(ground: Ground) -> None:
    first = await ground.open(owner="first")
    await first.take_lease("first", NOW)
    second = await ground.open(owner=None)
    with pytest.raises(OperatorError, match="another quantmatrix already uses"):
        await second.take_lease("second", NOW)
    of = await opened(first)
    assert await refused(second, of) == State.OPEN
    await first.close()
    await second.take_lease("second", NOW)
    await claim(second, of)
    assert await ground.sql("SELECT owner, fence FROM lease") == [("second", 2)]


async def test_a_claim_that_nobody_said_yes_to_is_refused(journal: SqlJournal) -> None:
    of = await opened(journal)
    await journal.record_vote(vote(present=False, at=NOW + timedelta(seconds=1)))
    assert await refused(journal, of) == State.OPEN
    assert await state_of(journal, of) is State.OPEN


@pytest.mark.parametrize(
    ("second", "by"),
    [
        (vote(voter="ann", at=NOW + timedelta(seconds=1)), ("ann", "ann")),
        (vote(voter="bob", allowed=False), ("ann", "bob")),
        (vote(voter="bob", present=False), ("ann", "bob")),
        (vote(voter="bob"), ("ann", "carl")),
    ],
)
async def test_a_claim_counts_the_persons_again(journal: SqlJournal, second: Vote, by: tuple[str, ...]) -> None:
    of = await opened(journal)
    await journal.record_vote(second)
    outer = envelope(of)
    with pytest.raises(NotClaimedError, match="1 of the 2 persons"):
        await journal.claim(replace(approval(of), by=by, needed=2), outer, order(outer), NOW)
    await journal.record_vote(vote(voter="bob", at=NOW + timedelta(seconds=2)))
    await journal.claim(replace(approval(of), by=("ann", "bob"), needed=2), outer, order(outer), NOW)
    assert await state_of(journal, of) is State.CLAIMED


async def test_who_approved_what_is_known_by_day(journal: SqlJournal) -> None:
    of = await opened(journal)
    await claim(journal, of)
    assert await journal.granted(NOW) == [(("ann",), NOW, of.max_loss)]
    assert await journal.granted(NOW + timedelta(seconds=1)) == []
