"""What is known about a market beyond its numbers: halts, gaps in the feed, revised bars, and what a second source quotes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.model.market import Quote


@dataclass(frozen=True, slots=True)
class Halt:
    """Trading in a name or in the whole market was stopped: halt, limit state, circuit breaker. `until` None: it still is."""

    reason: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a feed says about itself and the market; a feed that says nothing leaves everything empty.

    Attributes
    ----------
    halts : mapping of symbol to Halt
        The empty symbol stands for the whole market.
    second : mapping of instrument key to Quote
        The same instruments as another, independent source quotes them.
    asked : frozenset of str
        Keys of the instruments that the second source was asked for; empty where there is none.
    reconnected_at : datetime or None
        When the feed was last cut off and came back.
    gap : str
        What is missing since then and was not filled; empty when nothing is.
    revised : frozenset of str
        Symbols of which a completed bar that signals stand on was changed afterwards.
    """

    halts: Mapping[str, Halt] = field(default_factory=dict)
    second: Mapping[str, "Quote"] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    reconnected_at: datetime | None = None
    gap: str = ""
    revised: frozenset[str] = frozenset()
