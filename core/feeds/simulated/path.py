"""The way of a price through one session: from the open to the close, touching exactly the high and the low of its bar."""

import math
from dataclasses import dataclass

import numpy as np

from core.feeds.simulated.draws import Stream, generator
from core.model.market import Floats


@dataclass(frozen=True, slots=True)
class DailyBar:
    """Prices of one session, dollars per share."""

    open: float
    high: float
    low: float
    close: float

    @property
    def digits(self) -> int:
        """Decimal places of the grid: cents, or hundredths of a cent when the session opens below a dollar (SEC rule 612)."""
        return 2 if self.open >= 1.0 else 4


def minute_path(address: tuple[int, int, int], bar: DailyBar, minutes: int, pause: tuple[int, int] | None = None) -> Floats:
    """Give the price at the end of every minute of a session.

    A Brownian bridge in logarithms through four fixed points (open, high, low, close), folded back at the high and the low.

    Parameters
    ----------
    address : (seed, session, symbol)
    minutes : int
        Length of the session, at least 10.
    pause : (minute, minutes) or None
        A halt: the price stands still for so many minutes from that minute.

    Returns
    -------
    array of shape (minutes + 1,)
        On the grid of the bar; [0] is the open, [-1] the close, the maximum the high, the minimum the low.
    """
    start, length = pause or (0, 0)
    moving = minutes - length
    draw = generator(address[0], Stream.PATH, address[1], address[2])
    walk = _walk(draw, bar, moving)
    if not length:
        return walk
    return np.concatenate((walk[: start + 1], np.full(length, walk[start]), walk[start + 1 :]))


def _walk(draw: np.random.Generator, bar: DailyBar, minutes: int) -> Floats:
    steps = draw.standard_normal(minutes)
    first, second = np.sort(draw.choice(minutes - 1, 2, replace=False) + 1)
    low_first = (draw.random() < 0.7) == (bar.close >= bar.open)
    turns = (bar.low, bar.high) if low_first else (bar.high, bar.low)
    knots = np.array([0, first, second, minutes])
    prices = np.array([bar.open, *turns, bar.close])
    lowest, highest = math.log(bar.low), math.log(bar.high)
    time = np.arange(minutes + 1)
    free = np.concatenate(([0.0], np.cumsum(steps))) * (highest - lowest) * 0.6 / math.sqrt(minutes)
    logs = np.interp(time, knots, np.log(prices)) + free - np.interp(time, knots, free[knots])
    path: Floats = np.clip(np.round(np.exp(_fold(logs, lowest, highest)), bar.digits), bar.low, bar.high)
    path[knots] = prices
    return path


def _fold(values: Floats, lowest: float, highest: float) -> Floats:
    width = highest - lowest
    if width <= 0:
        return np.full_like(values, lowest)
    offset = np.mod(values - lowest, 2 * width)
    return lowest + np.minimum(offset, 2 * width - offset)
