"""The seam where one file adds one strategy."""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Protocol

from core.model.market import MarketView
from core.model.positions import Book, Position
from core.model.proposals import Plan
from core.model.signals import Gate, Levels, Signal


class Strategy(Protocol):
    """Pure: same input, same output; no clock, no I/O, no logging. A frozen dataclass whose fields are its settings."""

    name: ClassVar[str]

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Entry conditions as data; all must hold."""
        ...

    def propose(self, view: MarketView, book: Book, survivors: Sequence[str]) -> tuple[Signal, ...]:
        """Opening signals for symbols that passed every gate, best first."""
        ...

    def rate(self, symbol: str, view: MarketView) -> tuple[float | None, Levels | None]:
        """Score (0 to 100, no probability) and levels of one symbol on the completed bar; None where history is too short."""
        ...

    def plan(self, signal: Signal, quantity: int, *, options: bool) -> Plan:
        """How a position of so many units that this signal opens is to be managed."""
        ...

    def manage(self, position: Position, view: MarketView) -> tuple[Signal, ...]:
        """Closing signals for one position at this instant, the most protective first."""
        ...

    def triggers(self, position: Position, view: MarketView) -> tuple[Decimal, ...]:
        """Prices of the underlying at which `manage` would act within a session: the stop, then each rung still to fire."""
        ...
