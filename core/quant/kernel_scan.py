"""Compiled loops of the scan: recursions, windows and the features of the forming bar, tile by tile.

One definition of each recursion (`wilder`, `exponential`, `advance`) serves the rebuild from history, the commit of a completed
day and the forming bar of the minute; so they agree bit for bit, and with the session-by-session classes of
`core.quant.indicators`, whose order of operations they keep. For that reason nothing here may be contracted or re-associated
(`exactly`). What the rows of `state`, `sums` and `out` mean stands in `core.quant.recursions`; loops are kept short and narrow
because that is how they become vector code.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np

from core.model.market import Floats
from core.quant.indicators import MOST

F = TypeVar("F", bound=Callable[..., object])
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

#: Columns that are worked on together when history is read: their state stays in the first cache.
NARROW = 128
#: And for the windows of one bar, which are not recursions.
WIDE = 2048
#: Sessions of the exponential and of the simple means.
PERIODS, SESSIONS = (10, 20, 50, 200), (20, 50, 100, 200)


def exactly(function: F) -> F:
    """Compile like `compiled`, with every operation rounded where it is written.

    Without a folder for the cache it is compiled anew in each process.
    """
    try:
        return cast("F", numba.njit(nogil=True, cache=True, error_model="numpy")(function))
    except RuntimeError:
        return cast("F", numba.njit(nogil=True, error_model="numpy")(function))


@exactly
def wilder(held: float, new: float, count: float, period: float) -> float:
    """Wilder's mean of `count` values, this one included: their sum until there are `period`, then the smoothed mean."""
    total = (held * (period - 1.0) if count > period else held) + new
    return total / period if count >= period else total


@exactly
def exponential(held: float, new: float, count: float, period: float) -> float:
    """Exponential mean of `count` values, this one included; while there are no more than `period`, their sum (see `seed`)."""
    return (new - held) * (2.0 / (period + 1.0)) + held if count > period else held + new


@exactly
def seed(held: float, count: float, period: float) -> float:
    """First exponential mean, the plain mean of `period` values, on the day when there are that many."""
    return held / period if count == period else held


@exactly
def true_range(high: float, low: float, last: float) -> float:
    """Widest of today's span and the gap from the last close; a missing high or low is the last close."""
    return (high if high > last else last) - (low if low < last else last)  # noqa: FURB136 - max and min do not say what NaN does


@exactly
def advance(s: Floats) -> int:
    """Take one session's bars into the state of NARROW columns: rows of `state`, then high, low and close, flat in `s`.

    One array with offsets known at compile time: nothing can overlap, so the loop becomes vector code. Answers how many columns
    are still in a seed.
    """
    seeds = young = 0
    for i in range(NARROW):
        count, last = s[i], s[NARROW + i]
        high, low, close = s[10 * NARROW + i], s[11 * NARROW + i], s[12 * NARROW + i]
        there = close == close  # noqa: PLR0124 - false for NaN
        follows = there & (count > 0.0)
        held = s[2 * NARROW + i]
        s[2 * NARROW + i] = wilder(held, true_range(high, low, last), count, 14.0) if follows else held
        held = s[3 * NARROW + i]
        s[3 * NARROW + i] = wilder(held, max(close - last, 0.0), count, 14.0) if follows else held
        held = s[4 * NARROW + i]
        s[4 * NARROW + i] = wilder(held, max(last - close, 0.0), count, 14.0) if follows else held
        n = count + 1.0
        held = s[5 * NARROW + i]
        s[5 * NARROW + i] = exponential(held, close, n, 10.0) if there else held
        held = s[6 * NARROW + i]
        s[6 * NARROW + i] = exponential(held, close, n, 20.0) if there else held
        held = s[7 * NARROW + i]
        s[7 * NARROW + i] = exponential(held, close, n, 50.0) if there else held
        held = s[8 * NARROW + i]
        s[8 * NARROW + i] = exponential(held, close, n, 200.0) if there else held
        n = n if there else count
        s[i] = n
        s[NARROW + i] = close if there else last
        s[9 * NARROW + i] += 1.0 if n > 0.0 else 0.0
        seeds += 1 if there & ((n == 10.0) | (n == 20.0) | (n == 50.0) | (n == 200.0)) else 0
        young += 1 if n <= 200.0 else 0
    if seeds:
        settle(s)
    return young


@exactly
def settle(s: Floats) -> None:
    """Turn sums into first means where a bar has just completed a seed."""
    for i in range(NARROW):
        if s[12 * NARROW + i] == s[12 * NARROW + i]:
            for k in range(4):
                s[(5 + k) * NARROW + i] = seed(s[(5 + k) * NARROW + i], s[i], PERIODS[k])


@exactly
def advance_whole(s: Floats, count: float) -> None:
    """Do what `advance` does when every column has a bar and `count` bars before it, or more than every seed needs."""
    n = count + 1.0
    for i in range(NARROW):
        last, high, low, close = s[NARROW + i], s[10 * NARROW + i], s[11 * NARROW + i], s[12 * NARROW + i]
        s[2 * NARROW + i] = wilder(s[2 * NARROW + i], true_range(high, low, last), count, 14.0)
        s[3 * NARROW + i] = wilder(s[3 * NARROW + i], max(close - last, 0.0), count, 14.0)
        s[4 * NARROW + i] = wilder(s[4 * NARROW + i], max(last - close, 0.0), count, 14.0)
        s[5 * NARROW + i] = exponential(s[5 * NARROW + i], close, n, 10.0)
        s[6 * NARROW + i] = exponential(s[6 * NARROW + i], close, n, 20.0)
        s[7 * NARROW + i] = exponential(s[7 * NARROW + i], close, n, 50.0)
        s[8 * NARROW + i] = exponential(s[8 * NARROW + i], close, n, 200.0)
        s[NARROW + i] = close
        s[i] += 1.0
        s[9 * NARROW + i] += 1.0
    if n <= 200.0:
        settle(s)


@exactly
def recur(
    high: Floats, low: Floats, close: Floats, state: Floats, first: int, last: int, rows: Ints, columns: Ints, ratios: Floats
) -> None:
    """Take sessions, oldest first, into the state of the columns first to last.

    high, low, close: (sessions, columns) as traded; rows, columns, ratios: splits by column and row, each before its row.
    """
    s = np.full(13 * NARROW, np.nan)
    split = np.searchsorted(columns, first)
    for a in range(first, last, NARROW):
        width = min(NARROW, last - a)
        for k in range(10):
            s[k * NARROW : k * NARROW + width] = state[k, a : a + width]
        s[12 * NARROW :] = np.nan
        end = split + np.searchsorted(columns[split:], a + width)
        young, apart = NARROW, 0
        for i in range(NARROW):
            apart += 1 if s[i] != s[0] else 0
        for t in range(len(close)):
            for k in range(split, end):
                if rows[k] == t:
                    for row in range(1, 9):
                        s[row * NARROW + columns[k] - a] /= ratios[k]
            s[10 * NARROW : 10 * NARROW + width] = high[t, a : a + width]
            s[11 * NARROW : 11 * NARROW + width] = low[t, a : a + width]
            s[12 * NARROW : 12 * NARROW + width] = close[t, a : a + width]
            holes = 0
            for i in range(NARROW):
                holes += 1 if s[12 * NARROW + i] != s[12 * NARROW + i] else 0
            if holes == 0 and (apart == 0 or young == 0) and s[0] > 0.0:
                advance_whole(s, s[0] if apart == 0 else 201.0)
                continue
            young = advance(s)
            apart = max(apart, holes)
        split = end
        for k in range(10):
            state[k, a : a + width] = s[k * NARROW : k * NARROW + width]


@exactly
def mean(total: Floats, count: Floats, new: Floats, age: Floats, period: float, out: Floats) -> None:
    """Mean of a window that ends today: NaN for a young symbol, or when more than a tenth of the sessions is missing."""
    for i in range(len(out)):
        n = count[i] + (1.0 if new[i] == new[i] else 0.0)
        value = (total[i] + (new[i] if new[i] == new[i] else 0.0)) / n
        out[i] = value if (age[i] >= period) & (n >= MOST * period) else np.nan


@exactly
def ripe(value: Floats, count: Floats, needed: float, out: Floats) -> None:
    """Hide a value whose count (a mean that is still a seed) or other condition is too small or NaN."""
    for i in range(len(out)):
        out[i] = value[i] if count[i] >= needed else np.nan


@exactly
def place(top: Floats, bottom: Floats, high: Floats, low: Floats, close: Floats, out: Floats) -> None:
    """Place of the close between the extremes of 20 sessions, 0 to 100; NaN where they are equal."""
    for i in range(len(out)):
        upper = high[i] if (high[i] > top[i]) | (top[i] != top[i]) else top[i]
        lower = low[i] if (low[i] < bottom[i]) | (bottom[i] != bottom[i]) else bottom[i]
        out[i] = 100.0 * (close[i] - lower) / (upper - lower if upper > lower else np.nan)


@exactly
def strength(gain: Floats, loss: Floats, count: Floats, out: Floats) -> None:
    """Wilder's relative strength index, 0 when nothing moved."""
    for i in range(len(out)):
        both = gain[i] + loss[i]
        value = 100.0 * (gain[i] / (both if both >= 1e-14 else 1.0))
        out[i] = (value if both >= 1e-14 else 0.0) if count[i] >= 15.0 else np.nan


@exactly
def volumes(total: Floats, count: Floats, age: Floats, volume: Floats, out: Floats) -> None:
    """Volume as a multiple of the mean of the 50 sessions before."""
    for i in range(len(out)):
        known = (age[i] >= 50.0) & (count[i] >= MOST * 50.0) & (total[i] > 0.0)
        out[i] = volume[i] / (total[i] / count[i] if known else np.nan)


@exactly
def away(close: Floats, other: Floats, width: Floats, scale: float, out: Floats) -> None:
    """Distance of the close from another price, in widths times scale; NaN where the width is 0."""
    for i in range(len(out)):
        out[i] = scale * (close[i] - other[i]) / (width[i] if width[i] > 0.0 else np.nan)


@exactly
def product(a: Floats, b: Floats, out: Floats) -> None:
    """Write a times b."""
    for i in range(len(out)):
        out[i] = a[i] * b[i]


@exactly
def quotient(a: Floats, b: Floats, scale: float, out: Floats) -> None:
    """Write scale times a, by b."""
    for i in range(len(out)):
        out[i] = scale * a[i] / b[i]


@exactly
def less_one(a: Floats, scale: float, out: Floats) -> None:
    """Write scale times what a is above 1."""
    for i in range(len(out)):
        out[i] = scale * (a[i] - 1.0)


@exactly
def look_ahead(bar: Floats, state: Floats, first: int, last: int, out: Floats, gain: Floats, loss: Floats, age: Floats) -> None:
    """Let the recursions take the step of today's bars on a copy of the state; gain, loss and age begin at column `first`."""
    s = np.full(13 * NARROW, np.nan)
    for a in range(first, last, NARROW):
        width = min(NARROW, last - a)
        b = a + width
        for k in range(10):
            s[k * NARROW : k * NARROW + width] = state[k, a:b]
        for k in range(3):
            s[(10 + k) * NARROW : (10 + k) * NARROW + width] = bar[1 + k, a:b]
        s[12 * NARROW + width :] = np.nan
        advance(s)
        count = s[:width]
        ripe(s[2 * NARROW : 2 * NARROW + width], count, 15.0, out[16, a:b])
        for k in range(4):
            ripe(s[(5 + k) * NARROW : (5 + k) * NARROW + width], count, 1.0 * PERIODS[k], out[12 + k, a:b])
        gain[a - first : b - first] = s[3 * NARROW : 3 * NARROW + width]
        loss[a - first : b - first] = s[4 * NARROW : 4 * NARROW + width]
        age[a - first : b - first] = s[9 * NARROW : 9 * NARROW + width]
        strength(gain[a - first : b - first], loss[a - first : b - first], count, out[17, a:b])


@exactly
def measure(bar: Floats, state: Floats, sums: Floats, first: int, last: int, out: Floats) -> None:
    """Features of today's bars, of the columns first to last; the state is not changed.

    bar: (5, columns); out: rows as `core.quant.recursions.MEASURED`.
    """
    values, spans, age = np.empty(WIDE), np.empty(WIDE), np.empty(WIDE)
    for a in range(first, last, WIDE):
        b = min(a + WIDE, last)
        look_ahead(bar, state, a, b, out, values, spans, age)
        high, low, close, volume, old = bar[1, a:b], bar[2, a:b], bar[3, a:b], bar[4, a:b], age[: b - a]
        for k in range(4):
            mean(sums[k, a:b], sums[4 + k, a:b], close, old, 1.0 * SESSIONS[k], out[8 + k, a:b])
        middle, atr, temp, span = out[9, a:b], out[16, a:b], values[: b - a], spans[: b - a]
        product(close, volume, temp)
        mean(sums[8, a:b], sums[9, a:b], temp, old, 20.0, out[5, a:b])
        quotient(high, low, 1.0, temp)
        mean(sums[14, a:b], sums[15, a:b], temp, old, 20.0, span)
        place(sums[10, a:b], sums[11, a:b], high, low, close, temp)
        volumes(sums[12, a:b], sums[13, a:b], state[9, a:b], volume, out[6, a:b])
        away(close, middle, atr, 1.0, out[19, a:b])
        away(close, low, atr, 100.0, out[21, a:b])
        out[0, a:b], out[1, a:b], out[2, a:b] = close, low, volume
        less_one(span, 100.0, out[7, a:b])
        ripe(temp, span, 0.0, out[4, a:b])
        quotient(close, state[1, a:b], 1.0, temp)
        less_one(temp, 1.0, out[3, a:b])
        quotient(atr, close, 100.0, out[18, a:b])
        product(out[19, a:b], close, temp)
        quotient(temp, middle, 1.0, out[20, a:b])
