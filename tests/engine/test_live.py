"""A live account: settings, broker and journal must agree on it, its first day is written down, and its broker's limits bind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.engine import balances, standing
from core.engine.settings import Expression, GateSettings
from core.model.orders import OrderState
from core.model.proposals import Decision
from core.model.signals import Intent
from core.options.choose import Structure
from core.ports.broker import Account, Capabilities
from tests.engine.door import Door
from tests.engine.rig import Desk, desk
from tests.engine.test_options_road import listed

LIVE = Capabilities("somebody", live=True)


class LiveDoor(Door):
    """A broker that says that real money is traded; `told` changes what it reports of the account."""

    __slots__ = ("able", "told")

    able: Capabilities
    told: dict[str, Any]

    @property
    def capabilities(self) -> Capabilities:
        return self.able

    async def account(self) -> Account:
        return replace(await self.inner.account(), **self.told)


@asynccontextmanager
async def live(folder: Path, able: Capabilities = LIVE, **changes: Any) -> AsyncIterator[tuple[Desk, LiveDoor]]:
    doors: list[LiveDoor] = []

    def wrap(broker: Any) -> LiveDoor:
        doors.append(_as(broker, able))
        return doors[0]

    async with desk(folder, wrap=wrap, **changes) as one:
        one.engine.live = True
        yield one, doors[0]


async def test_an_account_that_settings_broker_and_journal_call_live_trades(tmp_path: Path) -> None:
    async with live(tmp_path) as (one, _):
        assert (await one.buy()).units > 0
        assert await one.journal.setting("mode:paper") == "live"


async def test_f064_a_live_broker_behind_paper_settings_gets_no_order(tmp_path: Path) -> None:
    async with live(tmp_path) as (one, door):
        one.engine.live = False
        await one.react(await one.begin())
        assert door.submits == {}
        assert await one.told("The settings say paper, the broker says live, the journal was begun as paper")


async def test_f064_a_journal_that_was_begun_on_paper_is_never_traded_live(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        now = one.clock.now()
    async with live(tmp_path, since=now) as (two, door):
        await two.engine.start()
        two.market.prices["LEAD"] = 93.0
        await two.tick(seconds=5)
        assert door.submits == {}
        assert await two.told("the journal was begun as paper")


async def test_the_first_live_day_is_written_down_once_and_sessions_are_counted_from_it(tmp_path: Path) -> None:
    async with live(tmp_path) as (one, _):
        await one.engine.start()
        one.open_market()
        assert (await one.engine.book()).standing is not None
        first = await one.journal.setting("live_since:paper")
        one.later(days=7)
        assert await standing.live_day(one.engine) == 5
        now = one.clock.now()
    async with live(tmp_path, since=now) as (two, _):
        assert await two.journal.setting("live_since:paper") == first
        assert await standing.live_day(two.engine) == 5


async def test_a_paper_account_has_no_live_day(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        assert (await one.engine.book()).standing is None
        assert await one.journal.setting("live_since:paper") is None
        assert (await standing.limits(one.engine)) == GateSettings()


async def test_the_first_live_days_are_traded_with_tighter_limits(tmp_path: Path) -> None:
    async with live(tmp_path, start_cash=Decimal(1_000_000)) as (one, _):
        card = await one.begin()
        stored = await one.journal.proposal(card)
        assert stored is not None
        assert stored.proposal.max_loss <= 500
        assert (await standing.limits(one.engine)).per_minute == 6
        one.later(days=60)
        assert (await standing.limits(one.engine)) == GateSettings()


async def test_the_ramp_can_be_switched_off(tmp_path: Path) -> None:
    async with live(tmp_path, start_cash=Decimal(1_000_000)) as (one, _):
        one.engine.rules = tuple(rule for rule in one.engine.rules if rule.name != "live_ramp")
        stored = await one.journal.proposal(await one.begin())
        assert stored is not None
        assert stored.proposal.max_loss > 500
        assert (await standing.limits(one.engine)) == GateSettings()


@pytest.mark.parametrize(
    ("told", "words"),
    [({"day_trades_left": 0}, "0 more day trades"), ({"closing_only": "a margin call"}, "only close positions: a margin call")],
)
async def test_the_brokers_limits_on_the_account_block_entries_and_no_exit(
    tmp_path: Path, told: dict[str, Any], words: str
) -> None:
    async with live(tmp_path) as (one, door):
        await one.buy()
        door.told = told
        await balances.refresh(one.engine)
        view, book = await one.engine.view(), await one.engine.book()
        (stored,) = await one.journal.proposals_of((await one.journal.signals(view.completed))[0].id)
        fresh = [rule.check(stored.proposal, book, view) for rule in one.engine.rules if rule.name == "account_limits"]
        assert fresh[0].decision is Decision.BLOCK
        assert words in fresh[0].reason
        one.market.prices["LEAD"] = 93.0
        await one.tick(seconds=5)
        assert one.engine.books.positions == {}


async def test_a_stop_of_the_day_is_known_to_the_cool_down(tmp_path: Path) -> None:
    async with live(tmp_path) as (one, _):
        await one.buy()
        one.market.prices["LEAD"] = 93.0
        await one.tick(seconds=5)
        book = await one.engine.book()
        assert book.standing is not None
        assert [symbol for _, symbol in book.standing.stops] == ["LEAD"]


@pytest.mark.parametrize(
    ("able", "words"),
    [
        (replace(LIVE, stock=False), "may not trade shares"),
        (replace(LIVE, most_legs=0), "takes 0 leg(s)"),
    ],
)
async def test_what_the_account_cannot_take_as_one_order_is_no_card(tmp_path: Path, able: Capabilities, words: str) -> None:
    async with live(tmp_path, able) as (one, _):
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        assert await one.cards() == []
        assert await one.told(words)
        assert [signal.intent for signal in await one.journal.signals((await one.engine.view()).completed)] == [Intent.OPEN]


async def test_f077_a_clock_that_jumps_opens_nothing_until_it_kept_pace_for_a_minute(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        await one.tick(seconds=1)
        ticking = one.clock.monotonic
        skew = one.engine.books.skew

        class Jumped:
            """The same clock, its wall set forward by three seconds."""

            def now(self) -> Any:
                return one.clock.now() + timedelta(seconds=3)

            def monotonic(self) -> float:
                return ticking()

        skew.look(Jumped(), 1.0)  # type: ignore[arg-type]  # only what a look reads
        assert skew.off(ticking()) == pytest.approx(3.0)
        await one.react(card)
        (order,) = await one.orders()
        assert order.state is OrderState.DENIED
        assert await one.told("The clock may be off by 3.00 s")
        for _ in range(3):
            one.later(seconds=31)
            skew.look(one.clock, 1.0)
        assert skew.off(ticking()) == 0.0


async def test_f078_a_reference_that_is_silent_for_an_hour_leaves_the_clock_unknown(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        skew, clock = one.engine.books.skew, one.clock
        skew.compared(0.4, clock.monotonic())
        assert skew.off(clock.monotonic()) == pytest.approx(0.4)
        one.later(minutes=59)
        assert skew.off(clock.monotonic()) == pytest.approx(0.4)
        one.later(minutes=2)
        assert skew.off(clock.monotonic()) == float("inf")


SHAPES = {
    "no options": (replace(LIVE, live=False, options=False), Structure.LONG_CALL, "may not trade options"),
    "level 1": (replace(LIVE, live=False, option_level=1), Structure.LONG_CALL, "takes option level 2"),
    "level 2": (replace(LIVE, live=False, option_level=2), Structure.CALL_DEBIT_SPREAD, "opening a spread takes option level 3"),
    "one leg": (
        replace(LIVE, live=False, multi_leg=False),
        Structure.CALL_DEBIT_SPREAD,
        "takes 1 leg(s) in one order",
    ),
}


@pytest.mark.parametrize(("able", "structure", "words"), SHAPES.values(), ids=list(SHAPES))
async def test_a_spread_that_is_not_taken_whole_is_never_legged_in(
    tmp_path: Path, able: Capabilities, structure: Structure, words: str
) -> None:
    async with listed(tmp_path, structure, wrap=lambda broker: _as(broker, able)) as one:
        await one.engine.start()
        await one.engine.scan()
        one.open_market()
        await one.engine.entries()
        assert await one.cards() == []
        assert len(await one.told(words)) == 1
        assert await one.orders() == []


async def test_where_options_are_not_allowed_shares_are_proposed_and_the_card_says_why(tmp_path: Path) -> None:
    able = replace(LIVE, live=False, options=False)
    async with listed(tmp_path, wrap=lambda broker: _as(broker, able), expression=Expression.OPTIONS_FIRST) as one:
        stored = await one.journal.proposal(await one.begin())
        assert stored is not None
        assert stored.proposal.structure == "stock"
        assert "may not trade options, so no long call is proposed" in stored.proposal.remarks[0]


def _as(broker: Any, able: Capabilities) -> LiveDoor:
    door = LiveDoor(broker)
    door.able, door.told = able, {}
    return door
