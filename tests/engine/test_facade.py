"""What the engine answers when it is asked: explain, status, book, pending."""

from decimal import Decimal
from pathlib import Path

import pytest

from core.model.errors import UnknownSymbolError
from core.model.signals import Outcome
from tests.engine.door import faulty
from tests.engine.rig import desk
from tests.kit import nouns


async def test_explain_shows_every_gate_with_value_and_threshold(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        told = await one.engine.explain("LEAD")
        strategy = one.engine.strategies[told.strategy]
        assert [result.name for result in told.results] == [gate.name for gate in strategy.gates]
        assert told.passed
        assert told.score is not None
        assert told.levels is not None
        assert (told.close, told.session) == (100.0, nouns.COMPLETED)


async def test_explain_names_the_gate_that_failed_and_shows_no_levels(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        one.market.names["LEAD"] = nouns.symbol_view("LEAD", features={"distance": 5.5})
        told = await one.engine.explain("LEAD")
        failed = [result for result in told.results if result.outcome is Outcome.FAIL]
        assert [(result.name, result.value, result.threshold) for result in failed] == [("not_extended", 5.5, 4.0)]
        assert not told.passed
        assert (told.score, told.levels) == (None, None)


async def test_explain_does_not_know_what_is_not_in_the_universe(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        with pytest.raises(UnknownSymbolError, match="NOPE"):
            await one.engine.explain("NOPE")


async def test_targets_are_unknown_while_nothing_feeds_them(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        status = await one.engine.status()
        assert all(target.measured is None and target.holds is None for target in status.targets)
        assert (status.mode, status.market_open, status.kill.level) == ("paper", False, 0)
        assert status.reconciled_at == one.clock.now()


async def test_status_counts_what_is_under_way(tmp_path: Path) -> None:
    async with faulty(tmp_path, names=("LEAD", "NEXT")) as (one, door):
        card = await one.begin()
        door.dead.add("submit")

        async def a_while() -> None:
            one.later(milliseconds=30)

        door.before["preview"] = a_while
        await one.react(card)
        status = await one.engine.status()
        assert (status.pending_proposals, status.unfinished_orders, status.doubtful_orders) == (1, 1, 1)
        assert status.open_positions == 0
        assert status.market_open
        assert status.undelivered_notes > 0
        (claim,) = [target for target in status.targets if target.samples]
        assert (claim.name, claim.samples, claim.holds) == ("claim to first byte", 1, True)
        assert claim.measured == pytest.approx(30)


async def test_the_book_reserves_what_is_granted_and_not_yet_held(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        stored = await one.journal.proposal(card)
        assert stored is not None
        door.dead.add("submit")
        await one.react(card)
        book = await one.engine.book()
        assert book.reserved == stored.proposal.max_loss
        assert book.reserved_cash == stored.proposal.cash_need
        assert book.busy == frozenset({"LEAD"})
        assert book.net_liquidation == book.cash == Decimal(100_000)


async def test_the_book_keeps_the_last_sound_value_of_a_position_without_a_quote(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        position = await one.buy()
        one.market.prices["LEAD"] = 104.0
        before = await one.engine.book()
        one.market.spread = -1.0
        after = await one.engine.book()
        assert after.net_liquidation == before.net_liquidation == before.cash + 104 * position.units
        assert (before.stale_marks, after.stale_marks) == (0, 1)
        assert after.positions[0].value is None


async def test_pending_is_sorted_by_age(tmp_path: Path) -> None:
    async with desk(tmp_path, names=("LEAD", "NEXT", "THIRD")) as one:
        await one.begin()
        pending = await one.engine.pending()
        assert len(pending) == 3
        assert [stored.proposal.created_at for stored in pending] == sorted(stored.proposal.created_at for stored in pending)
