"""Realised volatility of daily bars: annual fractions over a trailing window, by three estimators.

Each takes arrays of shape (n,) or (symbols, n), oldest first, in one unit of price (split-adjusted), and answers the same shape:
the value on each bar over the window that ends there. NaN where the window is not full, or holds a price that is missing, not
positive or (high below low) impossible. A year has 252 sessions.
"""

import math

import numpy as np

from core.model.market import Floats

SESSIONS = 252


def close_to_close(close: Floats, window: int) -> Floats:
    """Standard deviation of the log changes of the close (mean taken out)."""
    moves = np.diff(_logs(close), axis=-1, prepend=np.nan)
    return np.asarray(np.sqrt(_variance(moves, window) * SESSIONS))


def parkinson(high: Floats, low: Floats, window: int) -> Floats:
    """From each session's range (Parkinson 1980): five times sharper, blind to what happens overnight."""
    span = _logs(high) - _logs(low)
    squares = np.where(span >= 0, span * span, np.nan) / (4 * math.log(2))
    return np.asarray(np.sqrt(_mean(squares, window) * SESSIONS))


def yang_zhang(bars: tuple[Floats, Floats, Floats, Floats], window: int) -> Floats:
    """From open, high, low and close (Yang and Zhang 2000): overnight moves included, indifferent to drift."""
    first, high, low, close = (_logs(column) for column in bars)
    before = np.concatenate((np.full((*close.shape[:-1], 1), np.nan), close[..., :-1]), axis=-1)
    overnight, day = first - before, close - first
    rogers = (high - close) * (high - first) + (low - close) * (low - first)
    rogers = np.where((high >= np.maximum(first, close)) & (low <= np.minimum(first, close)), rogers, np.nan)
    k = 0.34 / (1.34 + (window + 1) / (window - 1))
    total = _variance(overnight, window) + k * _variance(day, window) + (1 - k) * _mean(rogers, window)
    return np.asarray(np.sqrt(total * SESSIONS))


def _logs(values: Floats) -> Floats:
    """Logarithms; NaN where there is none."""
    given = np.asarray(values, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(given > 0, np.log(given), np.nan)


def _windows(values: Floats, window: int) -> Floats:
    if window < 2:
        raise ValueError(f"a window of {window} bars has no deviation; take two or more")
    padded = np.concatenate((np.full((*values.shape[:-1], window - 1), np.nan), values), axis=-1)
    return np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1)


def _mean(values: Floats, window: int) -> Floats:
    return np.asarray(_windows(values, window).mean(axis=-1))


def _variance(values: Floats, window: int) -> Floats:
    return np.asarray(_windows(values, window).var(axis=-1, ddof=1))
