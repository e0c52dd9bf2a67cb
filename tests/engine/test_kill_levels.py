"""Kill levels: what each forbids, in force at once and across restarts, and what it takes to go on."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.engine import halt
from core.engine.confirm import Wish, confirm
from core.engine.settings import Policy
from core.model.errors import NotAllowedError, OperatorError
from core.model.kill import Level, forbidden
from core.model.market import SymbolView
from core.model.orders import OrderState
from core.model.signals import Intent
from core.ports.journal import Kill
from tests.engine.door import faulty
from tests.engine.rig import Desk, desk
from tests.kit import nouns

#: Level, intent -> may it be sent?
TABLE = {
    (0, Intent.OPEN): True, (0, Intent.CLOSE): True,
    (1, Intent.OPEN): False, (1, Intent.CLOSE): True,
    (2, Intent.OPEN): False, (2, Intent.CLOSE): False,
    (3, Intent.OPEN): False, (3, Intent.CLOSE): False,
    (4, Intent.OPEN): False, (4, Intent.CLOSE): True,
}  # fmt: skip


def leaders(count: int) -> dict[str, SymbolView]:
    """So many names that pass every gate, with bars of their own and in different sectors, so that no rule holds one back."""
    random = np.random.default_rng(1)
    found = {}
    for number in range(count):
        closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, 260))[::-1])
        symbol, sector = f"N{number:02d}", ("Energy", "Industrials", "Technology", "Utilities", "Materials")[number % 5]
        found[symbol] = nouns.symbol_view(symbol, bars=nouns.bars(closes), sector=sector)
    return found


async def standing(one: Desk, count: int) -> list[str]:
    """So many cards that wait in their channel."""
    one.market.names = leaders(count)
    await one.begin(post=False)
    cards = [str(card.proposal_id) for card in await one.cards()]
    for number, card in enumerate(cards):
        await one.post(card, 100 + number)
    assert len(cards) == count
    return cards


class Pager:
    """Stands where people are reached."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, str]] = []

    def page(self, title: str, body: str) -> None:
        self.pages.append((title, body))

    @property
    def text(self) -> str:
        return str(self.pages)


def paged(one: Desk) -> Pager:
    pager = Pager()
    one.engine.pager = pager
    return pager


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


# cancel all


async def resting(one: Desk) -> str:
    """An exit that waits at the broker because nobody bids for it; its key."""
    await one.buy()
    one.market.size = 0
    one.market.prices["LEAD"] = 93.0
    await one.tick()
    (report,) = await one.broker.open_orders()
    assert report.key is not None
    return report.key


async def test_cancel_all_cancels_what_is_open_and_tells(tmp_path: Path) -> None:
    async with desk(tmp_path, walk_seconds=3600.0) as one:
        pager, key = paged(one), await resting(one)
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert await one.broker.open_orders() == ()
        assert await one.told("1 were found")
        await one.tick()
        order = await one.journal.order(key)
        assert order is not None
        assert order.state is OrderState.CANCELLED
        assert "HALT, EVERY ORDER CANCELLED" in pager.text
        await one.agrees()


async def test_cancel_all_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path, walk_seconds=3600.0) as one:
        await resting(one)
        await one.journal.set_kill(Kill(Level.CANCEL_ALL, "owner", "killed right after the commit", one.clock.now()))
    async with desk(tmp_path) as one:
        one.open_market()
        await one.engine.start()
        await one.engine.rest()
        assert await one.broker.open_orders() == ()


async def test_what_cannot_be_cancelled_is_paged_after_a_minute(tmp_path: Path) -> None:
    async with faulty(tmp_path, walk_seconds=3600.0) as (one, door):
        pager, key = paged(one), await resting(one)
        door.dead.add("cancel")
        began = one.clock.now()
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert timedelta(seconds=60) <= one.clock.now() - began <= timedelta(seconds=62)
        assert "Open orders could not be cancelled" in pager.text
        assert key in pager.text
        assert door.asked["cancel"] > 10


async def test_a_broker_that_does_not_say_what_is_open_is_no_empty_list(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        pager = paged(one)
        door.dead.add("open_orders")
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert "the broker does not say what is open" in pager.text
        assert not await one.told("two looks in a row found none")


async def test_f062_orders_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    async with faulty(tmp_path, walk_seconds=3600.0) as (one, door):
        key = await resting(one)
        door.change = lambda report: replace(report, key="typed by hand at the broker")
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert door.asked["cancel"] == 0
        (report,) = await one.broker.open_orders()
        assert report.key == key


async def test_an_order_of_unknown_outcome_is_named_when_everything_was_cancelled(tmp_path: Path) -> None:
    async with faulty(tmp_path) as (one, door):
        card = await one.begin()
        pager = paged(one)
        door.dead |= {"submit", "find"}
        await one.react(card)
        (doubt,) = one.engine.books.doubtful()
        await one.engine.halt("owner", "everything off", Level.CANCEL_ALL)
        await one.engine.rest()
        assert "Orders of unknown outcome may still be open" in pager.text
        assert doubt.key in pager.text


# flatten


async def test_flatten_closes_everything_with_limit_orders_inside_their_bands(tmp_path: Path) -> None:
    async with desk(tmp_path, exits=Policy.ASK) as one:
        for card in await standing(one, 2):
            await one.react(card)
        assert len(one.engine.books.positions) == 2
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        for _ in range(3):
            await one.tick(seconds=30)
        assert one.engine.books.positions == {}
        assert await one.broker.positions() == {}
        closing = [order for order in await one.orders() if order.limit > 0]
        assert len(closing) == 2
        for order in closing:
            envelope = await one.journal.envelope(order.envelope_id)
            assert envelope is not None
            assert envelope.intent is Intent.CLOSE
            assert order.limit >= envelope.floor > 0
        await one.tick()
        assert len(await one.told("Nothing is held and nothing is under way")) == 1
        await one.agrees()


async def test_flatten_goes_on_after_a_restart_and_waits_for_the_open(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.later(hours=8)
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        await one.engine.tick()
        assert len(one.engine.books.positions) == 1
        tonight = one.clock.now()
    async with desk(tmp_path, since=tonight) as one:
        await one.engine.start()
        await one.engine.rest()
        one.later(hours=16)
        await one.tick()
        await one.tick()
        assert one.engine.books.positions == {}
        await one.agrees()


async def test_a_flatten_that_nobody_takes_is_tried_again_and_sends_each_child_once(tmp_path: Path) -> None:
    async with faulty(tmp_path, walk=(1.0,), walk_seconds=20.0) as (one, door):
        await one.buy()
        one.market.size = 0
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        for _ in range(6):
            await one.tick(seconds=25)
        one.market.size = 10_000
        for _ in range(6):
            await one.tick(seconds=25)
        assert one.engine.books.positions == {}
        assert set(door.submits.values()) == {1}
        await one.agrees()


async def test_a_persons_halt_stops_a_flatten_and_an_alarm_does_not(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        one.market.size = 0
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        await halt.alarm(one.engine, "something that cannot be")
        assert one.engine.books.kill.level == Level.FLATTEN
        await one.engine.halt("partner", "stop that")
        await one.engine.rest()
        assert one.engine.books.kill.level == (await one.journal.kill()).level == Level.CANCEL_ALL
        one.market.size = 10_000
        await one.tick()
        assert len(one.engine.books.positions) == 1


async def test_a_pending_entry_card_cannot_be_approved_while_everything_is_closed(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        await one.engine.halt("owner and approver", "leaving", Level.FLATTEN)
        await one.engine.rest()
        assert "kill level 4 allows only orders that close" in str(await one.react(card))


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
