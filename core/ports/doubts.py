"""What the journal keeps about doubt: looks, locks, what the broker told later about an execution, and trades made outside.

One method per fact, one transaction each, as everywhere in the journal; `SqlJournal.doubts` stands behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.model.doubts import Lock, Look
from core.model.notes import Note
from core.model.orders import Fill, Order
from core.model.positions import Position


@dataclass(frozen=True, slots=True)
class Proof:
    """That an order never was at its broker: the order as ABSENT, from when on looks count, who says so, in what words."""

    order: Order
    cutoff: datetime
    by: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Outside:
    """Executions of somebody else, the positions after them (theirs and ours), and the underlyings held back for them."""

    fills: Sequence[Fill]
    positions: Sequence[Position]
    locks: Sequence[Lock]
    at: datetime


@dataclass(frozen=True, slots=True)
class Later:
    """What became known about an execution after it was booked: its fee, or which version of it holds, and who ruled so."""

    fill: Fill
    at: datetime
    by: str = ""


class Doubts(Protocol):
    """Every method may raise OperatorError (disk full, database lost)."""

    async def record_look(self, look: Look) -> bool:
        """Keep the evidence of a complete look; False when one of that instant is kept."""
        ...

    async def looks(self, order_key: str) -> Sequence[Look]:
        """Every look for an order, oldest first."""
        ...

    async def record_absence(self, proof: Proof, notes: Sequence[Note] = ()) -> None:
        """ESCALATED -> ABSENT, with the proof in the audit.

        Raises
        ------
        IllegalEventError
            The order is not ESCALATED, or the looks that are kept do not prove it.
        """
        ...

    async def lock(self, lock: Lock, notes: Sequence[Note] = ()) -> bool:
        """Hold an underlying back; False when it is already held back for that kind of reason."""
        ...

    async def unlock(self, lock: Lock, by: str, at: datetime, notes: Sequence[Note] = ()) -> bool:
        """Let it go; False when it was not held back."""
        ...

    async def locks(self, account: str) -> Sequence[Lock]:
        """Underlyings that are held back, oldest first."""
        ...

    async def record_outside(self, outside: Outside, notes: Sequence[Note] = ()) -> bool:
        """Book executions of somebody else; False, changing nothing, when any of them is known."""
        ...

    async def record_fee(self, later: Later, position: Position | None, notes: Sequence[Note] = ()) -> bool:
        """Book a fee that was unknown; False when it is known by now."""
        ...

    async def record_correction(self, fill: Fill, notes: Sequence[Note] = ()) -> bool:
        """Keep another version of a known execution without booking it; False when it is kept."""
        ...

    async def versions(self, account: str, exec_id: str) -> Sequence[Fill]:
        """Every version of an execution that is kept, first one first."""
        ...

    async def record_ruling(self, later: Later, order: Order | None, position: Position | None, notes: Sequence[Note] = ()) -> bool:
        """Let a kept version of an execution hold from now on, with the order and the position after it."""
        ...
