"""Kill levels: what each forbids, in force at once and across restarts, and what it takes to go on."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from core.engine.confirm import Wish, confirm
from core.model.errors import NotAllowedError, OperatorError
from core.model.kill import Level, forbidden
from core.model.orders import OrderState
from core.model.signals import Intent
from core.ports.journal import Kill
from tests.engine.door import faulty
from tests.engine.halts import paged, standing
from tests.engine.rig import Desk, desk

#: Level, intent -> may it be sent?
TABLE = {
    (0, Intent.OPEN): True, (0, Intent.CLOSE): True,
    (1, Intent.OPEN): False, (1, Intent.CLOSE): True,
    (2, Intent.OPEN): False, (2, Intent.CLOSE): False,
    (3, Intent.OPEN): False, (3, Intent.CLOSE): False,
    (4, Intent.OPEN): False, (4, Intent.CLOSE): True,
}  # fmt: skip


@pytest.mark.parametrize(("level", "intent"), list(product(Level, Intent)))
def test_every_level_forbids_what_the_table_says(level: Level, intent: Intent) -> None:
    assert (forbidden(level, intent) is None) is TABLE[level, intent]


@pytest.mark.parametrize("level", list(Level))
async def test_a_level_holds_after_a_restart(tmp_path: Path, level: Level) -> None:
    async with desk(tmp_path) as one:
        if level:
            await one.engine.halt("owner", "night", level)
        generation = one.engine.books.kill.generation
    async with desk(tmp_path) as one:
        await one.engine.start()
        await one.engine.rest()
        assert one.engine.books.kill.level == level
        assert one.engine.books.kill.generation == generation


@pytest.mark.parametrize("point", ["W5", "W5+", "W6", "W7", "W7+", "W8", "W8+"])
async def test_no_sending_marker_is_written_after_the_commit_of_a_halt(tmp_path: Path, point: str) -> None:
    """Approvals race one halt, which begins at a write point; markers and submits are counted in the moment of its commit."""
    for occasion in (1, 2, 3):
        folder = tmp_path / str(occasion)
        folder.mkdir()
        passed: list[str] = []
        halted: list[asyncio.Future[None]] = []
        counted: list[int] = []
        desks: list[Desk] = []

        def at(name: str, folder: Path = folder, state: tuple[Any, ...] = (passed, halted, counted, desks, occasion)) -> None:
            passed, halted, counted, desks, occasion = state
            passed.append(name)
            if name == "KILL+":
                counted.append(markers(folder))
            elif name == point and passed.count(point) == occasion:
                halted.append(asyncio.ensure_future(desks[0].engine.halt("owner", "stop")))

        async with faulty(folder, at=at, max_cards=8, risk_per_trade=0.002) as (one, door):
            desks.append(one)
            cards = await standing(one, 8)
            await asyncio.gather(*(one.react(card) for card in cards))
            await asyncio.gather(*halted)
            await one.engine.rest()
            assert len(counted) == 1
            assert markers(folder) == counted[0] < len(cards)
            assert len(door.submits) <= counted[0]
            assert max(door.submits.values(), default=1) == 1
            assert counted[0] <= occasion
            await one.agrees()


def markers(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / 'journal.db'}?mode=ro", uri=True)) as reading:
        return int(reading.execute("SELECT count(*) FROM send").fetchone()[0])


async def test_the_file_kill_stops_the_next_order_before_its_socket(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        stands = [False]
        one.engine.pulled = lambda: stands[0]

        async def touch() -> None:
            stands[0] = True

        door.before["preview"] = touch
        await one.react(card)
        assert door.submits == {}
        (order,) = await one.orders()
        assert order.state is OrderState.DENIED
        assert "file KILL" in order.reason
        with pytest.raises(NotAllowedError, match="file KILL"):
            await one.engine.resume("owner", "go")


async def test_only_a_resume_lowers_the_level_and_only_after_the_cool_down(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.halt("owner", "stop", Level.CANCEL_ALL)
        await one.engine.rest()
        await one.engine.halt("partner", "less", Level.REDUCE_ONLY)
        assert one.engine.books.kill.level == Level.CANCEL_ALL
        with pytest.raises(NotAllowedError, match="cools down"):
            await one.engine.resume("owner", "go")
        one.later(minutes=15)
        await one.engine.resume("owner", "go")
        assert one.engine.books.kill.level == (await one.journal.kill()).level == Level.ACTIVE


async def test_a_resume_that_was_decided_before_a_halt_does_not_undo_it(tmp_path: Path) -> None:
    """The level in the journal is looked at inside the transaction that would lower it."""
    async with desk(tmp_path) as one:
        await one.engine.halt("owner", "stop")
        await one.journal.set_kill(Kill(Level.HALT, "another hand", "wait", one.clock.now()))
        with pytest.raises(NotAllowedError, match="another hand: wait"):
            await one.engine.resume("owner", "go")
        assert (await one.journal.kill()).level == Level.HALT


async def test_a_halt_that_the_journal_cannot_keep_still_holds_and_pages(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        pager, card = paged(one), await one.begin()

        async def full(*_: object, **__: object) -> Kill:
            raise OperatorError("the disk is full")

        kept = one.journal.set_kill
        one.journal.set_kill = full  # type: ignore[method-assign]
        with pytest.raises(OperatorError):
            await one.engine.halt("owner", "stop")
        one.journal.set_kill = kept  # type: ignore[method-assign]
        assert one.engine.books.kill.level == Level.HALT
        assert "could not be written down" in pager.text
        await one.react(card)
        assert await one.broker.open_orders() == ()
        assert await one.broker.positions() == {}


async def test_pausing_entries_keeps_managing_exits_across_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        await one.engine.halt("owner", "no more entries", Level.REDUCE_ONLY)
    async with desk(tmp_path) as one:
        one.open_market()
        await one.engine.start()
        assert one.engine.books.kill.level == Level.REDUCE_ONLY
        one.market.prices["LEAD"] = 93.0
        await one.tick()
        await one.tick()
        assert one.engine.books.positions == {}
        await one.agrees()


# two steps


async def test_the_second_step_binds_what_the_first_one_said(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        now = one.clock.now()
        first = Wish("flatten", "anna", "leaving", now, 0)
        assert isinstance(await confirm(one.engine, first, "", 2, "close everything"), str)
        second = Wish("flatten", "bob", "another reason", now, 0)
        done = await confirm(one.engine, second, first.code.upper(), 2, "close everything")
        assert isinstance(done, Wish)
        assert (done.by, done.reason) == ("anna and bob", "leaving")
        with pytest.raises(NotAllowedError, match="wrong or has run out"):
            await confirm(one.engine, second, first.code, 2, "close everything")


async def test_the_code_of_one_action_does_not_fit_another(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        asked = Wish("resume", "anna", "looked", one.clock.now(), 0)
        await confirm(one.engine, asked, "", 1, "go on")
        with pytest.raises(NotAllowedError):
            await confirm(one.engine, Wish("flatten", "anna", "looked", one.clock.now(), 0), asked.code, 1, "close everything")


async def test_f014_what_is_under_way_at_the_end_gets_fifteen_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk does not wait for ever for a broker that does not answer."""
    monkeypatch.setattr("core.engine.engine.REST_SECONDS", 0.2)
    async with desk(tmp_path) as one:
        stuck = one.engine.begin(asyncio.Event().wait())
        began = asyncio.get_running_loop().time()
        await one.engine.rest()
        assert asyncio.get_running_loop().time() - began < 2
        stuck.cancel()
        with suppress(asyncio.CancelledError):
            await stuck


@pytest.mark.parametrize("protected", [False, True])
async def test_the_card_says_when_no_stop_stands_at_the_broker(tmp_path: Path, protected: bool) -> None:
    async with faulty(tmp_path) as (one, door):
        able = replace(door.inner.capabilities, protective_orders=protected)
        monkey = pytest.MonkeyPatch()
        monkey.setattr(type(door.inner), "capabilities", able)
        try:
            await one.begin(post=False)
        finally:
            monkey.undo()
        (card,) = await one.cards()
        stop = next(field.value for field in card.fields if field.name == "Stop (underlying)")
        assert ("no stop at the broker" in stop) is not protected
