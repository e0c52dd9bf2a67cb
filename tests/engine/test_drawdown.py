"""A size that was halved on the card is not halved again at the claim."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.model.positions import EquityPoint
from core.model.proposals import Decision, ProposalState
from tests.engine.rig import Desk, desk
from tests.kit import nouns

START = Decimal(100_000)


def fallen(one: Desk, share: str) -> None:
    """The account was higher once and stands where it started since the last session."""
    high, zero = START / (1 - Decimal(share)), Decimal(0)
    points = ((nouns.COMPLETED - timedelta(days=1), high), (nouns.COMPLETED, START))
    one.engine.books.equity = [EquityPoint("paper", day, worth, worth, zero, zero, zero) for day, worth in points]


async def card_in_a_drawdown(one: Desk) -> str:
    await one.engine.start()
    fallen(one, "0.11")
    await one.engine.scan()
    one.open_market()
    await one.engine.entries()
    (card, *_) = await one.cards()
    await one.post(str(card.proposal_id))
    return str(card.proposal_id)


@pytest.mark.parametrize("risk", [0.005, 0.0003])
async def test_a_halved_order_is_sent_as_it_was_approved(tmp_path: Path, risk: float) -> None:
    """Also when half of it is one unit, which could not be halved once more."""
    async with desk(tmp_path, risk_per_trade=risk) as one:
        card = await card_in_a_drawdown(one)
        stored = await one.journal.proposal(card)
        assert stored is not None
        (halved,) = (verdict for verdict in stored.proposal.verdicts if verdict.rule == "drawdown")
        assert halved.decision is Decision.TRIM
        assert "Approved" in str(await one.react(card))
        (order,) = await one.orders()
        assert order.quantity == stored.proposal.quantity


async def test_a_drawdown_that_forbids_entries_by_then_still_denies(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await card_in_a_drawdown(one)
        fallen(one, "0.16")
        assert "16.00 % below its high" in str(await one.react(card))
        assert await one.state(card) is ProposalState.GATE_DENIED
        assert await one.orders() == []
