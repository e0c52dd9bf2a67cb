"""tastytrade on the bench: the real SDK against the loopback broker, in this process."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from brokers.tastytrade import CLIENT_SECRET, REFRESH_TOKEN, TastytradeBroker, TastytradeSettings
from brokers.tastytrade.wire import Wire
from core.model.instruments import Instrument, Leg
from core.model.orders import OrderEvent
from core.model.secrets import Secret
from core.ports.broker import Opening
from tests.brokers.bench import LEAD, Bench, HandClock, approved
from tests.kit.tastytrade.rest import ACCOUNT
from tests.kit.tastytrade.server import Loopback

SANDBOX = {CLIENT_SECRET: Secret("loopback-client-secret"), REFRESH_TOKEN: Secret("loopback-refresh-token")}
PRODUCTION = {CLIENT_SECRET: Secret("live-client-secret"), REFRESH_TOKEN: Secret("live-refresh-token")}
#: What an order is turned to at the broker so that it comes to the event.
STATUS = {
    OrderEvent.ACK: "Routed",
    OrderEvent.LIVE: "Live",
    OrderEvent.FULL_FILL: "Filled",
    OrderEvent.CANCEL: "Cancelled",
    OrderEvent.EXPIRE: "Expired",
    OrderEvent.REMOVE: "Removed",
    OrderEvent.REFUSE: "Rejected",
}


class TastytradeBench:
    """The loopback broker and an adapter on it."""

    distant = True
    forceable = frozenset({OrderEvent.FULL_FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REMOVE, OrderEvent.REFUSE})
    broker: TastytradeBroker
    loopback: Loopback

    def __init__(self, folder: Path, *, production: bool = False, seconds: float = 10.0, account: str = ACCOUNT) -> None:
        self.clock = HandClock()
        self.folder = folder
        self.production = production
        self.seconds = seconds
        self.number = account

    async def start(self) -> None:
        self.loopback = Loopback(self.folder / "tastytrade.jsonl", production=self.production, now=self.clock.now)
        await self.loopback.start()
        await self.show(LEAD, "99.99", "100.01")
        self.broker = await self.open()

    async def open(self, **changes: object) -> TastytradeBroker:
        """Another adapter on the same broker."""
        settings = TastytradeSettings(account=self.number, seconds=self.seconds, loopback=self.loopback.url)
        opening = Opening("tasty", self.production, self.clock, PRODUCTION if self.production else SANDBOX)
        return await settings.open(opening)

    async def stop(self) -> None:
        if hasattr(self, "broker"):
            await self.broker.close()
        await self.loopback.close()

    async def restart(self) -> None:
        await self.broker.close()
        self.broker = await self.open()

    async def show(self, thing: Instrument, bid: str, ask: str, size: int = 1000) -> None:
        await self.loopback.act("show", symbol=thing.key, bid=bid, ask=ask, size=size)

    async def turn(self, seconds: float) -> None:
        self.clock.turn(seconds)

    async def trade_outside(self, legs: tuple[Leg, ...], quantity: int, limit: str) -> None:
        await self.loopback.act("place", body=outside(legs, quantity, limit))

    async def settle(self, day: date, spots: Mapping[str, Decimal]) -> None:
        self.clock.turn((day - self.clock.now().date()).days * 86_400)
        await self.loopback.act("expire", day=day.isoformat(), spots=spots)

    async def lose(self, verb: str, when: str) -> None:
        on = verb if verb in ("submit", "cancel") else "read"
        self.fault(on=on, kind="lose", after=when == "after")

    def hurry(self, seconds: float = 0.3) -> None:
        """From now on the adapter waits no longer than so for an answer."""
        wire = self.broker.line.client._transport
        assert isinstance(wire, Wire)
        wire._seconds = seconds

    def fault(self, **rule: object) -> None:
        """Add one fault; see `tests.kit.tastytrade.faults.Rule`."""
        self.loopback.desk.faults.add(**rule)

    async def force(self, key: str, event: OrderEvent) -> None:
        if event is OrderEvent.FULL_FILL:
            await self.loopback.act("fill", key=key, rows=[(0, 10, "99.00")])
        else:
            await self.loopback.act("turn", key=key, status=STATUS[event], reason="so it was told")

    async def taken(self) -> Sequence[str | None]:
        return [line["key"] for line in await self.loopback.act("ledger") if line["do"] == "place"]


def outside(legs: tuple[Leg, ...], quantity: int, limit: str, key: str | None = None) -> dict[str, object]:
    """The body of an order as somebody else's program would send it."""
    from brokers.tastytrade.tickets import ticket

    body = ticket(approved(limit, quantity, legs)).model_dump(mode="json", exclude_none=True, by_alias=True)
    body.pop("external-identifier")
    return body | ({"external-identifier": key} if key else {})


BENCHES: Mapping[str, Callable[[Path], Bench]] = {"tastytrade": TastytradeBench}
