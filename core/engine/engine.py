"""The engine: what every verb needs, and the questions that cogs, posts and the composition roots ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from core.engine.settings import EngineSettings
from core.model.market import MarketView, Session
from core.model.positions import Book
from core.model.proposals import Vote
from core.model.signals import GateResult, Levels
from core.ports.broker import Broker
from core.ports.clock import Clock
from core.ports.journal import Journal, Kill
from core.ports.market import MarketData
from core.ports.notifier import Notifier
from core.ports.rule import RiskRule
from core.ports.strategy import Strategy


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
        """Whether every gate that could be evaluated holds."""
        return all(result.outcome != "fail" for result in self.results)


@dataclass(frozen=True, slots=True)
class Target:
    """One service target of the owner: what was measured (None: nothing fed it yet), over how many samples."""

    name: str
    measured: float | None
    limit: float
    unit: str
    samples: int
    higher_is_better: bool = False


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
