"""The moment of approval: what is priced and vetted again, and what ends a card without an order."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.engine import approve
from core.engine.settings import Policy
from core.model.errors import RetryError
from core.model.notes import Note
from core.model.orders import OrderState
from core.model.proposals import ProposalState
from tests.engine.door import faulty
from tests.engine.rig import Desk, desk


async def edits(one: Desk) -> list[Note]:
    return [note for note in await one.journal.notes() if note.edits]


async def test_a_yes_makes_one_order_at_the_price_of_that_moment(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        one.market.prices["LEAD"] = 99.5
        assert "Approved" in str(await one.react(card))
        (order,) = await one.orders()
        assert order.state is OrderState.FILLED
        assert str(order.limit) == "-99.51"
        assert await one.state(card) is ProposalState.CLOSED
        await one.agrees()


async def test_the_card_of_an_approved_order_says_approved(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.react(await one.begin())
        (note,) = await edits(one)
        assert note.title.endswith(": approved")
        assert "approved by owner" in note.body.lower()


async def test_a_second_yes_changes_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        answers = await asyncio.gather(*[one.react(card, who) for who in ("owner", "partner", "owner")])
        assert sum("Approved" in str(answer) for answer in answers) == 1
        assert len(await one.orders()) == 1
        await one.agrees()


async def test_a_price_beyond_the_band_makes_the_card_stale_and_asks_anew(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        one.market.prices["LEAD"] = 102.0
        assert "A new card" in str(await one.react(card))
        assert await one.state(card) is ProposalState.STALE
        assert await one.orders() == []
        second = (await one.cards())[-1]
        assert second.proposal_id == card.replace(".1", ".2")
        await one.post(str(second.proposal_id), 78)
        assert "Approved" in str(await one.react(str(second.proposal_id)))
        (order,) = await one.orders()
        assert str(order.limit) == "-102.01"


async def test_what_fits_no_more_is_superseded_by_a_smaller_card(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        stored = await one.journal.proposal(card)
        assert stored is not None
        one.engine.books.cash *= Decimal("0.96")
        assert "A new card" in str(await one.react(card))
        assert await one.state(card) is ProposalState.SUPERSEDED
        again = await one.journal.proposal(card.replace(".1", ".2"))
        assert again is not None
        assert again.proposal.quantity < stored.proposal.quantity
        assert await one.orders() == []


async def test_a_rule_that_blocks_now_denies(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        one.market.changes["vix"] = 55.0
        assert "VIX stands at 55.00" in str(await one.react(card))
        assert await one.state(card) is ProposalState.GATE_DENIED
        assert await one.orders() == []


async def test_a_stale_quote_denies(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        one.market.quoted_at = one.clock.now() - timedelta(minutes=2)
        await one.react(card)
        assert await one.state(card) is ProposalState.GATE_DENIED
        assert await one.orders() == []


async def test_a_veto_ends_the_card_for_everybody(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        await one.react(card, "partner", approve=False)
        assert await one.state(card) is ProposalState.VETOED
        assert "Already vetoed" in str(await one.react(card))
        assert await one.orders() == []


@pytest.mark.parametrize("changes", [{"vetoers": ("partner",)}, {"approvers": ()}, {"intact": False, "reason": "edited"}])
async def test_what_discord_says_afresh_counts_more_than_the_reaction(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with desk(tmp_path) as one:
        await one.react(await one.begin(), **changes)
        assert await one.orders() == []


async def test_evidence_that_grew_old_while_prices_were_fetched_is_not_acted_on(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        with pytest.raises(RetryError, match="too old"):
            await one.react(card, read_at=one.clock.now() - timedelta(seconds=6))
        assert await one.state(card) is ProposalState.OPEN
        assert "Approved" in str(await one.react(card))


async def test_a_yes_on_a_card_that_is_not_posted_yet_leaves_it_open(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin(post=False)
        assert "does not stand" in str(await one.react(card))
        assert [stored.proposal.id for stored in await one.engine.pending()] == [card]
        assert await edits(one) == []
        await one.post(card)
        assert "Approved" in str(await one.react(card))


async def test_a_halted_desk_kills_the_card(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        await one.engine.halt("owner", "lunch")
        await one.react(card)
        assert await one.state(card) is ProposalState.KILLED
        (note,) = await edits(one)
        assert note.title.endswith("killed")
        assert await one.orders() == []
        assert await one.engine.pending() == []


async def test_a_card_expires_when_its_time_is_over_and_not_before(tmp_path: Path) -> None:
    async with desk(tmp_path, card_seconds=60) as one:
        card = await one.begin()
        await one.tick(seconds=59)
        assert await one.state(card) is ProposalState.OPEN
        await one.tick(seconds=1)
        assert await one.state(card) is ProposalState.EXPIRED


async def test_a_card_that_could_not_be_posted_is_withdrawn(tmp_path: Path) -> None:
    async with desk(tmp_path, card_seconds=60) as one:
        card = await one.begin(post=False)
        await one.tick(seconds=61)
        assert await one.state(card) is ProposalState.WITHDRAWN


async def test_a_feed_that_fails_at_the_claim_leaves_the_card_open(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        one.market.fails = RetryError("the feed is away")
        with pytest.raises(RetryError):
            await one.react(card)
        one.market.fails = None
        assert await one.state(card) is ProposalState.OPEN
        assert "Approved" in str(await one.react(card))
        await one.agrees()


async def test_a_feed_that_fails_while_the_policy_decides_leaves_nothing_hanging(tmp_path: Path) -> None:
    async with desk(tmp_path, entries=Policy.AUTO) as one:
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        one.market.fails, one.market.answers = RetryError("the feed is away"), 2
        with pytest.raises(RetryError):
            await one.engine.entries()
        one.market.fails = None
        await one.tick()
        assert await one.engine.pending() == []
        (stored,) = await one.journal.proposals(list(ProposalState))
        assert stored.state is ProposalState.WITHDRAWN


async def test_the_claim_runs_to_its_end_when_the_caller_goes_away(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        reached, go = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            reached.set()
            await go.wait()

        door.before["submit"] = slow
        caller = asyncio.create_task(one.react(card))
        await reached.wait()
        caller.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await one.engine.rest()
        (order,) = await one.orders()
        assert order.state is OrderState.FILLED
        await one.agrees()


async def test_a_proposal_is_stored_once_whoever_asks(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        stored = await one.journal.proposal(card)
        assert stored is not None
        await one.react(card, approve=False)
        await approve.decide(one.engine, stored.proposal, await one.engine.view())
        assert await one.engine.pending() == []
        assert await one.state(card) is ProposalState.VETOED


async def test_strangers_and_unknown_cards_get_a_sentence(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        assert "no proposal" in str(await one.react("nothing.1"))
        assert "Withdrawn" in str(await one.react(card, present=False))
        await one.engine.void("nothing.1", "gone")
        await one.engine.void(card, "its message was deleted")
        assert await one.state(card) is ProposalState.VOID
        assert await one.told("tampered")
