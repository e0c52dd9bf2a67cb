"""The whole road over tastytrade: card, approval, order, fill, position, exit, with the real engine, journal and SDK."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from brokers.tastytrade import TastytradeBroker, TastytradeSettings
from core.engine.settings import Expression
from core.model.orders import OrderState
from core.options.choose import OptionPolicy, Structure
from core.ports.broker import Broker, Opening
from tests.brokers.bench_tastytrade import SANDBOX
from tests.engine.rig import EVENING, Desk, desk
from tests.kit.tastytrade.rest import ACCOUNT
from tests.kit.tastytrade.server import Loopback

WIDE = OptionPolicy(min_reward_risk=0.0, max_spread=0.5)


@dataclass
class Seat:
    """Where the engine's broker sits: another one can take the seat."""

    broker: Broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)


@dataclass
class Road:
    """A desk, its broker, and the adapter between them."""

    desk: Desk
    loopback: Loopback
    broker: TastytradeBroker

    async def settled(self) -> None:
        """Journal, memory and broker say the same about holdings and cash, and nothing halted the desk."""
        books = self.desk.engine.books
        held: Counter[str] = Counter()
        for position in books.positions.values():
            held.update({holding.instrument.key: holding.quantity for holding in position.holdings})
        assert await self.broker.positions() == {key: units for key, units in held.items() if units}
        assert (await self.broker.account()).cash == books.cash
        assert books.kill.level == 0, books.kill.reason


@asynccontextmanager
async def road(folder: Path, **changes: Any) -> AsyncIterator[Road]:
    seats: list[Seat] = []

    def wrap(paper: Broker) -> Broker:
        seats.append(Seat(paper))
        return seats[0]

    async with desk(folder, wrap=wrap, **changes) as one:
        loopback = Loopback(folder / "tastytrade.jsonl", now=one.clock.now)
        loopback.desk.market.fill = "limit"
        await loopback.start()
        settings = TastytradeSettings(account=ACCOUNT, seconds=2.0, loopback=loopback.url)
        broker = await settings.open(Opening("paper", live=False, clock=one.clock, secrets=SANDBOX))
        seats[0].broker = broker
        try:
            yield Road(one, loopback, broker)
        finally:
            await broker.close()
            await loopback.close()


async def placed(loopback: Loopback) -> list[str | None]:
    return [row["key"] for row in await loopback.act("ledger") if row["do"] == "place"]


async def test_a_share_goes_the_whole_road_from_the_card_to_the_stop(tmp_path: Path) -> None:
    async with road(tmp_path) as way:
        card = await way.desk.begin()
        assert await way.broker.positions() == {}
        await way.desk.react(card)
        await way.desk.tick(seconds=5)
        (position,) = way.desk.engine.books.positions.values()
        assert await way.broker.positions() == {"LEAD": position.units}
        await way.settled()
        way.desk.market.prices["LEAD"] = 93.0
        await way.desk.tick()
        await way.desk.tick(seconds=5)
        assert way.desk.engine.books.positions == {}
        await way.settled()
        (closed,) = await way.desk.journal.positions("paper", closed_since=position.opened_session)
        assert closed.close_cause == "stop"
        bodies = [body for name, body in way.loopback.desk.seen if name == "submit"]
        assert [leg["action"] for body in bodies for leg in body["legs"]] == ["Buy to Open", "Sell to Close"]
        assert len(await placed(way.loopback)) == 2


@pytest.mark.parametrize("structure", list(Structure))
async def test_options_go_the_road_with_their_fees(tmp_path: Path, structure: Structure) -> None:
    async with road(tmp_path, expression=Expression.OPTIONS) as way:
        way.desk.market.listed = True
        way.desk.engine.options = replace(WIDE, above_limit=structure) if structure is not Structure.LONG_CALL else WIDE
        way.desk.market.iv_rank = 80.0 if structure is not Structure.LONG_CALL else 20.0
        card = await way.desk.begin()
        await way.desk.react(card)
        await way.desk.tick(seconds=5)
        (position,) = way.desk.engine.books.positions.values()
        assert position.structure == structure
        assert position.fees > 0
        assert not position.fees_unknown
        await way.settled()
        way.desk.market.prices["LEAD"] = 85.0
        await way.desk.tick()
        await way.desk.tick(seconds=5)
        assert way.desk.engine.books.positions == {}
        await way.settled()


@pytest.mark.parametrize("after", [True, False])
async def test_f037_f038_a_lost_answer_on_the_road_is_looked_up_and_never_sent_again(tmp_path: Path, *, after: bool) -> None:
    async with road(tmp_path) as way:
        card = await way.desk.begin()
        way.loopback.desk.faults.add(on="submit", kind="lose", after=after)
        await way.desk.react(card)
        for _ in range(8):
            await way.desk.tick(seconds=30)
        (order,) = await way.desk.orders()
        assert order.state is (OrderState.FILLED if after else OrderState.ESCALATED)
        assert await placed(way.loopback) == ([order.key] if after else [])
        assert len(way.desk.engine.books.positions) == int(after)


async def test_a_restart_over_tastytrade_finds_what_was_traded(tmp_path: Path) -> None:
    async with road(tmp_path) as way:
        await way.desk.react(await way.desk.begin())
        await way.desk.tick(seconds=5)
        (before,) = way.desk.engine.books.positions.values()
        now = way.desk.clock.now()
    async with road(tmp_path, since=now) as way:
        await way.desk.engine.start()
        assert list(way.desk.engine.books.positions.values()) == [before]
        await way.settled()
    assert now > EVENING
