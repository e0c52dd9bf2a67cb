"""Compiled loops over the windows of the scan: sums, counts and extremes of what lies before today.

They are rebuilt from the bars after every session, never patched, so no error builds up. Rows of `sums`: `core.quant.recursions`.
"""

import numpy as np

from core.model.market import Floats
from core.quant.kernel_scan import exactly

#: Columns that are summed together: long stretches of each row, so that the memory keeps up.
WIDE = 1024


@exactly
def accumulate(values: Floats, total: Floats, count: Floats) -> None:
    """Add a session's values to their sums and counts; NaN is left out."""
    for i in range(len(values)):
        there = values[i] == values[i]
        total[i] += values[i] if there else 0.0
        count[i] += 1.0 if there else 0.0


@exactly
def widen(high: Floats, low: Floats, top: Floats, bottom: Floats) -> None:
    """Take a session's highs and lows into the extremes; NaN is left out."""
    for i in range(len(high)):
        top[i] = high[i] if not top[i] >= high[i] and high[i] == high[i] else top[i]
        bottom[i] = low[i] if not bottom[i] <= low[i] and low[i] == low[i] else bottom[i]


@exactly
def sum_up(high: Floats, low: Floats, close: Floats, volume: Floats, first: int, last: int, sums: Floats) -> None:
    """Rebuild the sums of what lies before today, oldest session first, for the columns first to last.

    high, low, close, volume: (sessions, columns) in the units of today, the last row being yesterday. Closes are summed in
    blocks (199 to 100 sessions ago, 99 to 50, 49 to 20, the last 19), and the blocks from the youngest on.
    """
    n = len(close)
    values = np.empty(WIDE)
    for a in range(first, last, WIDE):
        b = min(a + WIDE, last)
        temp = values[: b - a]
        for k in range(16):
            sums[k, a:b] = np.nan if k in (10, 11) else 0.0
        for t in range(max(n - 199, 0), n):
            back = n - t
            k = 3 if back > 99 else 2 if back > 49 else 1 if back > 19 else 0
            accumulate(close[t, a:b], sums[k, a:b], sums[4 + k, a:b])
            if back <= 50:
                accumulate(volume[t, a:b], sums[12, a:b], sums[13, a:b])
            if back <= 19:
                widen(high[t, a:b], low[t, a:b], sums[10, a:b], sums[11, a:b])
                for i in range(b - a):
                    temp[i] = close[t, a + i] * volume[t, a + i]
                accumulate(temp, sums[8, a:b], sums[9, a:b])
                for i in range(b - a):
                    temp[i] = high[t, a + i] / low[t, a + i]
                accumulate(temp, sums[14, a:b], sums[15, a:b])
        for k in range(1, 4):
            for i in range(a, b):
                sums[k, i] += sums[k - 1, i]
                sums[4 + k, i] += sums[3 + k, i]
