"""What people are told: notes for topics, and the pictures that they may carry (as data; drawn by `core.charts`)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Topic(StrEnum):
    """Where a note belongs; the configuration maps topics to channels."""

    SIGNALS = "signals"
    TRADES = "trades"
    PORTFOLIO = "portfolio"
    MORNING_BREW = "morning_brew"
    STATUS = "status"
    PLAYGROUND = "playground"


class Tone(StrEnum):
    """Colour of a note."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class NoteField:
    """A named value; short ones may stand side by side."""

    name: str
    value: str
    inline: bool = True


@dataclass(frozen=True, slots=True)
class CandleChart:
    """Candles with SMA50, stop, entry and ladder. Sequences oldest first, same length; NaN gaps as None."""

    title: str
    days: tuple[str, ...]
    open: tuple[float, ...]
    high: tuple[float, ...]
    low: tuple[float, ...]
    close: tuple[float, ...]
    sma50: tuple[float | None, ...]
    entry: float | None
    stop: float | None
    rungs: tuple[tuple[float, float], ...]
    source: str


@dataclass(frozen=True, slots=True)
class EquityChart:
    """Net liquidation per session in dollars, and (drawn from it) the drawdown from its running high."""

    title: str
    days: tuple[str, ...]
    equity: tuple[float, ...]
    source: str


@dataclass(frozen=True, slots=True)
class PayoffChart:
    """Profit at expiry in dollars over prices of the underlying; vertical marks are (label, price)."""

    title: str
    spot: tuple[float, ...]
    profit: tuple[float, ...]
    marks: tuple[tuple[str, float], ...]
    source: str


Chart = CandleChart | EquityChart | PayoffChart


@dataclass(frozen=True, slots=True)
class Note:
    """One message to people.

    Attributes
    ----------
    id : str
        Stable for its occasion: the same occasion makes the same id, so it is told once. Shown in the footer.
    edits : str or None
        Id of an earlier note whose message this one replaces in place.
    proposal_id : str or None
        Set when the note is an approval card: reactions and buttons are attached while `decidable`.
    body : str
        Markdown already escaped where it holds outside text.
    """

    id: str
    topic: Topic
    title: str
    body: str
    at: datetime
    tone: Tone = Tone.INFO
    fields: tuple[NoteField, ...] = ()
    footer: str = ""
    chart: Chart | None = None
    proposal_id: str | None = None
    decidable: bool = False
    edits: str | None = None
