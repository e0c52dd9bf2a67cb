"""The live state of the whole market: completed sessions behind it, today's bar forming, features and gates at any moment.

In the morning `split`, during the session `take` what trades and `refresh`, then `scan`; after the close `commit`. On the
completed bar it says what `core.market.features.FeatureState` says; in between the same about the bar so far. A symbol that
has not traded today has no bar, so its gates fail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from core.market.features import RETURNS, Extras
from core.market.panel import CLOSE, Panel
from core.market.scan import Funnel
from core.model.errors import OperatorError
from core.model.market import Features, Flags, Floats
from core.model.signals import Gate
from core.quant import indicators, kernel_scan_gates, recursions

#: Completed sessions that the features look at: 199 before today, seen from 20 sessions ago.
KEEP = recursions.WINDOW + 20
GIVEN = ("raw_close", "regime", "sessions_to_earnings", "optionable")
ROWS = (*recursions.MEASURED, "sma200_20ago", *RETURNS, "rs_best", *GIVEN)
MEASURED = len(recursions.MEASURED)
#: Rows of what changes less often than each minute.
SLOW = ROWS[MEASURED:]
BEST = SLOW.index("rs_best")


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found: the funnel, and the best survivors by the chosen feature, best first."""

    funnel: Funnel
    best: tuple[str, ...]


class ScanState:
    """Bars, recursions and features of every symbol.

    Parameters
    ----------
    symbols : names of the columns; they never change.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.panel = Panel(symbols, KEEP)
        count = len(self.panel.symbols)
        self.state = recursions.fresh(count)
        self._sums = recursions.windows(_rows(self.panel, 0))
        self._forming = np.full((5, count), np.nan)
        self._today = np.full((5, count), np.nan)
        self._values = np.full((MEASURED, count), np.nan)
        self._spare = np.full((MEASURED, count), np.nan)
        self._slow = np.full((len(ROWS) - MEASURED, count), np.nan)
        self._absent: dict[str, Flags] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.panel.symbols

    def split(self, ratios: Mapping[str, float]) -> None:
        """Take the splits of a morning, before the first trade: new shares for each old one; unknown symbols are left out."""
        known = {self.panel.columns[symbol]: ratio for symbol, ratio in ratios.items() if symbol in self.panel.columns}
        if known:
            row = np.ones(len(self.symbols))
            row[list(known)] = list(known.values())
            self.panel.rescale(row)
            recursions.rescale(self.state, row)
            self._prepare()

    def commit(self, day: date, bar: Floats) -> None:
        """Take the completed bars of a session, shape (5, symbols); NaN in the close: no bar. Today's bar starts anew.

        Raises
        ------
        BadDataError
            The shape does not fit, or the day is not after the last one.
        """
        bar = np.where(np.isnan(bar[CLOSE]), np.nan, bar)
        self.panel.append(day, bar)
        recursions.commit(self.state, bar[:, None])
        self._prepare()

    def restore(self, days: Sequence[date], bars: Floats, state: Floats) -> None:
        """Begin with completed sessions: bars (5, days, symbols) in the units of now, and the recursions after them.

        What is left of a bar without a close is wiped out of `bars`.
        """
        for day, bar in zip(days[-KEEP:], np.moveaxis(bars, 1, 0)[-KEEP:], strict=True):
            bar[:, np.isnan(bar[CLOSE])] = np.nan
            self.panel.append(day, bar)
        self.state = state
        self._prepare()

    def take(self, columns: Floats | Sequence[int], bars: Floats) -> None:
        """Put the day's bars so far, shape (5, columns), in the place of what was known. Doing it twice changes nothing."""
        self._forming[:, columns] = bars

    def snapshot(self) -> Floats:
        """Copy today's bars, so that `refresh` may work on another thread while more of them come in."""
        return self._forming.copy()

    def refresh(self, bar: Floats | None = None, *, strengths: bool = False) -> None:
        """Measure all features with today's bars so far.

        Parameters
        ----------
        bar : a `snapshot`; None: take one now.
        strengths : rank the returns of the universe anew as well; otherwise the last ranks stay.
        """
        if bar is None:
            np.copyto(self._today, self._forming)
        today = self._today if bar is None else bar
        fresh, old = self._spare, self._values
        recursions.measure(today, self.state, self._sums, fresh)
        if strengths:
            self._rank(today[CLOSE])
        self._spare, self._values = old, fresh

    def give(self, extras: Extras) -> None:
        """Take what does not come from bars; it stays until the next time."""
        count = len(self.symbols)
        missing: dict[str, Flags] = {}
        rows = {"regime": extras.regime, "sessions_to_earnings": extras.sessions_to_earnings, "optionable": extras.optionable}
        for name, row in rows.items():
            place = SLOW.index(name)
            self._slow[place] = np.nan if row is None else row
            missing[name] = np.full(count, row is None) if name == "regime" else np.isnan(self._slow[place])
        missing["raw_close"] = np.full(count, not extras.raw)
        if count < 2:
            missing |= {name: np.ones(count, dtype=np.bool_) for name in (*RETURNS, "rs_best")}
        self._absent = {name: flags for name, flags in missing.items() if flags.any()}

    def features(self) -> Features:
        """Give all columns as `refresh` left them; they do not change under the reader."""
        columns = {name: row.copy() for name, row in zip(ROWS, (*self._values, *self._slow), strict=True)}
        columns["raw_close"] = np.full(len(self.symbols), np.nan) if "raw_close" in self._absent else columns["close"]
        return Features(columns, dict(self._absent))

    def scan(self, gates: Sequence[Gate], rank: str = "rs_best", top: int = 100, *, strict: bool = True) -> Scan:
        """Run every symbol through the gates as `core.market.scan.evaluate`, and rank the survivors by a feature.

        Raises
        ------
        OperatorError
            A gate or the ranking names a feature that does not exist.
        """
        values, count = self._values, len(self.symbols)
        numbers = [[_row(gate.feature), recursions.COMPARISONS[gate.comparison], _other(gate)] for gate in gates]
        codes = np.array(numbers, dtype=np.int64).reshape(-1, 3).T.copy()
        limits = np.array([0.0 if isinstance(gate.threshold, str) else gate.threshold for gate in gates], dtype=np.float64)
        alive, counts = np.empty(count, np.bool_), np.empty((2, len(gates)), np.int64)
        kernel_scan_gates.sieve(
            values, self._slow, codes[0], codes[1], codes[2], limits, self._lost(gates), int(strict), alive, counts
        )
        chosen = np.zeros(min(top, count), np.int64)
        found = kernel_scan_gates.best(self._column(rank), alive, chosen) if len(chosen) else 0
        left, unknown = (tuple(zip((gate.name for gate in gates), row.tolist(), strict=True)) for row in counts)
        symbols = self.symbols
        survivors = tuple(symbols[column] for column in np.flatnonzero(alive).tolist())
        return Scan(Funnel(survivors, left, unknown), tuple(symbols[column] for column in chosen[:found].tolist()))

    def _lost(self, gates: Sequence[Gate]) -> Flags:
        none = np.zeros(1, dtype=np.bool_)
        masks = [[self._absent.get(str(name), none) for name in (gate.feature, gate.threshold)] for gate in gates]
        rows = [first | second for first, second in masks]
        width = max((len(row) for row in rows), default=1)
        lost = np.zeros((len(gates), width), dtype=np.bool_)
        for place, row in enumerate(rows):
            lost[place] = row
        return lost

    def _column(self, name: str) -> Floats:
        row = _row(name)
        found: Floats = self._values[row] if row < MEASURED else self._slow[row - MEASURED]
        return found

    def _rank(self, close: Floats) -> None:
        for place, sessions in enumerate(RETURNS.values(), start=1):
            past = self.panel.rows(CLOSE, sessions)
            known = len(past) == sessions
            self._slow[place] = recursions.percentile(close / past[0] - 1.0) if known else np.nan
        self._slow[BEST] = np.fmax.reduce(self._slow[1:BEST])

    def _prepare(self) -> None:
        panel, age = self.panel, self.state[-1]
        self._forming[:] = np.nan
        self._sums = recursions.windows(_rows(panel, recursions.WINDOW))
        self._slow[0] = np.nan
        past = panel.rows(CLOSE, KEEP)
        if len(past) == KEEP:
            (self._slow[0],) = indicators.simple_means(past[: recursions.WINDOW + 1], age - 19, (200,))


def _row(name: str) -> int:
    if name not in ROWS:
        raise OperatorError(f"no feature is named {name!r}; a gate may use one of: {', '.join(sorted(ROWS))}")
    return ROWS.index("close" if name == "raw_close" else name)


def _other(gate: Gate) -> int:
    return _row(gate.threshold) if isinstance(gate.threshold, str) else -1


def _rows(panel: Panel, sessions: int) -> tuple[Floats, ...]:
    return tuple(panel.rows(field, sessions) if sessions else panel.rows(field, 1)[:0] for field in range(5))
