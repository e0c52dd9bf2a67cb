"""An idea: gates as data, their results, and the signal that passed them all."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Intent(StrEnum):
    """What a signal wants: a new position, or less of one that is held."""

    OPEN = "open"
    CLOSE = "close"


class Comparison(StrEnum):
    """How a gate compares its feature with its threshold."""

    GE = ">="
    GT = ">"
    LE = "<="
    LT = "<"


class Outcome(StrEnum):
    """Result of one gate for one symbol. ABSENT: the gate's input does not exist in this run."""

    PASS = "pass"
    FAIL = "fail"
    ABSENT = "not evaluated"


@dataclass(frozen=True, slots=True)
class Gate:
    """One entry condition as data: `feature comparison threshold`.

    Parameters
    ----------
    name : str
        Short stable name, e.g. ``"trend_200"``.
    feature : str
        Column of `core.model.market.Features`.
    comparison : Comparison
    threshold : float or str
        A number, or the name of another feature.
    low, high : float
        Bounds for sweeps; meaningless when the threshold is a feature.
    label : str
        What a person reads, e.g. ``"close above SMA20"``.
    """

    name: str
    feature: str
    comparison: Comparison
    threshold: float | str
    label: str
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate met a symbol: the value that was measured, the threshold it met (None: unknown), and the outcome."""

    name: str
    label: str
    value: float | None
    comparison: Comparison
    threshold: float | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the scale-out ladder: at this multiple of ATR above SMA50, close this many units."""

    multiple: float
    price: Decimal
    units: int = 0


@dataclass(frozen=True, slots=True)
class Levels:
    """Prices of the underlying (dollars per share, in the units of the view's last bar) that a signal stands on."""

    entry: Decimal
    stop: Decimal
    rungs: tuple[Rung, ...]
    atr: Decimal
    sma50: Decimal


@dataclass(frozen=True, slots=True)
class Signal:
    """An idea of a strategy about one symbol; same view, same signal, same id.

    Attributes
    ----------
    id : str
        Derived from strategy, symbol, session, intent and cause, so that the same idea is stored once.
    session : date
        The completed bar that the decision stands on.
    cause : str
        ``entry`` or why to close: ``stop``, ``ladder-7`` …, ``trend``, ``time``, ``expiry``, ``premium``, ``manual``, ``earnings``.
    price : Decimal
        Price of the underlying at the decision.
    trigger : Decimal or None
        The price level whose touch made the decision (stop, rung); None when there is none.
    score : float or None
        0 to 100, ranks what passed. Never a probability.
    quantity : int or None
        Units to close; None for an opening signal.
    """

    id: str
    strategy: str
    symbol: str
    intent: Intent
    cause: str
    session: date
    as_of: datetime
    price: Decimal
    reason: str
    score: float | None = None
    levels: Levels | None = None
    gates: tuple[GateResult, ...] = ()
    position_id: str | None = None
    quantity: int | None = None
    trigger: Decimal | None = None
    multiple: float | None = None
