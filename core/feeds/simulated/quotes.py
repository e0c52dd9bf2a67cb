"""Quotes of shares: the price at an instant, the spread around it, and the sizes. Pure functions of seed, symbol and time."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from core.feeds.simulated.days import Day
from core.feeds.simulated.draws import Stream, generator
from core.feeds.simulated.names import Traits
from core.feeds.simulated.path import DailyBar, minute_path
from core.model.market import Floats, Quote

EARLY = timedelta(hours=5, minutes=30)


@dataclass(frozen=True, slots=True)
class Touch:
    """The price of a share when it was last quoted, on its grid of so many decimal places; `thin` outside of the session."""

    price: float
    digits: int
    as_of: datetime
    minute: int
    thin: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Prices within one session; keeps the paths that were asked for.

    Attributes
    ----------
    day : Day
        The session whose prices these are.
    paths : dict of symbol position to array of shape (minutes + 1,)
    """

    seed: int
    traits: Traits
    day: Day
    paths: dict[int, Floats]

    def path(self, place: int) -> Floats:
        """Give the price of one name at the open and at the end of each minute of the session."""
        if place not in self.paths:
            day = self.day
            bar = DailyBar(float(day.open[place]), float(day.high[place]), float(day.low[place]), float(day.close[place]))
            minutes = int((day.session.close - day.session.open).total_seconds()) // 60
            self.paths[place] = minute_path((self.seed, day.position, place), bar, minutes, day.halts.get(place))
        return self.paths[place]

    def touch(self, place: int, now: datetime) -> Touch | None:
        """Give the price of a name at an instant; None before it is listed or before its first early quote.

        Early quotes begin 5.5 hours before the open and move from the last close to the open. After the close the closing
        quote stays, with its time, so that it grows stale; so does the quote at the start of a halt.
        """
        day = self.day
        first = float(day.open[place])
        if np.isnan(first) or now < day.session.open - EARLY:
            return None
        digits = 2 if first >= 1.0 else 4
        if now < day.session.open:
            return Touch(round(early_price(day, place, now), digits), digits, now, 0, thin=True)
        path = self.path(place)
        seconds = (min(now, day.session.close) - day.session.open).total_seconds()
        start, length = day.halts.get(place, (0, 0))
        if start * 60 < seconds < (start + length) * 60:
            seconds = start * 60.0
        minute, rest = int(seconds // 60), seconds % 60 / 60
        price = path[minute] + rest * (path[min(minute + 1, len(path) - 1)] - path[minute])
        return Touch(round(float(price), digits), digits, day.session.open + timedelta(seconds=seconds), minute)

    def quote(self, place: int, now: datetime) -> Quote | None:
        """Give the quote of a name at an instant: the price in the middle, whole ticks on either side."""
        touch = self.touch(place, now)
        if touch is None:
            return None
        ticks = half_spread(touch, float(self.traits.turnover[place]))
        middle = round(touch.price * 10.0**touch.digits)
        unit = Decimal(1).scaleb(-touch.digits)
        bid_size, ask_size = self._sizes(place, touch)
        return Quote(max(middle - ticks, 1) * unit, (middle + ticks) * unit, bid_size, ask_size, touch.as_of)

    def _sizes(self, place: int, touch: Touch) -> tuple[int, int]:
        draw = generator(self.seed, Stream.SIZES, self.day.position, place * 1024 + touch.minute)
        typical = float(self.traits.turnover[place]) / touch.price / 23400 * (2 if touch.thin else 10)
        bid, ask = np.maximum(np.round(typical * np.exp(0.6 * draw.standard_normal(2)) / 100), 1)
        return int(bid) * 100, int(ask) * 100


def early_price(day: Day, place: int, now: datetime) -> float:
    """Price before the open: on its way from the last close to the open, in a line of logarithms."""
    share = 1.0 - (day.session.open - now) / EARLY
    before, first = float(day.prior[place]), float(day.open[place])
    return before * math.exp(share * math.log(first / before))


def half_spread(touch: Touch, turnover: float) -> int:
    """Give half the spread in whole ticks: half a basis point and 12 over the root of the millions traded, wider early on."""
    points = 0.5 + 12.0 / math.sqrt(turnover / 1e6)
    points *= 4.0 if touch.thin else 1.0 + 2.0 * 0.9**touch.minute
    return max(1, round(touch.price * points * 1e-4 * 10.0**touch.digits))
