"""Which order ids were used and what was sent under them: a file that is only ever appended to.

IB wants every order id above all earlier ones of the same client, and taking one a second time would change an order instead of
placing one. The file is written before the socket. It survives the death of the process; it is not synced for each order, because
after a power cut IB's own next id is above everything that had reached it.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from core.model.errors import OperatorError
from core.model.instruments import Side


@dataclass(frozen=True, slots=True)
class SentLeg:
    """One leg as it was sent."""

    con_id: int
    key: str
    side: Side
    ratio: int


@dataclass(frozen=True, slots=True)
class SentOrder:
    """One order as it was sent."""

    key: str
    order_id: int
    quantity: int
    legs: tuple[SentLeg, ...]


@dataclass(slots=True)
class Sent:
    """What was sent by our key; `highest` was ever tried, `seen` was ever acknowledged by the broker."""

    path: Path | None = None
    file: BinaryIO | None = None
    orders: dict[str, SentOrder] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)
    permanent: dict[int, int] = field(default_factory=dict)
    highest: int = 0
    seen: int = 0

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """Read the file, or begin it; None keeps everything in memory only.

        Raises
        ------
        OperatorError
            It cannot be opened, or a line before the last is damaged.
        """
        if path is None:
            return cls()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b", buffering=0)
        except OSError as error:
            raise OperatorError(f"broker.sent: {path} cannot be opened ({error}); check the folder and its permissions") from error
        made = cls(path, file)
        made._read()
        return made

    def note(self, order: SentOrder) -> None:
        """Write down what is about to be sent.

        Raises
        ------
        OperatorError
            It cannot be written; then nothing may be sent.
        """
        legs = [[leg.con_id, leg.key, leg.side.value, leg.ratio] for leg in order.legs]
        self._append({"id": order.order_id, "key": order.key, "quantity": order.quantity, "legs": legs})
        self._keep(order)

    def acknowledge(self, order_id: int, perm_id: int) -> None:
        """The broker named this order id of ours, and by which permanent id: its sequence must never fall below it."""
        if order_id > self.seen or (perm_id and perm_id not in self.permanent):
            self._append({"seen": order_id, "perm": perm_id})
            self._see(order_id, perm_id)

    def key_of(self, order_id: int, perm_id: int) -> str:
        """Our key of an order that is told without it; empty when it is not ours."""
        return self.keys.get(self.permanent.get(perm_id, order_id), "")

    def close(self) -> None:
        """Give the file free."""
        if self.file is not None:
            self.file.close()

    def _keep(self, order: SentOrder) -> None:
        self.orders[order.key] = order
        self.keys[order.order_id] = order.key
        self.highest = max(self.highest, order.order_id)

    def _see(self, order_id: int, perm_id: int) -> None:
        self.seen = max(self.seen, order_id)
        self.highest = max(self.highest, order_id)
        if perm_id:
            self.permanent[perm_id] = order_id

    def _append(self, row: dict[str, object]) -> None:
        if self.file is None:
            return
        try:
            self.file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            raise OperatorError(f"broker.sent: {self.path} cannot be written ({error}); make room and start again") from error

    def _read(self) -> None:
        assert self.file is not None
        self.file.seek(0)
        text = self.file.read()
        lines = text.split(b"\n")
        kept = len(text) - len(lines[-1])
        for number, line in enumerate(lines[:-1], start=1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise OperatorError(f"line {number} of {self.path} is damaged; restore the file from a backup ({error})") from error
        if kept != len(text):
            self.file.truncate(kept)
            os.fsync(self.file.fileno())

    def _take(self, row: dict[str, object]) -> None:
        if "seen" in row:
            self._see(int(str(row["seen"])), int(str(row["perm"])))
            return
        told = row["legs"]
        assert isinstance(told, list)
        legs = tuple(SentLeg(int(leg[0]), str(leg[1]), Side(leg[2]), int(leg[3])) for leg in told)
        self._keep(SentOrder(str(row["key"]), int(str(row["id"])), int(str(row["quantity"])), legs))
