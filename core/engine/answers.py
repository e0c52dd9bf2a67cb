"""What the engine answers when it is asked about itself."""

from dataclasses import dataclass
from datetime import date, datetime

from core.engine.measures import Target
from core.model.market import Session
from core.model.signals import GateResult, Levels, Outcome
from core.ports.journal import Kill


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a symbol is or is not a signal on a session: every gate with value and threshold."""

    symbol: str
    strategy: str
    session: date
    close: float
    results: tuple[GateResult, ...]
    score: float | None
    levels: Levels | None

    @property
    def passed(self) -> bool:
        """Whether no gate failed."""
        return all(result.outcome is not Outcome.FAIL for result in self.results)


@dataclass(frozen=True, slots=True)
class Status:
    """The desk at a glance."""

    at: datetime
    mode: str
    source: str
    session: Session | None
    market_open: bool
    completed: date
    kill: Kill
    open_positions: int
    pending_proposals: int
    unfinished_orders: int
    doubtful_orders: int
    undelivered_notes: int
    reconciled_at: datetime | None
    reconciled: str
    targets: tuple[Target, ...]
    outside: int = 0
    held_back: tuple[str, ...] = ()
