"""The loopback broker's own books: orders, executions, movements and cash, each change one line on disk before it is told."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

JSON = dict[str, Any]
OPEN = ("Received", "Routed", "In Flight", "Live", "Contingent", "Cancel Requested", "Replace Requested")
CASH = Decimal(100_000)


@dataclass(slots=True)
class Execution:
    """One execution of one leg; `fee` in dollars, positive costs."""

    id: str
    quantity: int
    price: Decimal
    at: datetime
    fee: Decimal


@dataclass(slots=True)
class Part:
    """One leg of an order."""

    symbol: str
    kind: str
    action: str
    quantity: int
    fills: list[Execution] = field(default_factory=list)

    @property
    def sign(self) -> int:
        return 1 if self.action.startswith("Buy") else -1

    @property
    def filled(self) -> int:
        return sum(fill.quantity for fill in self.fills)

    @property
    def multiplier(self) -> int:
        return 100 if self.kind == "Equity Option" else 1


@dataclass(slots=True)
class Placed:
    """An order; `price` is signed as money is: a credit is positive."""

    id: int
    key: str | None
    price: Decimal
    parts: list[Part]
    status: str
    received: datetime
    updated: datetime
    visible: datetime
    reason: str | None = None
    replaces: int | None = None
    replacing: int | None = None
    effect_told: bool = True

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def done(self) -> bool:
        return all(part.filled >= part.quantity for part in self.parts)


@dataclass(slots=True)
class Moved:
    """A row of the transaction history; `value` is signed cash before fees."""

    id: int
    at: datetime
    kind: str
    sub: str
    value: Decimal
    symbol: str | None = None
    action: str | None = None
    quantity: int = 0
    price: Decimal | None = None
    fee: Decimal = Decimal(0)
    order_id: int | None = None
    exec_id: str | None = None
    removal: int = 0


class Books:
    """The account. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self.orders: dict[int, Placed] = {}
        self.moves: list[Moved] = []
        self.positions: dict[str, int] = {}
        self.cash = CASH
        self.listeners: list[Callable[[str, int], None]] = []
        self._file = path.open("a+b")
        self._replay()

    def close(self) -> None:
        self._file.close()

    @property
    def next_id(self) -> int:
        return max(self.orders, default=1000) + 1

    def lines(self) -> list[JSON]:
        """The whole ledger as it stands on disk."""
        self._file.seek(0)
        return [json.loads(line) for line in self._file.read().splitlines()]

    def commit(self, record: JSON) -> None:
        """On disk first, then true."""
        self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(record, separators=(",", ":"), default=str).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._apply(record)
        for listener in self.listeners:
            listener(record["do"], int(record.get("id", 0)))

    def _replay(self) -> None:
        self._file.seek(0)
        kept = 0
        for line in self._file.read().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            self._apply(json.loads(line))
            kept += len(line)
        self._file.truncate(kept)

    def _apply(self, record: JSON) -> None:
        at = datetime.fromisoformat(str(record["at"]))
        match record["do"]:
            case "place":
                self._place(record, at)
            case "turn":
                order = self.orders[int(record["id"])]
                order.status, order.updated = record["status"], at
                order.reason = record.get("reason") or order.reason
                order.replacing = record.get("replacing") or order.replacing
            case "fill":
                self._fill(record, at)
            case "move":
                self._move(record["rows"], at)
            case "wipe":
                self.orders.clear()
                self.moves.clear()
                self.positions.clear()
                self.cash = CASH
            case other:
                raise ValueError(other)

    def _place(self, record: JSON, at: datetime) -> None:
        parts = [Part(leg["symbol"], leg["kind"], leg["action"], int(leg["quantity"])) for leg in record["legs"]]
        order = Placed(int(record["id"]), record["key"], Decimal(str(record["price"])), parts, record["status"], at, at, at)
        order.visible = datetime.fromisoformat(str(record["visible"]))
        order.replaces = record.get("replaces")
        self.orders[order.id] = order

    def _fill(self, record: JSON, at: datetime) -> None:
        order = self.orders[int(record["id"])]
        for row in record["fills"]:
            part = order.parts[int(row["leg"])]
            fill = Execution(row["exec"], int(row["quantity"]), Decimal(str(row["price"])), at, Decimal(str(row["fee"])))
            part.fills.append(fill)
            value = -part.sign * fill.quantity * fill.price * part.multiplier
            moved = Moved(len(self.moves) + 1, at, "Trade", part.action, value, part.symbol, part.action, fill.quantity, fill.price)
            moved.fee, moved.order_id, moved.exec_id = fill.fee, order.id, fill.id
            self._book(moved, part.sign * fill.quantity)
        order.updated = at
        if order.done and order.open:
            order.status = "Filled"

    def _move(self, rows: Iterable[JSON], at: datetime) -> None:
        for row in rows:
            price = None if row.get("price") is None else Decimal(str(row["price"]))
            moved = Moved(len(self.moves) + 1, at, row["kind"], row["sub"], Decimal(str(row.get("value", 0))), row.get("symbol"))
            moved.action, moved.quantity, moved.price = row.get("action"), abs(int(row.get("change", 0))), price
            self._book(moved, int(row.get("change", 0)))

    def _book(self, moved: Moved, change: int) -> None:
        moved.removal = change
        self.moves.append(moved)
        self.cash += moved.value - moved.fee
        if moved.symbol and change:
            left = self.positions.get(moved.symbol, 0) + change
            if left:
                self.positions[moved.symbol] = left
            else:
                self.positions.pop(moved.symbol, None)
