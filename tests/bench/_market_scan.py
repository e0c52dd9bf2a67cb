"""Rows of the live scan: rescan, minute, percentiles, growth; each against TA-Lib or the memory in the same run."""

import math
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial

import numpy as np
import talib

from core.market.scan_state import ScanState
from core.model.market import Floats
from core.model.signals import Comparison, Gate
from core.quant import recursions
from tests.bench.report import Row, progress

UNIVERSE, SESSIONS, SAMPLE = 32_345, 260, 1_000
#: The seven conditions of the reference measurement; few symbols pass.
GATES = (
    Gate("above_20", "close", Comparison.GT, "sma20", "close above SMA20"),
    Gate("above_50", "close", Comparison.GT, "sma50", "close above SMA50"),
    Gate("trend", "sma50", Comparison.GT, "sma200", "SMA50 above SMA200"),
    Gate("strong", "rsi14", Comparison.GT, 60.0, "RSI above 60"),
    Gate("high", "range_position", Comparison.GE, 80.0, "high in its range"),
    Gate("near", "distance", Comparison.LT, 2.0, "not extended"),
    Gate("liquid", "dollar_volume", Comparison.GT, 10e6, "10 million dollars a day"),
)


def shortest(work: Callable[[], object], times: int = 7) -> float:
    """Shortest of some runs in seconds of this thread's processor time: other work on the machine counts little."""
    found = math.inf
    for _ in range(times):
        begun = time.thread_time()
        work()
        found = min(found, time.thread_time() - begun)
    return found


def elapsed(work: Callable[[], object], times: int = 5) -> float:
    """Shortest of some runs in seconds by the clock on the wall."""
    found = math.inf
    for _ in range(times):
        begun = time.perf_counter()
        work()
        found = min(found, time.perf_counter() - begun)
    return found


def panel(columns: int, sessions: int = SESSIONS) -> Floats:
    """Random walks, shape (5, sessions, columns)."""
    random = np.random.default_rng(7)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.02, (sessions, columns)), axis=0))
    return np.stack([close, close * 1.01, close * 0.99, close, random.integers(100_000, 900_000, close.shape).astype(np.float64)])


def peer(bars: Floats, columns: int) -> Callable[[], None]:
    """The same indicators by a loop of TA-Lib over the symbols."""
    series = [np.ascontiguousarray(field[:, :columns].T) for field in bars]

    def loop() -> None:
        for high, low, close, volume in zip(*series[1:], strict=True):
            atr = talib.ATR(high, low, close, 14)
            means = [talib.SMA(close, period) for period in (20, 50, 100, 200)]
            _ = [talib.EMA(close, period) for period in (10, 20, 50, 200)]
            talib.RSI(close, 14)
            top, bottom = talib.MAX(high, 20), talib.MIN(low, 20)
            _ = (close[-1] - bottom[-1]) / (top[-1] - bottom[-1]), (close[-1] - means[1][-1]) / atr[-1]
            talib.SMA(close * volume, 20)

    return loop


def rescan(bars: Floats) -> Callable[[int], None]:
    """Everything from scratch: recursions over all but the last bar, windows, features of the last; answers the work."""
    state, empty = recursions.fresh(bars.shape[2]), recursions.fresh(bars.shape[2])
    out = np.empty((len(recursions.MEASURED), bars.shape[2]))

    def work(workers: int) -> None:
        np.copyto(state, empty)
        recursions.commit(state, bars[:, :-1], None, workers)
        recursions.measure(bars[:, -1], state, recursions.windows(bars[:, :-1], workers), out, workers)

    return work


def live(bars: Floats) -> ScanState:
    """A scan state with the last bar forming."""
    scan = ScanState([f"S{column}" for column in range(bars.shape[2])])
    days = [date(2025, 1, 1) + timedelta(days=place) for place in range(bars.shape[1] - 1)]
    state = recursions.fresh(bars.shape[2])
    recursions.commit(state, bars[:, :-1])
    scan.restore(days, bars[:, :-1], state)
    scan.take(range(bars.shape[2]), bars[:, -1])
    scan.refresh(strengths=True)
    return scan


def one_minute(scan: ScanState) -> None:
    """Update, filter and rank."""
    scan.refresh()
    scan.scan(GATES, "rs_best")


def scan_rows(quick: bool) -> Iterator[Row]:
    """Rescan, minute and percentiles of the whole universe."""
    progress("the scan of the whole market")
    columns = 4_000 if quick else UNIVERSE
    bars = panel(columns)
    recursions.warm()
    loop = shortest(peer(bars, SAMPLE), 3) * columns / SAMPLE
    talib_says = f"TA-Lib loop over {SAMPLE} symbols, scaled to {columns}: {loop * 1e3:,.0f} ms"
    read = shortest(lambda: [np.add.reduce(field, axis=None) for field in bars[1:4]])
    whole = rescan(bars)
    one, two = shortest(lambda: whole(1), 7), elapsed(lambda: whole(2), 7)
    yield Row("full rescan, one core", one * 1e3, "ms", f"{columns} × {SESSIONS} bars, float64; {talib_says}")
    yield Row.promised("full rescan against TA-Lib, one core", loop / one, "times", ">= 30", talib_says)
    yield Row("full rescan against TA-Lib, two threads, by the clock", loop / two, "times", f"{two * 1e3:.1f} ms; aim 100")
    yield Row.promised("full rescan against reading high, low, close", one / read, "times", "<= 2.5", f"read {read * 1e3:.1f} ms")
    scan = live(bars)
    update = shortest(scan.refresh, 30)
    minute = shortest(lambda: one_minute(scan), 30)
    left = scan.scan(GATES, "rs_best").funnel.left[-1][1]
    yield Row("update of all symbols with the forming bar", update * 1e3, "ms", f"{len(recursions.MEASURED)} features each")
    yield Row("update, filter and rank", minute * 1e3, "ms", f"7 gates, {left} pass, the best 100; aim 0.3 ms")
    yield Row.promised("update, filter and rank against TA-Lib", loop / minute, "times", ">= 1000", talib_says)
    ranks = shortest(lambda: scan.refresh(strengths=True), 7) - update
    yield Row(
        "strength percentiles, four windows", ranks * 1e3, "ms", "once a minute is enough: a rank moves with the whole market"
    )
    rebuilt = shortest(lambda: recursions.windows(bars[:, :-1]), 5)
    yield Row("sums rebuilt exactly at the end of the day", rebuilt * 1e3, "ms", "199 sessions, never patched")


def growth_rows(quick: bool) -> Iterator[Row]:
    """Cost per symbol from 1,000 to 100,000 symbols."""
    sizes = (1_000, 8_000) if quick else (1_000, 8_000, UNIVERSE, 100_000)
    whole, each = [], []
    for columns in sizes:
        progress(f"growth, {columns} symbols")
        bars = panel(columns)
        whole.append(shortest(partial(rescan(bars), 1), 3) / columns)
        scan = live(bars)
        each.append(shortest(partial(one_minute, scan), 9) / columns)
        yield Row(f"rescan, {columns:,} symbols", whole[-1] * columns * 1e3, "ms", f"{whole[-1] * 1e9:.0f} ns a symbol")
        yield Row(
            f"update, filter and rank, {columns:,} symbols", each[-1] * columns * 1e3, "ms", f"{each[-1] * 1e9:.1f} ns a symbol"
        )
    yield Row.promised(
        "rescan: dearest symbol against cheapest", max(whole) / min(whole), "times", "<= 2.5", "linear is 1; caches give the rest"
    )
