"""What moves the account beside orders, what a session leaves behind, and what is counted."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from brokers.paper import Delisting, Dividend, Split
from core.engine.settings import Policy
from core.model.market import Features
from core.model.orders import Movement, Transaction
from core.model.proposals import ProposalState
from tests.engine.door import faulty
from tests.engine.rig import Desk, desk
from tests.kit import nouns

DAY = date(2024, 6, 13)


async def movements(one: Desk) -> list[Movement]:
    return [movement.kind for movement in await one.journal.transactions("paper")]


async def test_the_account_opens_with_what_the_broker_holds(tmp_path: Path) -> None:
    async with desk(tmp_path, start_cash=Decimal(54_321)) as one:
        await one.engine.start()
        assert one.engine.books.cash == Decimal(54_321)
        assert one.engine.books.kill.level == 0
        assert await movements(one) == [Movement.DEPOSIT]
        await one.agrees()


async def test_a_split_changes_the_position_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        bought = await one.buy()
        await one.broker.corporate_action(Split("LEAD", DAY, Decimal(2), Decimal(50)))
        one.market.prices["LEAD"] = 50.0
        one.market.names["LEAD"] = nouns.symbol_view("LEAD", features={"sma50": 46.0, "atr14": 2.0, "close": 50.0})
        for _ in range(3):
            await one.tick(days=1)
        (held,) = one.engine.books.positions.values()
        assert (held.units, held.plan.stop) == (2 * bought.units, bought.plan.stop / 2)
        assert sum(units for _, units in held.plan.ladder) == held.units
        assert len(await one.told("LEAD: split")) == 1
        await one.agrees()


async def test_a_dividend_is_paid_once_and_survives_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        bought = await one.buy()
        cash = one.engine.books.cash
        await one.broker.corporate_action(Dividend("LEAD", DAY, Decimal("0.25")))
        await one.tick()
        await one.tick()
        assert one.engine.books.cash == cash + bought.units * Decimal("0.25")
        (held,) = one.engine.books.positions.values()
        assert held.realised == bought.units * Decimal("0.25")
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        await two.tick()
        assert list(two.engine.books.positions.values()) == [held]
        await two.agrees()


async def test_a_reverse_split_pays_cash_in_lieu(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        bought = await one.buy()
        await one.broker.corporate_action(Split("LEAD", DAY, Decimal("0.1"), Decimal(1000)))
        one.market.prices["LEAD"] = 1000.0
        one.market.names["LEAD"] = nouns.symbol_view("LEAD", features={"sma50": 920.0, "atr14": 40.0, "close": 1000.0})
        await one.tick()
        (held,) = one.engine.books.positions.values()
        assert held.units == bought.units // 10
        assert Movement.CASH_IN_LIEU in await movements(one)
        await one.agrees()


async def test_f112_a_delisting_closes_the_position(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        bought = await one.buy()
        await one.broker.corporate_action(Delisting("LEAD", DAY, Decimal("0.40")))
        await one.tick()
        assert one.engine.books.positions == {}
        (closed,) = await one.journal.positions("paper", closed_since=bought.opened_session)
        assert closed.close_cause == "delisting"
        assert one.engine.books.losing_streak == 1
        await one.agrees()


async def test_a_movement_that_makes_no_sense_halts_once_and_the_others_are_booked(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await one.buy()
        door.extra = [Transaction("odd", "paper", one.clock.now(), Movement.SPLIT, "LEAD", 10, Decimal(0), Decimal(0))]
        await one.broker.corporate_action(Dividend("LEAD", DAY, Decimal("0.25")))
        for _ in range(3):
            await one.tick()
        assert one.engine.books.kill.level == 2
        assert len(await one.told("Desk: HALT")) == 1
        assert Movement.DIVIDEND in await movements(one)


async def test_a_movement_that_is_told_late_is_still_booked(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        await one.buy()
        await one.broker.corporate_action(Dividend("LEAD", DAY, Decimal("0.25")))
        await one.tick()
        cash = one.engine.books.cash
        before = one.clock.now() - timedelta(days=9)
        door.extra = [Transaction("late", "paper", before, Movement.DIVIDEND, "LEAD", 0, Decimal(1), Decimal(49))]
        await one.tick()
        await one.tick()
        assert one.engine.books.cash == cash + 49


async def test_fees_are_what_the_broker_charged_and_not_what_was_expected(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        door.change = lambda report: replace(report, fills=tuple(replace(fill, fee=Decimal("7.77")) for fill in report.fills))
        position = await one.buy()
        stored = await one.journal.proposal(position.id)
        assert stored is not None
        assert position.fees == Decimal("7.77") != stored.proposal.fees
        assert not position.fees_unknown


async def test_an_unknown_fee_is_no_zero(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        door.change = lambda report: replace(report, fills=tuple(replace(fill, fee=None) for fill in report.fills))
        position = await one.buy()
        assert position.fees_unknown
        (note,) = await one.told("opened")
        assert next(field.value for field in note.fields if field.name == "Fees") == "n/a"


async def test_the_close_leaves_one_point_of_equity_for_the_session(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        position = await one.buy()
        one.market.prices["LEAD"] = 104.0
        one.later(hours=5)
        await one.engine.close_session()
        await one.engine.close_session()
        (point,) = await one.journal.equity("paper")
        assert one.engine.books.equity == [point]
        assert point.day == nouns.DAY
        assert point.net_liquidation == point.cash + position.units * 104
        assert point.unrealised == position.units * (Decimal(104) - Decimal("100.01"))


async def test_losses_in_a_row_pause_entries_for_a_session_across_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.market.prices["LEAD"] = 93.0
        await one.tick()
        assert one.engine.books.results == [False]
        one.engine.books.results += [False] * 4
        one.later(hours=5)
        await one.engine.close_session()
        assert one.engine.books.paused_session == DAY
        assert await one.told("Entries pause")
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        assert two.engine.books.paused_session == DAY
        assert two.engine.books.losing_streak == 0


async def test_trades_of_the_day_are_counted_across_a_restart_and_start_anew(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.market.prices["LEAD"] = 93.0
        await one.tick()
        assert (await one.engine.book()).trades_today == 2
    async with desk(tmp_path, since=one.clock.now()) as two:
        await two.engine.start()
        assert (await two.engine.book()).trades_today == 2
        two.later(days=1)
        assert (await two.engine.book()).trades_today == 0


async def without_regime(one: Desk) -> None:
    """The index does not exist in this run."""
    await one.engine.start()
    columns = (await one.market.view()).features.columns
    one.market.changes["features"] = Features(columns, {"regime": np.array([True])})
    one.market.changes["vix"] = None


async def test_an_input_that_does_not_exist_blocks_a_strict_desk(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await without_regime(one)
        await one.engine.scan()
        assert await one.journal.signals(nouns.COMPLETED) == []
        assert one.engine.books.absent["gate regime"] == 1


async def test_a_rule_without_its_input_blocks_a_strict_desk(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        await one.engine.scan()
        one.market.changes["vix"] = None
        one.open_market()
        await one.engine.entries()
        (stored,) = await one.journal.proposals(list(ProposalState))
        assert stored.state is ProposalState.BLOCKED
        assert await one.cards() == []
        assert one.engine.books.absent["rule vix"] == 1


async def test_a_replay_counts_what_was_not_evaluated_and_goes_on(tmp_path: Path) -> None:
    async with desk(tmp_path, strict=False, entries=Policy.AUTO) as one:
        await without_regime(one)
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        assert len(one.engine.books.positions) == 1
        assert one.engine.books.absent["gate regime"] == 1
        assert one.engine.books.absent["rule vix"] == 2


async def test_cash_that_does_not_agree_at_the_close_lets_only_exits_through(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.engine.books.cash += 500
        one.later(hours=5)
        await one.engine.close_session()
        assert one.engine.books.kill.level == 1
        assert await one.told("the broker and the journal disagree")
