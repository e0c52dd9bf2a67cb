"""Real defects of daily bars meet a decision, not a crash; each is counted by name.

| defect | decision |
|---|---|
| close missing, infinite, zero or negative | the bar is dropped |
| open missing, or more than tenfold off the close | the open is the close |
| high or low missing, more than tenfold off, or on the wrong side of open or close | it is moved to contain both |
| volume missing or negative | it is 0 |
| volume 0 | kept |
| close more than tenfold off the last good one, no split that day | the bar is dropped; a next bar near it is believed |

Every decision looks at the bar itself and at bars before it, never ahead, so that it would have been the same on the day.
"""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from core.market.panel import CLOSE, HIGH, LOW, OPEN, VOLUME
from core.model.market import Flags, Floats

TENFOLD = 10.0
NEAR = 2.0


def clean(bars: Floats, splits: Mapping[tuple[int, int], float], defects: Counter[str]) -> None:
    """Repair the bars in place and count what was found.

    Parameters
    ----------
    bars : shape (5, sessions, symbols); NaN everywhere where there is no bar.
    splits : (session, column) to new shares for each old one; prices are as traded across them.
    """
    rows = ~np.isnan(bars).all(axis=0)
    close = bars[CLOSE]
    sound = np.isfinite(close) & (close > 0)
    defects["close missing or not positive, bar dropped"] += _count(rows & ~sound)
    bars[:, ~sound] = np.nan
    _repair_range(bars, sound, defects)
    volume = bars[VOLUME]
    unknown = sound & ~(np.isfinite(volume) & (volume >= 0))
    defects["volume missing or negative, taken as 0"] += _count(unknown)
    volume[unknown] = 0.0
    defects["no volume, bar kept"] += _count(sound & (volume == 0)) - _count(unknown)
    for column in _suspects(close):
        ratios = {session: ratio for (session, other), ratio in splits.items() if other == column}
        dropped = _bad_ticks(close[:, column], ratios)
        bars[:, dropped, column] = np.nan
        defects["close tenfold off the last one, bar dropped"] += len(dropped)


def _repair_range(bars: Floats, sound: Flags, defects: Counter[str]) -> None:
    opening, high, low, close = bars[OPEN], bars[HIGH], bars[LOW], bars[CLOSE]
    lost = sound & ~(np.isfinite(opening) & (opening > 0))
    wild = sound & ~lost & ((opening > close * TENFOLD) | (opening < close / TENFOLD))
    defects["open missing, close taken"] += _count(lost)
    defects["open tenfold off the close, close taken"] += _count(wild)
    opening[lost | wild] = close[lost | wild]
    top, bottom = np.fmax(opening, close), np.fmin(opening, close)
    absent = sound & ~(np.isfinite(high) & np.isfinite(low) & (high > 0) & (low > 0))
    spike = sound & ~absent & ((high > top * TENFOLD) | (low < bottom / TENFOLD))
    defects["high or low missing, taken from open and close"] += _count(absent)
    defects["high or low tenfold off, taken from open and close"] += _count(spike)
    bad_high = sound & ~(np.isfinite(high) & (high <= top * TENFOLD))
    bad_low = sound & ~(np.isfinite(low) & (low >= bottom / TENFOLD))
    high[bad_high], low[bad_low] = top[bad_high], bottom[bad_low]
    outside = sound & ((high < top) | (low > bottom))
    defects["high or low inside open and close, widened"] += _count(outside & ~absent & ~spike)
    high[outside] = np.fmax(high, top)[outside]
    low[outside] = np.fmin(low, bottom)[outside]


def _suspects(close: Floats) -> list[int]:
    """Columns in which a close is more than tenfold off the one before it."""
    sessions = np.arange(len(close))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(close), 0, sessions), axis=0)
    held = np.take_along_axis(close, last, axis=0)
    step = held[1:] / held[:-1]
    found: list[int] = np.flatnonzero(((step > TENFOLD) | (step < 1 / TENFOLD)).any(axis=0)).tolist()
    return found


def _bad_ticks(close: Floats, ratios: Mapping[int, float]) -> list[int]:
    """Sessions whose close is tenfold off the last good one and was not announced by the bar before."""
    dropped = []
    good = doubtful = math.nan
    for session, value in enumerate(close.tolist()):
        good, doubtful = good / ratios.get(session, 1.0), doubtful / ratios.get(session, 1.0)
        if math.isnan(value):
            continue
        expected = math.isnan(good) or 1 / TENFOLD <= value / good <= TENFOLD
        if expected or 1 / NEAR <= value / doubtful <= NEAR:
            good, doubtful = value, math.nan
        else:
            doubtful = value
            dropped.append(session)
    return dropped


def _count(flags: Flags) -> int:
    return int(np.count_nonzero(flags))
