"""What the engine keeps an eye on between two turns: what is due, what looked wrong once, what is held back.

Rebuilt from the journal and the broker at every start, like the books that it belongs to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.model.doubts import Hold, Lock
from core.model.instruments import Leg
from core.model.orders import Fill
from core.ports.broker import Account


@dataclass(frozen=True, slots=True)
class Difference:
    """Something on which broker and journal disagree: an instrument, or "cash"; with the sentence that tells it."""

    what: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        held = "says" if self.what == CASH else "holds"
        return f"{self.what.strip()}: the broker {held} {self.theirs}, the journal {self.ours}"


CASH = "cash"


@dataclass(slots=True)
class Watch:
    """Mutable, part of the books.

    Attributes
    ----------
    done : dict of audit name to float
        Monotonic seconds at which each audit was last done.
    suspects : mapping of Difference to float
        Differences that the last look found, with the monotonic seconds at which each was first seen.
    candidates : dict of underlying to float
        Option positions that changed without an order: since when the desk waits for the broker's statement.
    locks : dict of (symbol, Hold) to Lock
        Underlyings that are held back.
    account : Account or None
        Balances as the broker last told them.
    compared_at : datetime or None
        When everything was last compared, also by an earlier run: what happened since then is asked for.
    shapes : dict of position id to legs
        What the positions of several legs were opened as.
    uneven : dict of position id to float
        Positions whose legs do not match, with the monotonic seconds at which that was first seen.
    strays : frozenset of (order key, broker order id)
        Orders that were listed as open although they had ended, at the last look.
    outside : dict of broker order id to datetime
        Open orders of somebody else.
    feeless : dict of execution id to position id
        Booked executions whose fee the broker has not told yet.
    corrected : dict of execution id to Fill
        Versions of booked executions that nobody has ruled on.
    """

    done: dict[str, float] = field(default_factory=dict)
    suspects: Mapping[Difference, float] = field(default_factory=dict)
    candidates: dict[str, float] = field(default_factory=dict)
    locks: dict[tuple[str, Hold], Lock] = field(default_factory=dict)
    account: Account | None = None
    compared_at: datetime | None = None
    shapes: dict[str, tuple[Leg, ...]] = field(default_factory=dict)
    uneven: dict[str, float] = field(default_factory=dict)
    strays: frozenset[tuple[str, str]] = frozenset()
    outside: dict[str, datetime] = field(default_factory=dict)
    feeless: dict[str, str] = field(default_factory=dict)
    corrected: dict[str, Fill] = field(default_factory=dict)

    def due(self, audit: str, seconds: float, now: float) -> bool:
        """Whether so many seconds have passed since the audit was done."""
        return now - self.done.get(audit, float("-inf")) >= seconds

    def held(self, symbol: str, kind: Hold) -> bool:
        """Whether an underlying is held back for that kind of reason."""
        return (symbol, kind) in self.locks
