"""The account, its orders and the market that it trades in. Every change is a row of the ledger first."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from core.model.instruments import Instrument, Option, Stock, instrument
from tests.kit.ibkr.ledger import Ledger, rows

ACCOUNT = "DU1234567"
OPEN = ("PendingSubmit", "PreSubmitted", "Submitted", "PendingCancel", "Inactive")


@dataclass
class TwsLeg:
    """One leg: our key, IB's number, BUY or SELL for an order that buys."""

    key: str
    con_id: int
    action: str
    ratio: int = 1


@dataclass
class TwsOrder:
    """An order as the loopback holds it."""

    perm: int
    order_id: int
    client: int
    ref: str
    action: str
    quantity: int
    limit: str
    legs: list[TwsLeg]
    combo: bool
    status: str = "PendingSubmit"
    filled: int = 0
    reason: str = ""
    at: str = ""
    ended_at: str = ""
    seen_from: float = 0.0
    account: str = ACCOUNT

    @property
    def open(self) -> bool:
        return self.status in OPEN

    def sign(self, leg: TwsLeg) -> int:
        """+1 when the leg is bought."""
        return 1 if (leg.action == "BUY") is (self.action == "BUY") else -1


@dataclass
class TwsExecution:
    """An execution; `key` is empty for the line of a combo as a whole."""

    exec_id: str
    perm: int
    key: str
    con_id: int
    side: str
    shares: int
    price: str
    at: str
    commission: str = "1.0"
    currency: str = "USD"
    corrects: str = ""


@dataclass
class Market:
    bid: Decimal
    ask: Decimal
    bid_size: int
    ask_size: int


@dataclass
class World:
    """Everything that is true; made anew from the ledger after a restart."""

    path: Path
    now: Callable[[], datetime]
    cash: Decimal = Decimal(100_000)
    generous: bool = False
    orders: dict[int, TwsOrder] = field(default_factory=dict)
    executions: list[TwsExecution] = field(default_factory=list)
    contracts: dict[int, str] = field(default_factory=dict)
    market: dict[str, Market] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    events: list[dict[str, object]] = field(default_factory=list)
    forgotten: int = 0
    at: str = ""

    def __post_init__(self) -> None:
        for row in rows(self.path):
            self._apply(dict(row))
        self.ledger = Ledger(self.path)

    def record(self, kind: str, **values: object) -> None:
        """One change: on disk, then true."""
        row = {"kind": kind, "now": self.now().isoformat(), **values}
        self.ledger.append(row)
        self._apply(row)

    def con_id(self, key: str) -> int:
        """IB's number of a contract; the same in every run."""
        number = int(hashlib.sha256(key.encode()).hexdigest()[:7], 16) + 1
        if number not in self.contracts:
            self.record("contract", number=number, key=key)
        return number

    def thing(self, con_id: int) -> Instrument | None:
        """The instrument of a number."""
        key = self.contracts.get(con_id)
        return instrument(key) if key else None

    def quoted(self, key: str) -> Market | None:
        """The market of an instrument, when it has one."""
        return self.market.get(key)

    def by_id(self, client: int, order_id: int) -> TwsOrder | None:
        """The latest order under an id of a client."""
        found = [order for order in self.orders.values() if (order.client, order.order_id) == (client, order_id)]
        return found[-1] if found else None

    def by_ref(self, ref: str) -> TwsOrder:
        """The latest order with a reference."""
        return [order for order in self.orders.values() if order.ref == ref][-1]

    def placed(self, order: TwsOrder) -> TwsOrder:
        """Take an order."""
        self.record("order", **asdict(order))
        return self.orders[order.perm]

    def turn(self, order: TwsOrder, status: str, reason: str = "") -> None:
        """Give an order another status."""
        self.record("status", perm=order.perm, status=status, reason=reason)

    def execute(self, order: TwsOrder, units: int, prices: list[Decimal], legs: list[int] | None = None) -> list[TwsExecution]:
        """Fill units of an order, or only some of its legs (by place), at a price for each leg."""
        chosen = range(len(order.legs)) if legs is None else legs
        made = []
        if order.combo and legs is None:
            net = sum((p * leg.ratio * order.sign(leg) for p, leg in zip(prices, order.legs, strict=True)), Decimal(0))
            made.append(self._execution(order, "", 0, "BOT" if order.action == "BUY" else "SLD", units, abs(net)))
        for place in chosen:
            leg = order.legs[place]
            side = "BOT" if order.sign(leg) > 0 else "SLD"
            made.append(self._execution(order, leg.key, leg.con_id, side, units * leg.ratio, prices[place]))
        filled = order.filled + (units if legs is None else 0)
        if legs is None:
            self.record("filled", perm=order.perm, filled=filled, status="Filled" if filled >= order.quantity else order.status)
        return made

    def _execution(self, order: TwsOrder, key: str, con_id: int, side: str, shares: int, price: Decimal) -> TwsExecution:
        exec_id = f"0000e0d5.{order.perm:08x}.{len(self.executions) + 1:04x}.01"
        thing = instrument(key) if key else None
        fee = Decimal("0.65") * shares if isinstance(thing, Option) else max(Decimal(1), Decimal("0.005") * shares)
        made = TwsExecution(
            exec_id, order.perm, key, con_id, side, shares, str(price), self.now().isoformat(), str(fee if key else 0)
        )
        self.record("execution", **asdict(made))
        return made

    def correct(self, exec_id: str, shares: int, price: Decimal) -> TwsExecution:
        """Say an execution again with other figures, under the next number."""
        old = next(one for one in self.executions if one.exec_id == exec_id)
        base, _, number = old.exec_id.rpartition(".")
        values = {
            **asdict(old),
            "exec_id": f"{base}.{int(number) + 1:02d}",
            "shares": shares,
            "price": str(price),
            "corrects": exec_id,
        }
        made = TwsExecution(**values)
        self.record("execution", **asdict(made))
        return made

    def move(self, key: str, quantity: int, cash: Decimal) -> None:
        """Change a holding without an execution (assignment, expiry, split)."""
        self.record("move", key=key, quantity=quantity, cash=str(cash))

    def next_id(self, client: int) -> int:
        """Next valid order id of a client; a reset forgets the orders before it."""
        used = [order.order_id for order in self.orders.values() if order.client == client and order.perm > self.forgotten]
        return max(used, default=0) + 1

    def next_perm(self) -> int:
        """A permanent id that was never given."""
        return max(self.orders, default=1_000_000_000) + 1

    def _apply(self, row: dict[str, object]) -> None:
        self.at = str(row["now"])
        getattr(self, f"_on_{row.pop('kind')}")(**{name: value for name, value in row.items() if name != "now"})

    def _on_order(self, **values: object) -> None:
        legs = [TwsLeg(**leg) for leg in values.pop("legs")]  # type: ignore[attr-defined]
        order = TwsOrder(**values, legs=legs)  # type: ignore[arg-type]
        self.orders[order.perm] = order

    def _on_status(self, perm: int, status: str, reason: str) -> None:
        order = self.orders[perm]
        order.status, order.reason = status, reason or order.reason
        if not order.open:
            order.ended_at = self.at

    def _on_filled(self, perm: int, filled: int, status: str) -> None:
        order = self.orders[perm]
        order.filled, order.status = filled, status
        order.ended_at = self.at if not order.open else ""

    def _on_execution(self, **values: object) -> None:
        made = TwsExecution(**values)  # type: ignore[arg-type]
        old = next((one for one in self.executions if one.exec_id == made.corrects), None)
        for one, sign in ((old, -1), (made, 1)):
            if one is not None and one.key:
                thing = instrument(one.key)
                signed = sign * one.shares * (1 if one.side == "BOT" else -1)
                self._hold(one.key, signed)
                self.cash -= signed * Decimal(one.price) * thing.multiplier + sign * Decimal(one.commission)
        self.executions.append(made)

    def _on_move(self, key: str, quantity: int, cash: str) -> None:
        if key:
            self._hold(key, quantity)
        self.cash += Decimal(cash)

    def _on_event(self, row: dict[str, object]) -> None:
        self.events.append(row)

    def _on_contract(self, number: int, key: str) -> None:
        self.contracts[number] = key

    def _on_reset(self, perm: int) -> None:
        self.forgotten = perm

    def _hold(self, key: str, change: int) -> None:
        self.held[key] = self.held.get(key, 0) + change
        if not self.held[key]:
            del self.held[key]


def known(key: str) -> bool:
    """Whether such a contract exists: any symbol but NOWHERE, any option of it."""
    thing = instrument(key)
    return (thing.symbol if isinstance(thing, Stock) else thing.underlying) != "NOWHERE"
