"""The whole road over Interactive Brokers: card, approval, order, fill, position, exit, with real engine, journal and library."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from brokers.ibkr import IbkrBroker, IbkrSettings
from core.engine.settings import Expression
from core.model.orders import OrderState
from core.options.choose import OptionPolicy, Structure
from core.ports.broker import Broker, Opening
from tests.engine.rig import Desk, desk
from tests.kit.ibkr.control import Control
from tests.kit.ibkr.ledger import rows
from tests.kit.ibkr.server import Tws
from tests.kit.ibkr.world import ACCOUNT

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
    tws: Tws
    broker: IbkrBroker
    folder: Path

    def do(self, command: str, **values: Any) -> Any:
        return Control(self.tws).do(command, **values)

    async def settled(self) -> None:
        """Memory and broker say the same about holdings and cash, and nothing halted the desk."""
        books = self.desk.engine.books
        held: Counter[str] = Counter()
        for position in books.positions.values():
            held.update({holding.instrument.key: holding.quantity for holding in position.holdings})
        assert await self.broker.positions() == {key: units for key, units in held.items() if units}
        assert (await self.broker.account()).cash == books.cash
        assert books.kill.level == 0, books.kill.reason

    def placed(self) -> list[Any]:
        return [row for row in rows(self.folder / "tws.jsonl") if row["kind"] == "order"]


@asynccontextmanager
async def road(folder: Path, **changes: Any) -> AsyncIterator[Road]:
    seats: list[Seat] = []

    def wrap(paper: Broker) -> Broker:
        seats.append(Seat(paper))
        return seats[0]

    async with desk(folder, wrap=wrap, **changes) as one:
        tws = Tws(folder / "tws.jsonl", one.clock.now)
        tws.world.generous = True
        port = await tws.start()
        settings = IbkrSettings(port=port, account=ACCOUNT, sent=str(folder / "sent"), timeout_seconds=2.0, answer_seconds=0.2)
        broker = await settings.open(Opening("paper", live=False, clock=one.clock, secrets={}))
        seats[0].broker = broker
        try:
            yield Road(one, tws, broker, folder)
        finally:
            await broker.close()
            await tws.stop()


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
        assert [row["action"] for row in way.placed()] == ["BUY", "SELL"]


@pytest.mark.parametrize("structure", list(Structure))
async def test_options_go_the_road_as_one_order_each_way(tmp_path: Path, structure: Structure) -> None:
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
        await way.settled()
        way.desk.market.prices["LEAD"] = 85.0
        await way.desk.tick()
        await way.desk.tick(seconds=5)
        assert way.desk.engine.books.positions == {}
        await way.settled()
        assert [len(row["legs"]) for row in way.placed()] == [len(position.holdings)] * 2


@pytest.mark.parametrize("what", ["cut after", "cut before"])
async def test_f037_f038_a_lost_answer_on_the_road_is_looked_up_and_never_sent_again(tmp_path: Path, what: str) -> None:
    async with road(tmp_path) as way:
        card = await way.desk.begin()
        way.do("fault", on="place", what=what)
        await way.desk.react(card)
        for _ in range(8):
            await way.desk.tick(seconds=30)
        (order,) = await way.desk.orders()
        assert order.state is (OrderState.FILLED if what == "cut after" else OrderState.ESCALATED)
        assert [row["ref"] for row in way.placed()] == ([order.key] if what == "cut after" else [])
        assert len(way.desk.engine.books.positions) == int(what == "cut after")


async def test_f059_the_road_waits_while_tws_is_cut_off_and_finds_the_fill_afterwards(tmp_path: Path) -> None:
    async with road(tmp_path) as way:
        way.tws.world.generous = False
        await way.desk.react(await way.desk.begin())
        way.do("down")
        way.do("generous")
        await way.desk.tick(seconds=5)
        assert way.desk.engine.books.positions == {}
        assert await way.desk.told("The broker does not answer")
        way.do("back", code=1101)
        await way.desk.tick(seconds=5)
        await way.desk.tick(seconds=5)
        (position,) = way.desk.engine.books.positions.values()
        assert await way.broker.positions() == {"LEAD": position.units}
        await way.settled()
        assert len(way.placed()) == 1


async def test_a_restart_over_interactive_brokers_finds_what_was_traded(tmp_path: Path) -> None:
    async with road(tmp_path) as way:
        await way.desk.react(await way.desk.begin())
        await way.desk.tick(seconds=5)
        (before,) = way.desk.engine.books.positions.values()
        now = way.desk.clock.now()
    async with road(tmp_path, since=now) as way:
        await way.desk.engine.start()
        assert list(way.desk.engine.books.positions.values()) == [before]
        await way.settled()
