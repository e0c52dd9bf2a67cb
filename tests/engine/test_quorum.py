"""Approvals at full strength (C.1, C.3): tiers by what an order can lose, quorum of persons, limits, and what bars a person."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine import quorum
from core.engine.quorum import Approver, Asked, weigh
from core.engine.settings import ApprovalSettings, Tier, Tiers
from core.model.instruments import Leg, Option, Right, Side, Stock
from core.model.proposals import Evidence, ProposalState, Vote
from core.ports.journal import Kill
from tests.engine.rig import Desk, desk
from tests.kit import nouns

TWO = (Approver("owner"), Approver("partner"))
THREE = (*TWO, Approver("third"))


@asynccontextmanager
async def asking(folder: Path, *steps: Tier, approvers: tuple[Approver, ...] = TWO, **changes: Any) -> AsyncIterator[Desk]:
    """A desk with approvers whose orders (about 500 dollars of possible loss) fall into one tier."""
    settings = ApprovalSettings(steps=steps or (Tier(Decimal(5_000), persons=2),), **changes)
    async with desk(folder, approval=settings) as one:
        one.engine.approvers = approvers
        yield one


async def yes(one: Desk, card: str, who: str, standing: tuple[str, ...] = (), source: str = "reaction", **changes: Any) -> str:
    """A person says yes while the reactions of some stand."""
    now = one.clock.now()
    evidence = Evidence((*standing, who), (), intact=True, read_at=now)
    vote = Vote(card, who, approve=True, present=True, allowed=True, source=source, at=now)
    return str(await one.engine.vote(vote, replace(evidence, **changes)))


async def shown(one: Desk) -> str:
    """What the card says about its approvals now."""
    notes = [note for note in await one.journal.notes() if note.decidable]
    return next((field.value for field in notes[-1].fields if field.name == "Approvals so far"), "")


async def test_one_approver_decides_alone_whatever_the_order_can_lose(tmp_path: Path) -> None:
    async with asking(tmp_path, approvers=(Approver("owner"),)) as one:
        card = await one.begin()
        (note,) = await one.cards()
        assert next(field.value for field in note.fields if field.name == "Approval takes") == "1 person"
        assert "Approved" in await yes(one, card, "owner")


async def test_two_persons_are_asked_where_the_order_can_lose_much(tmp_path: Path) -> None:
    async with asking(tmp_path) as one:
        card = await one.begin()
        (note,) = await one.cards()
        assert next(field.value for field in note.fields if field.name == "Approval takes") == "2 persons"
        assert "1 of 2" in await yes(one, card, "owner")
        assert await one.orders() == []
        assert await shown(one) == "1 of 2: owner"
        assert "Approved" in await yes(one, card, "partner", ("owner",))
        (order,) = await one.orders()
        envelope = await one.journal.envelope(order.envelope_id)
        assert envelope is not None
        assert sorted(envelope.approved_by) == ["owner", "partner"]


async def test_two_yes_of_the_same_person_are_one_person(tmp_path: Path) -> None:
    async with asking(tmp_path) as one:
        card = await one.begin()
        await yes(one, card, "owner")
        assert "1 of 2" in await yes(one, card, "owner", ("owner", "owner"), source="button")
        assert await one.orders() == []


async def test_a_yes_that_no_longer_stands_on_discord_does_not_count(tmp_path: Path) -> None:
    async with asking(tmp_path) as one:
        card = await one.begin()
        await yes(one, card, "owner")
        assert "1 of 2: partner" in await yes(one, card, "partner")
        assert await one.orders() == []


async def test_a_yes_that_was_never_recorded_does_not_count(tmp_path: Path) -> None:
    async with asking(tmp_path) as one:
        card = await one.begin()
        assert "partner: not recorded yet" in await yes(one, card, "owner", ("partner",))
        assert await one.orders() == []


async def test_a_withdrawn_yes_is_taken_off_the_count_on_the_card(tmp_path: Path) -> None:
    async with asking(tmp_path) as one:
        card = await one.begin()
        await yes(one, card, "owner")
        one.later(seconds=1)
        await one.react(card, present=False)
        assert await shown(one) == "0 of 2"


async def test_the_count_is_told_a_bounded_number_of_times_however_often_a_reaction_changes(tmp_path: Path) -> None:
    async with asking(tmp_path) as one:
        card = await one.begin()
        for _ in range(60):
            one.later(seconds=1)
            await yes(one, card, "owner")
            one.later(seconds=1)
            await one.react(card, present=False)
        assert len([note for note in await one.journal.notes() if note.id.startswith("count-")]) == quorum.COUNTS_TOLD


async def test_a_veto_of_any_person_ends_a_card_that_others_approved(tmp_path: Path) -> None:
    async with asking(tmp_path, approvers=THREE) as one:
        card = await one.begin()
        await yes(one, card, "owner")
        await one.react(card, "third", approve=False)
        assert await one.state(card) is ProposalState.VETOED
        assert "Already vetoed" in await yes(one, card, "partner", ("owner",))
        assert await one.orders() == []


async def test_the_middle_tier_is_confirmed_with_the_button(tmp_path: Path) -> None:
    async with asking(tmp_path, Tier(Decimal(5_000), confirm=True)) as one:
        card = await one.begin()
        (note,) = await one.cards()
        assert "1 person, confirmed with the button" in {field.value for field in note.fields}
        assert "still want it?" in await yes(one, card, "owner")
        assert "still want it?" in await shown(one)
        assert await one.orders() == []
        assert "Approved" in await yes(one, card, "owner", source=quorum.CONFIRM)


async def test_a_reaction_that_was_missed_counts_after_a_click_only(tmp_path: Path) -> None:
    async with asking(tmp_path, approvers=(Approver("owner"),)) as one:
        card = await one.begin()
        assert "still want it?" in await yes(one, card, "owner", source=quorum.MISSED)
        assert await one.orders() == []
        one.later(seconds=1)
        assert "Approved" in await yes(one, card, "owner", source=quorum.CONFIRM)


async def test_above_the_last_tier_nobody_is_asked(tmp_path: Path) -> None:
    async with asking(tmp_path, Tier(Decimal(100))) as one:
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        assert await one.cards() == []
        (note,) = await one.told("more than the $100.00 that may be approved here")
        assert "no order" in note.title


async def test_an_order_that_takes_more_persons_than_there_are_is_refused_at_once(tmp_path: Path) -> None:
    async with asking(tmp_path, Tier(Decimal(5_000), persons=3)) as one:
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        assert await one.cards() == []
        assert await one.told("it takes 3 persons, and 2 may approve here")


async def test_after_a_halt_in_the_same_session_one_person_more_is_asked(tmp_path: Path) -> None:
    async with asking(tmp_path, Tier(Decimal(5_000)), approvers=THREE) as one:
        card = await one.begin()
        stored = await one.journal.proposal(card)
        assert stored is not None
        assert quorum.asked(one.engine, stored.proposal) == Asked()
        one.engine.books.kill = Kill(0, "owner", "all is well", one.clock.now())
        assert quorum.asked(one.engine, stored.proposal) == Asked(2, reasons=("after a halt today",))
        one.engine.books.kill = Kill(0, "owner", "all is well", one.clock.now() - timedelta(days=1))
        assert quorum.asked(one.engine, stored.proposal) == Asked()


async def test_on_an_expiry_day_and_for_a_naked_short_one_person_more_is_asked_each(tmp_path: Path) -> None:
    async with asking(tmp_path, Tier(Decimal(5_000)), approvers=THREE) as one:
        stored = await one.journal.proposal(await one.begin())
        assert stored is not None
        short = Option("LEAD", one.clock.now().date(), Right.PUT, Decimal(90))
        sold = replace(stored.proposal, legs=(Leg(short, Side.SELL),))
        assert quorum.asked(one.engine, sold) == Asked(3, reasons=("naked short", "expiry day"))


async def test_a_closing_order_always_takes_one_person(tmp_path: Path) -> None:
    async with asking(tmp_path, Tier(Decimal(1), persons=2), tiers=Tiers.ON) as one:
        assert quorum.asked(one.engine, nouns.closing_proposal()) == Asked()


@pytest.mark.parametrize(
    ("person", "words"),
    [
        (Approver("owner", daily_loss=Decimal(100)), "the limit is $100.00"),
        (Approver("owner", daily_count=0), "which is this person's limit"),
    ],
)
async def test_what_a_person_may_approve_on_one_day_is_bounded(tmp_path: Path, person: Approver, words: str) -> None:
    async with asking(tmp_path, approvers=(person,)) as one:
        card = await one.begin()
        assert words in await yes(one, card, "owner")
        assert words in await shown(one)
        assert await one.orders() == []


async def test_what_was_approved_today_is_known_after_a_restart(tmp_path: Path) -> None:
    async with asking(tmp_path, approvers=(Approver("owner"),)) as one:
        await yes(one, await one.begin(), "owner")
        stored = (await one.journal.granted(one.clock.now() - timedelta(hours=1)))[0]
        now = one.clock.now()
    async with asking(tmp_path, approvers=(Approver("owner", daily_loss=stored[2] + 1),)) as one:
        one.clock.turn_to(now)
        barred = await quorum.barred(one.engine, replace(nouns.proposal(), max_loss=stored[2]))
        assert "the limit is" in barred["owner"]
        one.later(days=1)
        assert await quorum.barred(one.engine, replace(nouns.proposal(), max_loss=stored[2])) == {}


def at(one: Desk, *seconds: float) -> list[tuple[Any, Decimal]]:
    return [(one.clock.now() + timedelta(seconds=second), Decimal(1)) for second in seconds]


async def test_a_burst_of_approvals_pauses_that_person(tmp_path: Path) -> None:
    async with asking(tmp_path, burst=3, burst_seconds=60.0, cool_down_seconds=900.0) as one:
        settings = one.engine.settings.approval
        now = one.clock.now()
        assert quorum._paused(settings, at(one, -50, -30, 0), now) is not None
        assert quorum._paused(settings, at(one, -100, -30, 0), now) is None
        assert quorum._paused(settings, at(one, -950, -940, -930), now) is None
        assert quorum._paused(settings, at(one, -850, -840, -830, 0), now) is not None


@pytest.mark.parametrize(
    ("legs", "naked"),
    [
        (((Right.CALL, Side.BUY, 1),), False),
        (((Right.CALL, Side.SELL, 1),), True),
        (((Right.PUT, Side.SELL, 1),), True),
        (((Right.CALL, Side.BUY, 1), (Right.CALL, Side.SELL, 1)), False),
        (((Right.CALL, Side.BUY, 1), (Right.CALL, Side.SELL, 2)), True),
        (((Right.CALL, Side.BUY, 1), (Right.PUT, Side.SELL, 1)), True),
    ],
)
def test_what_is_sold_without_cover_is_naked(legs: tuple[tuple[Right, Side, int], ...], naked: bool) -> None:
    made = [Leg(Option("LEAD", date(2024, 7, 19), right, Decimal(100)), side, ratio) for right, side, ratio in legs]
    assert quorum.naked(made) is naked


def test_hundred_shares_cover_one_call() -> None:
    call = Leg(Option("LEAD", date(2024, 7, 19), Right.CALL, Decimal(100)), Side.SELL)
    assert not quorum.naked([Leg(Stock("LEAD"), Side.BUY, 100), call])
    assert quorum.naked([Leg(Stock("LEAD"), Side.BUY, 99), call])


names = st.sampled_from(["a", "b", "c"])
sources = st.sampled_from(["reaction", "read back", "missed", "button", "confirm", "sure"])
changes = st.lists(st.tuples(names, st.booleans(), st.booleans(), st.booleans(), sources), max_size=6)


@given(changes, st.lists(names, max_size=5), st.integers(1, 3), st.booleans(), st.sets(names))
def test_enough_means_so_many_different_persons_recorded_allowed_standing_and_not_barred(
    told: list[tuple[str, bool, bool, bool, str]], standing: list[str], persons: int, confirm: bool, barred: set[str]
) -> None:
    latest = {(who, word): Vote("p", who, word, here, ok, source, nouns.NOW) for who, word, here, ok, source in told}
    evidence = Evidence(tuple(standing), (), intact=True, read_at=nouns.NOW)
    count = weigh(Asked(persons, confirm), list(latest.values()), evidence, dict.fromkeys(barred, "barred"))
    valid = {vote.voter for vote in latest.values() if vote.approve and vote.present and vote.allowed and vote.source != "missed"}
    valid &= set(standing) - barred
    assert set(count.counted) == valid
    assert len(count.counted) == len(set(count.counted))
    if count.enough:
        assert len(valid) >= persons
        assert not confirm or any(latest[who, True].source in quorum.CONFIRMED for who in valid)
