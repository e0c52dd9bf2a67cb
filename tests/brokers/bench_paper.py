"""The paper broker on the bench: its ledger in this process, and in its own."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from brokers.paper import PaperBroker
from brokers.paper.log import Log
from brokers.paper.records import Accepted, Split
from core.model.instruments import Instrument, Leg
from core.model.orders import OrderEvent
from tests.brokers.bench import LEAD, Bench, HandClock
from tests.brokers.rig import RemoteRig, Rig


class PaperBench:
    """A paper rig as a bench."""

    forceable = frozenset({OrderEvent.FULL_FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REMOVE})
    broker: PaperBroker

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.distant = isinstance(rig, RemoteRig)
        self.clock: HandClock = rig.clock

    async def start(self) -> None:
        await self._rig.start()
        self.broker = self._rig.broker

    async def stop(self) -> None:
        await self._rig.stop()

    async def restart(self) -> None:
        await self._rig.restart()
        self.broker = self._rig.broker

    async def show(self, thing: Instrument, bid: str, ask: str, size: int = 1000) -> None:
        self._rig.market.show(thing, bid, ask, size)

    async def turn(self, seconds: float) -> None:
        self.clock.turn(seconds)

    async def trade_outside(self, legs: tuple[Leg, ...], quantity: int, limit: str) -> None:
        await self.broker.trade_outside(legs, quantity, Decimal(limit))

    async def settle(self, day: date, spots: Mapping[str, Decimal]) -> None:
        self.clock.turn((day - self.clock.now().date()).days * 86_400)
        await self.broker.expire(day, spots)

    async def lose(self, verb: str, when: str) -> None:
        await self._rig.lose(verb, when)

    async def force(self, key: str, event: OrderEvent) -> None:
        if event is OrderEvent.FULL_FILL:
            self._rig.market.show(LEAD, "1.00", "1.01", 100_000)
        elif event is OrderEvent.CANCEL:
            await self.broker.cancel(key)
        elif event is OrderEvent.EXPIRE:
            self.clock.turn(6 * 3600)
        else:
            tomorrow = self.clock.now().date() + timedelta(days=1)
            await self.broker.corporate_action(Split("LEAD", tomorrow, Decimal(2), Decimal(50)))

    async def taken(self) -> Sequence[str | None]:
        self._rig.copies += 1
        copy = self._rig.folder / f"copy-{self._rig.copies}.jsonl"
        copy.write_bytes((self._rig.folder / "ledger.jsonl").read_bytes())
        log = Log(copy)
        try:
            return [record.order.ticket.key for record in log.read() if isinstance(record, Accepted)]
        finally:
            log.close()


BENCHES: Mapping[str, Callable[[Path], Bench]] = {
    "paper in process": lambda folder: PaperBench(Rig(folder)),
    "paper in its own process": lambda folder: PaperBench(RemoteRig(folder)),
}
