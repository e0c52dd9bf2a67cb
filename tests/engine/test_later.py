"""What a broker says about executions that are booked: repetitions, fees that come later, corrections and busts."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.model.orders import Fill, OrderState, Report
from core.portfolio.ledger import corrected, open_position
from tests.engine.door import Door, faulty
from tests.engine.rig import Desk
from tests.kit import nouns


def altered(report: Report, **changes: Any) -> Report:
    return replace(report, fills=tuple(replace(fill, **changes) for fill in report.fills))


async def bought(one: Desk, door: Door, **changes: Any) -> Fill:
    """Shares whose execution the broker tells with some changes."""
    door.change = lambda report: altered(report, **changes)
    await one.react(await one.begin())
    return (await one.journal.fills("paper"))[0]


async def test_f066_a_fee_that_is_unknown_stays_unknown_until_it_is_told(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        door.silent_fills = True
        first = await bought(one, door, fee=None)
        (position,) = one.engine.books.positions.values()
        assert first.fee is None
        assert position.fees_unknown
        before = one.engine.books.cash
        for _ in range(3):
            await one.tick(seconds=70)
        assert one.engine.books.cash == before
        assert one.engine.books.kill.level == 0
        door.traded.append(replace(first, fee=Decimal("1.25")))
        for _ in range(2):
            await one.tick(seconds=10)
        (told,) = await one.journal.fills("paper")
        (position,) = one.engine.books.positions.values()
        assert told == replace(first, fee=Decimal("1.25"))
        assert position.fees == Decimal("1.25")
        assert not position.fees_unknown
        assert one.engine.books.cash == before - Decimal("1.25")


async def test_a_fee_is_told_after_a_restart_and_for_a_closed_position_too(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        door.silent_fills = True
        await bought(one, door, fee=None)
        (position,) = one.engine.books.positions.values()
        await one.engine.close_position(position.id, None, "owner")
    async with faulty(tmp_path, since=one.clock.now()) as (two, _):
        await two.engine.start()
        await two.tick(seconds=10)
        (closed,) = await two.journal.positions("paper", closed_since=nouns.DAY)
        assert not closed.fees_unknown
        assert closed.fees == sum((fill.fee or 0 for fill in await two.journal.fills("paper")), Decimal(0))
        await two.agrees()


async def test_a_rebate_is_a_negative_fee_and_kept(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        told = await bought(one, door, fee=Decimal("-0.12"))
        assert told.fee == Decimal("-0.12")
        (position,) = one.engine.books.positions.values()
        assert position.fees == Decimal("-0.12")


async def test_f052_the_same_execution_twice_is_counted_once_and_another_content_halts(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        told = await bought(one, door)
        door.again = True
        for _ in range(3):
            await one.tick(seconds=10)
        assert one.engine.books.kill.level == 0
        door.traded.append(replace(told, quantity=told.quantity - 3))
        for _ in range(3):
            await one.tick(seconds=10)
        assert one.engine.books.kill.level == 2
        assert await one.journal.fills("paper") == [told]
        assert [fill.version for fill in await one.journal.doubts.versions("paper", told.exec_id)] == [1, 2]
        assert len(await one.told("An execution was corrected")) == 1
        await one.agrees()


@pytest.mark.parametrize("change", [{"quantity": 40}, {"price": Decimal("99.50")}, {"quantity": 0}])
async def test_f053_a_correction_is_kept_halts_and_holds_once_a_person_says_so(tmp_path: Path, change: dict[str, Any]) -> None:
    async with faulty(tmp_path) as (one, door):
        told = await bought(one, door)
        (before,) = one.engine.books.positions.values()
        new = replace(told, version=2, **change)
        door.traded.append(new)
        await one.tick(seconds=10)
        assert one.engine.books.kill.level == 2
        assert one.engine.books.positions == {before.id: before}
        cash = one.engine.books.cash
        assert "holds as the broker corrected it" in await one.engine.adopt(told.exec_id, "owner", None)
        assert one.engine.books.cash == cash + new.cash - told.cash
        assert await one.journal.fills("paper") == [new]
        (order,) = await one.orders()
        assert order.filled == new.quantity
        assert order.state is OrderState.FILLED
        held = one.engine.books.positions.get(before.id)
        assert (held.units if held else 0) == new.quantity
        if held is not None:
            assert held.holdings[0].price == new.price
            assert held.realised == 0
        await one.tick(seconds=10)
        assert len(await one.told("An execution was corrected")) == 1
        assert "waits for a word" in await one.engine.adopt(told.exec_id, "owner", None)


async def test_a_correction_is_told_again_to_nobody_but_halts_again_after_a_restart(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        told = await bought(one, door)
        new = replace(told, version=2, quantity=told.quantity - 1)
        door.traded.append(new)
        await one.tick(seconds=10)
        await one.engine.resume("owner", "looked")
    async with faulty(tmp_path, since=one.clock.now()) as (two, door):
        door.traded.append(new)
        await two.engine.start()
        assert two.engine.books.kill.level == 2
        assert len(await two.told("An execution was corrected")) == 1
        await two.engine.adopt(told.exec_id, "owner", None)
    async with faulty(tmp_path, since=two.clock.now()) as (three, door):
        door.traded.append(new)
        door.held["LEAD"] = -1
        await three.engine.start()
        assert three.engine.books.fills[told.exec_id] == new
        assert three.engine.books.watch.corrected == {}


async def test_an_older_version_that_comes_late_is_old_news(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        told = await bought(one, door, version=2)
        assert told.version == 2
        door.traded.append(replace(told, version=1, quantity=1))
        await one.tick(seconds=10)
        assert await one.journal.fills("paper") == [told]
        assert one.engine.books.kill.level == 0


@pytest.mark.parametrize(("quantity", "price"), [(100, "101"), (60, "100"), (130, "99.5"), (0, "100")])
def test_a_correction_leaves_the_books_as_if_it_had_been_told_at_once(quantity: int, price: str) -> None:
    of = nouns.proposal()
    outer = nouns.envelope(of)
    old = nouns.fill(outer, 100)
    new = replace(old, quantity=quantity, price=Decimal(price), version=2)
    after = corrected(open_position(of, outer, [old], nouns.DAY), outer, old, new)
    if not quantity:
        assert not after.is_open
        assert after.realised == 0
        return
    at_once = open_position(of, outer, [new], nouns.DAY)
    assert (after.holdings, after.units, after.max_loss, after.realised) == (
        at_once.holdings,
        at_once.units,
        at_once.max_loss,
        at_once.realised,
    )
