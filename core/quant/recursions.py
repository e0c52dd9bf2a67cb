"""The scan's numbers: one state per symbol, moved on by a completed bar, read with the forming bar.

Shapes: bars are (5, sessions, columns), open high low close volume, oldest first; NaN in the close is a session without a bar.
Three matrices hold everything, one column per symbol:

* `state` (rows `STATE`): recursions after the last completed bar. It goes on for ever, so an EMA of 200 days knows more than
  the 260 bars of a window, of which it would mostly be the seed.
* `sums` (rows `SUMS`): sums, counts and extremes of the windows without today, rebuilt from the bars after every session.
* the features (rows `MEASURED`): one step further with the forming bar, the state untouched.

Rebuild from history, commit and minute share the same compiled step (`kernel_scan.advance`), so they agree bit for bit.
Formulas and their treatment of holes: `core.quant.indicators`.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from core.model.market import Floats
from core.model.signals import Comparison
from core.quant import kernel_scan, kernel_scan_gates, kernel_scan_windows
from core.quant.kernel_scan import Ints

STATE = ("bars", "last", "true_range", "gain", "loss", "ema10", "ema20", "ema50", "ema200", "age")
SUMS = (
    *("close19", "close49", "close99", "close199", "bars19", "bars49", "bars99", "bars199"),
    *("dollars19", "dollar_bars19", "high19", "low19", "volume50", "volume_bars50", "span19", "span_bars19"),
)
MEASURED = (
    *("close", "low", "volume", "change_1d", "range_position", "dollar_volume", "rvol", "adr_percent"),
    *("sma20", "sma50", "sma100", "sma200", "ema10", "ema20", "ema50", "ema200", "atr14", "rsi14"),
    *("atr_percent", "distance", "distance_percent_form", "low_distance"),
)
COMPARISONS: Mapping[Comparison, int] = MappingProxyType(
    {Comparison.GE: 0, Comparison.GT: 1, Comparison.LE: 2, Comparison.LT: 3},
)
#: Sessions before today that the sums need.
WINDOW = 199


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """Splits of a history, by column and then by row: `ratio` new shares for each old one before the bar of `row`."""

    rows: Ints
    columns: Ints
    ratios: Floats

    @classmethod
    def of(cls, splits: Sequence[tuple[int, int, float]]) -> "Splits":
        """Take (row, column, ratio) in any order."""
        ordered = sorted(splits, key=lambda split: (split[1], split[0]))
        rows, columns = (np.array([split[place] for split in ordered], dtype=np.int64) for place in (0, 1))
        return cls(rows, columns, np.array([split[2] for split in ordered], dtype=np.float64))


def fresh(columns: int) -> Floats:
    """Give the state of symbols that have never had a bar."""
    state = np.zeros((len(STATE), columns))
    state[1] = np.nan
    return state


def commit(state: Floats, bars: Floats, splits: Splits | None = None, workers: int = 1) -> None:
    """Take completed sessions into the state.

    Parameters
    ----------
    bars : shape (5, sessions, columns) as traded, memory-mapped or not, one session or a whole history.
    splits : None: the prices have no splits, or they are already taken out.
    workers : threads that share the columns; one is best below some thousand symbols.
    """
    known = splits or Splits.of(())
    high, low, close = (np.ascontiguousarray(bars[field]) for field in (1, 2, 3))

    def work(first: int, last: int) -> None:
        kernel_scan.recur(high, low, close, state, first, last, known.rows, known.columns, known.ratios)

    _share(work, state.shape[1], workers)


def rescale(state: Floats, ratio: Floats) -> None:
    """Put the past into the units after splits: row of new shares for each old one, 1 where there is none."""
    state[1:9] /= ratio


def windows(bars: Floats | Sequence[Floats], workers: int = 1) -> Floats:
    """Sum up what lies before today: bars in the units of today, the last row being yesterday."""
    high, low, close, volume = (np.ascontiguousarray(bars[field][-WINDOW:]) for field in (1, 2, 3, 4))
    sums = np.empty((len(SUMS), close.shape[1]))

    def work(first: int, last: int) -> None:
        kernel_scan_windows.sum_up(high, low, close, volume, first, last, sums)

    _share(work, close.shape[1], workers)
    return sums


def measure(bar: Floats, state: Floats, sums: Floats, out: Floats, workers: int = 1) -> None:
    """Fill `out` (rows `MEASURED`, maybe more) with the features of today's bar, shape (5, columns)."""
    bar = np.ascontiguousarray(bar)

    def work(first: int, last: int) -> None:
        kernel_scan.measure(bar, state, sums, first, last, out)

    _share(work, state.shape[1], workers)


def percentile(values: Floats) -> Floats:
    """Rank each finite value among the finite ones as `core.quant.indicators.percentile`, from one sort."""
    values, out = np.ascontiguousarray(values), np.empty(len(values))
    kernel_scan_gates.spread_ranks(values, np.argsort(values), out)
    return out


def kernels() -> tuple[Any, ...]:
    """Every compiled loop that is called from outside, for the test that none is compiled late."""
    gates = (kernel_scan_gates.sieve, kernel_scan_gates.best, kernel_scan_gates.spread_ranks)
    return (kernel_scan.recur, kernel_scan.measure, kernel_scan_windows.sum_up, *gates)


def warm() -> None:
    """Compile, or load from the cache, everything before the open."""
    bars = np.ones((5, 2, 1))
    state, out = fresh(1), np.empty((len(MEASURED), 1))
    commit(state, bars)
    measure(bars[:, 0], state, windows(bars), out)
    percentile(bars[0, 0])
    none, flags = np.empty(0, np.int64), np.ones(1, np.bool_)
    kernel_scan_gates.sieve(out, out, none, none, none, np.empty(0), flags[:, None], 1, flags, np.empty((2, 0), np.int64))
    kernel_scan_gates.best(out[0], flags, np.zeros(1, np.int64))


def _share(work: Callable[[int, int], None], columns: int, workers: int) -> None:
    if workers == 1:
        work(0, columns)
        return
    step = -(-columns // workers // kernel_scan.NARROW) * kernel_scan.NARROW
    bounds = [(first, min(first + step, columns)) for first in range(0, columns, step)]
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work, *bound) for bound in bounds]:
            done.result()
