"""What stands between two sessions of the simulated market: features, regime, implied volatility, and who does what next."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.feeds.simulated.companies import reporting, sessions_to_report
from core.feeds.simulated.days import Day
from core.feeds.simulated.names import INDEX, QUARTER, Traits
from core.market.features import Extras, FeatureState
from core.model.market import ActionKind, Events, Features, Floats, Regime, Session

YEAR = 252


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """The market on its last completed bar, in the share units of the latest session that began.

    Attributes
    ----------
    completed, began : int
        Positions of the session of the last completed bar, and of the latest session that began (often the same).
    lowest, highest : array of shape (symbols,)
        Implied volatility over the last 252 completed sessions; NaN while that history is shorter.
    """

    completed: int
    began: int
    features: Features
    regime: Regime
    lowest: Floats
    highest: Floats

    def rank(self, place: int, implied: float) -> float:
        """Place of an implied volatility in its range of the last year, 0 to 100; NaN while that history is shorter."""
        lowest, highest = min(float(self.lowest[place]), implied), max(float(self.highest[place]), implied)
        known = np.isfinite(self.lowest[place]) and highest > lowest
        return 100.0 * (implied - lowest) / (highest - lowest) if known else float("nan")


class Memory:
    """What is remembered of a year: closes of the index and implied volatility of every name."""

    def __init__(self, symbols: int) -> None:
        self._index: deque[float] = deque(maxlen=YEAR)
        self._implied = np.full((YEAR, symbols), np.nan)
        self._seen = 0

    def complete(self, day: Day) -> None:
        """Remember a completed session."""
        self._index.append(day.index)
        self._implied[self._seen % YEAR] = np.where(np.isnan(day.close), np.nan, day.implied)
        self._seen += 1

    def range(self) -> tuple[Floats, Floats]:
        """Lowest and highest implied volatility of each name over the year; NaN where the year is not full."""
        return self._implied.min(axis=0), self._implied.max(axis=0)

    def regime(self) -> Regime:
        """The index on the last completed bar."""
        closes = list(self._index)
        last = closes[-1]
        average200 = _mean(closes, 200)
        return Regime(
            name=INDEX,
            close=last,
            sma50=_mean(closes, 50),
            sma200=average200,
            day_change=last / closes[-2] - 1 if len(closes) > 1 else None,
            above_sma200=None if average200 is None else last > average200,
        )


def board(state: FeatureState, memory: Memory, traits: Traits, completed: int, began: int) -> Board:
    """Put together what the views of this stretch of time share."""
    regime = memory.regime()
    above = float("nan") if regime.above_sma200 is None else float(regime.above_sma200)
    extras = Extras(
        regime=above,
        sessions_to_earnings=sessions_to_report(traits, completed).astype(np.float64),
        optionable=traits.optionable.astype(np.float64),
    )
    return Board(completed, began, state.features(extras), regime, *memory.range())


def events(place: int, traits: Traits, day: Day, calendar: Sequence[Session], *, opened: bool) -> Events:
    """Give what is known to happen to one name: its next report, and the dividends and splits that are announced.

    Parameters
    ----------
    day : Day
        The session of now, or the last one before.
    calendar : sequence of Session
        By position. A report beyond its end counts as unknown.
    opened : bool
        Whether that session has begun, so that its own report is past.
    """
    due = day.position + int(sessions_to_report(traits, day.position)[place])
    if not opened and bool(reporting(traits, day.position)[place]):
        due = day.position
    known = due < len(calendar)
    symbol = traits.symbols[place]
    paid = [(a.day, float(a.value)) for a in day.actions if a.symbol == symbol and a.kind is ActionKind.DIVIDEND]
    split = [(a.day, float(a.value)) for a in day.actions if a.symbol == symbol and a.kind is ActionKind.SPLIT]
    payday = day.position + QUARTER - int((day.position + traits.payment[place]) % QUARTER)
    if not np.isnan(day.plans.dividend[place]) and payday < len(calendar):
        paid.append((calendar[payday].day, float(day.plans.dividend[place])))
    splitting = day.position + int(day.plans.split_in[place])
    if splitting > day.position and splitting < len(calendar):
        split.append((calendar[splitting].day, float(day.plans.split_ratio[place])))
    return Events(calendar[due].day if known else None, known, tuple(paid), tuple(split))


def _mean(closes: Sequence[float], count: int) -> float | None:
    return sum(closes[-count:]) / count if len(closes) >= count else None


def bar(day: Day) -> Floats:
    """Give the bars of a session as the panel takes them, shape (5, symbols)."""
    return np.array((day.open, day.high, day.low, day.close, day.volume))
