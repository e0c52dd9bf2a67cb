"""One signal down the whole road, on the real journal and the real paper ledger."""

from decimal import Decimal
from pathlib import Path

from core.engine.settings import Policy
from core.model.orders import OrderState
from core.model.proposals import ProposalState
from tests.engine.rig import desk


async def test_a_signal_becomes_a_card_an_order_a_position_and_an_exit(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        (card,) = await one.cards()
        assert card.proposal_id is not None
        assert await one.broker.positions() == {}
        await one.post(card.proposal_id)
        await one.react(card.proposal_id)
        (position,) = one.engine.books.positions.values()
        assert await one.broker.positions() == {"LEAD": position.units}
        one.market.prices["LEAD"] = 93.0
        one.later(minutes=1)
        await one.engine.tick()
        assert one.engine.books.positions == {}
        assert await one.broker.positions() == {}
        account = await one.broker.account()
        assert account.cash == one.engine.books.cash
        (closed,) = await one.journal.positions("paper", closed_since=position.opened_session)
        assert closed.close_cause == "stop"
        assert account.cash == one.engine.settings.start_cash + closed.realised - closed.fees


async def test_a_stranger_changes_nothing_and_is_noted(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        (card,) = await one.cards()
        assert card.proposal_id is not None
        await one.post(card.proposal_id)
        answer = await one.react(card.proposal_id, "stranger", allowed=False)
        assert answer is not None
        assert "not" in answer
        stored = await one.journal.proposal(card.proposal_id)
        assert stored is not None
        assert stored.state is ProposalState.OPEN
        assert await one.broker.open_orders() == ()
        assert any("stranger" in row.body or row.actor == "stranger" for row in await one.journal.audit_rows())


async def test_a_card_nobody_answers_expires(tmp_path: Path) -> None:
    async with desk(tmp_path, card_seconds=60) as one:
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        (card,) = await one.cards()
        assert card.proposal_id is not None
        await one.post(card.proposal_id)
        one.later(seconds=61)
        await one.engine.tick()
        stored = await one.journal.proposal(card.proposal_id)
        assert stored is not None
        assert stored.state is ProposalState.EXPIRED
        assert await one.react(card.proposal_id) is not None
        assert await one.broker.positions() == {}


async def test_the_policy_may_approve_and_a_restart_finds_the_position(tmp_path: Path) -> None:
    async with desk(tmp_path, entries=Policy.AUTO) as one:
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        (position,) = one.engine.books.positions.values()
        (order,) = await one.journal.orders(position.opened_at)
        assert order.state is OrderState.FILLED
        cash = one.engine.books.cash
    async with desk(tmp_path, entries=Policy.AUTO) as two:
        two.open_market()
        await two.engine.start()
        assert tuple(two.engine.books.positions.values()) == (position,)
        assert two.engine.books.cash == cash
        assert two.engine.books.kill.level == 0
        await two.engine.entries()
        assert len(two.engine.books.positions) == 1
        assert two.engine.books.cash < Decimal(100_000)
