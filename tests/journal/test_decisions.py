"""Scans, signals, proposals, votes."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.journal.journal import SqlJournal
from core.model.errors import BadDataError, IllegalEventError
from core.model.proposals import ProposalState
from core.ports.journal import Journal, Scan, StoredProposal
from tests.journal.build import DAY, LATER, NOW, note, proposal, signal, vote
from tests.journal.conftest import Ground

DRAFT, OPEN = ProposalState.DRAFT, ProposalState.OPEN


async def test_the_journal_is_a_journal(ground: Ground) -> None:
    journal: Journal = await ground.open()
    assert await journal.signals(DAY) == []


async def test_scans_come_back_newest_first(journal: SqlJournal) -> None:
    scans = [Scan("atr", DAY, NOW + timedelta(hours=hour), 400, (("price", 390),), (), hour) for hour in range(3)]
    for scan in [*scans, scans[0]]:
        await journal.record_scan(scan)
    assert await journal.scans() == [scans[2]]
    assert await journal.scans(10) == scans[::-1]


async def test_a_signal_is_stored_and_told_once(journal: SqlJournal) -> None:
    assert await journal.record_signal(signal(), [note("first")])
    assert not await journal.record_signal(replace(signal(), reason="another"), [note("second")])
    assert await journal.signal("s1") == signal()
    assert await journal.signal("other") is None
    assert [told.id for told in await journal.notes()] == ["first"]


async def test_signals_are_found_by_session_and_symbol(journal: SqlJournal) -> None:
    old, spy, qqq = signal("a", session=date(2024, 3, 1)), signal("b"), signal("c", symbol="QQQ")
    for one in (qqq, spy, old):
        await journal.record_signal(one)
    assert await journal.signals(date(2024, 3, 1)) == [old, spy, qqq]
    assert await journal.signals(DAY) == [spy, qqq]
    assert await journal.signals(DAY, "QQQ") == [qqq]


async def test_a_proposal_is_stored_once_with_its_note(journal: SqlJournal) -> None:
    assert await journal.record_proposal(proposal(), DRAFT, [note("card")])
    assert not await journal.record_proposal(proposal(), ProposalState.BLOCKED, [note("other")])
    assert await journal.proposal("p1") == StoredProposal(proposal(), DRAFT)
    assert await journal.proposal("p2") is None
    assert [told.id for told in await journal.notes()] == ["card"]


async def test_when_the_note_cannot_be_stored_neither_is_the_proposal(journal: SqlJournal) -> None:
    with pytest.raises(BadDataError, match="time zone"):
        await journal.record_proposal(proposal(), DRAFT, [note("good"), note("bad", at=NOW.replace(tzinfo=None))])
    assert await journal.proposal("p1") is None
    assert await journal.notes() == []


async def test_proposals_are_found_by_state_signal_and_message(journal: SqlJournal) -> None:
    first, second, other = proposal("p1"), replace(proposal("p2"), signal=proposal("p1").signal, attempt=2), proposal("p3")
    for one, state in ((second, DRAFT), (first, DRAFT), (other, ProposalState.BLOCKED)):
        await journal.record_proposal(one, state)
    assert await journal.proposal_posted("p2", 10, 2**62, LATER)
    found = StoredProposal(second, OPEN, 10, 2**62, LATER)
    assert await journal.proposals([DRAFT, OPEN]) == [StoredProposal(first, DRAFT), found]
    assert await journal.proposals([]) == []
    assert [one.proposal.id for one in await journal.proposals_of(first.signal.id)] == ["p1", "p2"]
    assert await journal.proposal_by_message(2**62) == found
    assert await journal.proposal_by_message(7) is None


@pytest.mark.parametrize("state", [DRAFT, ProposalState.POSTING])
async def test_a_card_is_posted_once(journal: SqlJournal, state: ProposalState) -> None:
    await journal.record_proposal(proposal(), state)
    assert await journal.proposal_posted("p1", 1, 2, LATER)
    assert not await journal.proposal_posted("p1", 3, 4, LATER)
    assert await journal.proposal("p1") == StoredProposal(proposal(), OPEN, 1, 2, LATER)
    assert not await journal.proposal_posted("unknown", 1, 2, LATER)


async def test_a_pending_proposal_is_closed_once_and_told_once(journal: SqlJournal) -> None:
    await journal.record_proposal(proposal(), OPEN)
    assert await journal.close_proposal("p1", ProposalState.VETOED, "ann said no", NOW, [note("vetoed")])
    assert not await journal.close_proposal("p1", ProposalState.EXPIRED, "time", NOW, [note("expired")])
    assert not await journal.close_proposal("unknown", ProposalState.EXPIRED, "time", NOW)
    assert await journal.proposal("p1") == StoredProposal(proposal(), ProposalState.VETOED, reason="ann said no")
    assert [told.id for told in await journal.notes()] == ["vetoed"]


@pytest.mark.parametrize("state", [DRAFT, OPEN, ProposalState.CLAIMED, ProposalState.CLOSED])
async def test_closing_never_grants_and_never_reopens(journal: SqlJournal, state: ProposalState) -> None:
    await journal.record_proposal(proposal(), OPEN)
    with pytest.raises(IllegalEventError):
        await journal.close_proposal("p1", state, "", NOW)
    assert await journal.proposals([OPEN]) == [StoredProposal(proposal(), OPEN)]


async def test_votes_answer_the_latest_change_of_each_person(journal: SqlJournal) -> None:
    await journal.record_proposal(proposal(), OPEN)
    second, minute = timedelta(seconds=1), timedelta(minutes=1)
    approve, veto = vote(), vote(approve=False, voter="bob", at=NOW + second)
    gone, late = vote(present=False, at=NOW + minute), vote(present=True, at=NOW + second)
    for one in (approve, veto, gone, late):
        assert await journal.record_vote(one)
    assert not await journal.record_vote(veto)
    assert await journal.votes("p1") == [veto, gone]
    assert await journal.votes("p2") == []


async def test_a_vote_that_was_not_allowed_is_audited_once(journal: SqlJournal) -> None:
    await journal.record_proposal(proposal(), OPEN)
    stranger = vote(voter="mallory\x00", allowed=False)
    assert await journal.record_vote(stranger)
    assert not await journal.record_vote(stranger)
    await journal.record_vote(vote())
    [row] = await journal.audit_rows()
    assert (row.actor, row.action) == ("mallory\ufffd", "vote not allowed")
    assert "unknown person" in row.body


async def test_a_vote_on_nothing_is_refused(journal: SqlJournal) -> None:
    with pytest.raises(IllegalEventError, match="contradicts"):
        await journal.record_vote(vote("unknown"))
