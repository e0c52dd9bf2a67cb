"""Interactive Brokers on the bench: a loopback TWS and its Flex service in this process, the real library between."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from core.model.instruments import Instrument, Leg
from core.model.orders import OrderEvent
from tests.brokers.bench import LEAD, Bench
from tests.brokers.ibkr_rig import IbkrRig
from tests.kit.ibkr.flexible import QUERY
from tests.kit.ibkr.ledger import rows

#: The question that a verb of the port asks first.
_ASKED = {
    "account": "summary", "positions": "positions", "find": "open", "open_orders": "completed", "reports": "executions",
    "fills": "open", "submit": "place", "cancel": "cancel",
}  # fmt: skip


class IbkrBench(IbkrRig):
    """See `tests.brokers.bench.Bench`."""

    distant = True
    forceable = frozenset({OrderEvent.FULL_FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE})

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, flex_query=QUERY, flex_minutes=0.0, flex_hours=0.0)

    async def show(self, thing: Instrument, bid: str, ask: str, size: int = 1000) -> None:
        self.do("quote", key=thing.key, bid=bid, ask=ask, size=size)

    async def turn(self, seconds: float) -> None:
        self.clock.turn(seconds)
        self.do("clock", instant=self.clock.now().isoformat())

    async def trade_outside(self, legs: tuple[Leg, ...], quantity: int, limit: str) -> None:
        side = legs[0].side
        told = [[leg.instrument.key, leg.side.upper(), leg.ratio] for leg in legs]
        price = abs(Decimal(limit)) if len(legs) == 1 else side.opposite.sign * Decimal(limit)
        self.do("outside", legs=told, quantity=quantity, limit=str(price))

    async def settle(self, day: date, spots: Mapping[str, Decimal]) -> None:
        await self.turn((day - self.clock.now().date()).days * 86_400)
        self.do("settle", day=day.isoformat(), spots={symbol: str(spot) for symbol, spot in spots.items()})

    async def lose(self, verb: str, when: str) -> None:
        if verb == "transactions":
            self.do("fault", on="flex", what="cut", times=2)
        elif verb in {"submit", "cancel"}:
            self.do("fault", on=_ASKED[verb], what=f"cut {when}")
        else:
            self.do("fault", on=_ASKED[verb], what="cut before")

    async def force(self, key: str, event: OrderEvent) -> None:
        if event is OrderEvent.FULL_FILL:
            self.do("quote", key=LEAD.key, bid="1.00", ask="1.01", size=100_000)
        elif event is OrderEvent.EXPIRE:
            await self.turn(6 * 3600)
        elif event is OrderEvent.CANCEL:
            self.do("turn", ref=key, status="Cancelled")
        else:
            self.do("turn", ref=key, status="Inactive", reason="Order rejected - reason: margin", code=201)
            self.do("turn", ref=key, status="Cancelled", reason="Order rejected - reason: margin")

    async def taken(self) -> Sequence[str | None]:
        return [str(row["ref"]) or None for row in rows(self.folder / "tws.jsonl") if row["kind"] == "order"]


BENCHES: Mapping[str, Callable[[Path], Bench]] = {"Interactive Brokers over a loopback TWS": IbkrBench}
