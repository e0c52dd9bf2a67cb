"""The features of every symbol on the last completed bar, kept up session by session.

One state serves live trading, the replay and the simulation: `split` in the morning, `update` after the close, `features` for
the gates. Nothing here looks forward.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np

from core.market.panel import CLOSE, HIGH, LOW, VOLUME, Panel
from core.model.market import Features, Flags, Floats
from core.quant import indicators

RETURNS: Mapping[str, int] = MappingProxyType({"rs_1w": 5, "rs_1m": 21, "rs_3m": 63, "rs_6m": 126})
RISING = 20
MEASURED = (
    *("close", "low", "volume", "change_1d", "range_position", "dollar_volume", "rvol", "adr_percent"),
    *("sma20", "sma50", "sma100", "sma200", "sma200_20ago", "ema10", "ema20", "ema50", "ema200", "atr14", "rsi14"),
    *(*RETURNS, "rs_best", "atr_percent", "distance", "distance_percent_form", "low_distance"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Extras:
    """What does not come from bars. None: the input does not exist in this run; NaN inside a row: not for this symbol.

    Attributes
    ----------
    regime : float or None
        1.0 when the index closed above its SMA200, 0.0 when below, NaN when the index is too young.
    sessions_to_earnings, optionable : row or None
        Sessions until the next report (999: none is near); 1.0 with listed options, 0.0 without.
    raw : bool
        Closes are as traded, so that `raw_close` is known.
    """

    regime: float | None = None
    sessions_to_earnings: Floats | None = None
    optionable: Floats | None = None
    raw: bool = True


class FeatureState:
    """Bars and running indicators of every symbol.

    Parameters
    ----------
    symbols : names of the columns; they never change.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.panel = Panel(symbols)
        count = len(self.panel.symbols)
        self._true_range = indicators.TrueRange(count)
        self._strength = indicators.StrengthIndex(count)
        self._means = indicators.ExponentialMeans(count)
        self._age = np.zeros(count)
        self._last = np.full(count, np.nan)
        self._before = np.full(count, np.nan)
        self._past200 = np.full((RISING, count), np.nan)
        self._ago200 = np.full(count, np.nan)
        self._updates = 0
        self._simple: tuple[Floats, ...] = ()
        self._columns: dict[str, Floats] | None = {name: np.full(count, np.nan) for name in MEASURED}

    def split(self, ratios: Mapping[str, float]) -> None:
        """Take the splits of a morning: new shares for each old one, by symbol. Everything moves into the new units.

        Parameters
        ----------
        ratios : symbols that the state does not know are left out.
        """
        known = {self.panel.columns[symbol]: ratio for symbol, ratio in ratios.items() if symbol in self.panel.columns}
        if not known:
            return
        row = np.ones(len(self.panel.symbols))
        row[list(known)] = list(known.values())
        for part in (self.panel, self._true_range, self._strength, self._means):
            part.rescale(row)
        self._last = self._last / row
        self._before = self._before / row
        self._past200 = self._past200 / row
        self._ago200 = self._ago200 / row
        if len(self.panel):
            self._simple, self._columns = self._simple_means(), None

    def update(self, day: date, bar: Floats) -> None:
        """Take the completed bars of a session.

        Parameters
        ----------
        bar : shape (5, symbols): open, high, low, close, volume. A symbol whose close is NaN has no bar that day.

        Raises
        ------
        BadDataError
            The shape does not fit, or the day is not after the last one.
        """
        bar = np.where(np.isnan(bar[CLOSE]), np.nan, bar)
        self.panel.append(day, bar)
        close = bar[CLOSE]
        there = ~np.isnan(close)
        self._age += there | (self._age > 0)
        self._true_range.update(bar[HIGH], bar[LOW], close)
        self._strength.update(close)
        self._means.update(close)
        self._before = self._last
        self._last = np.where(there, close, self._last)
        slot = self._updates % RISING
        self._updates += 1
        self._ago200 = self._past200[slot].copy()
        self._simple, self._columns = self._simple_means(), None
        self._past200[slot] = self._simple[-1]

    def features(self, extras: Extras) -> Features:
        """Give all columns on the last completed bar, with what is given from outside."""
        if self._columns is None:
            self._columns = self._measure()
        count = len(self.panel.symbols)
        columns, absent = dict(self._columns), {}
        given = {
            "regime": None if extras.regime is None else np.full(count, extras.regime),
            "sessions_to_earnings": extras.sessions_to_earnings,
            "optionable": extras.optionable,
            "raw_close": columns["close"] if extras.raw else None,
        }
        for name, row in given.items():
            columns[name] = np.full(count, np.nan) if row is None else row
            missing = _missing(name, row, count)
            if missing.any():
                absent[name] = missing
        if count < 2:
            absent |= {name: np.ones(count, dtype=np.bool_) for name in (*RETURNS, "rs_best")}
        return Features(columns, absent)

    def _measure(self) -> dict[str, Floats]:
        columns = self._prices() | self._averages() | self._strengths()
        close, sma50, atr = columns["close"], columns["sma50"], columns["atr14"]
        columns["atr_percent"] = indicators.true_range_percent(close, atr)
        columns["distance"] = indicators.distance(close, sma50, atr)
        columns["distance_percent_form"] = indicators.distance_percent_form(close, sma50, atr)
        columns["low_distance"] = indicators.low_distance(close, columns["low"], atr)
        return columns

    def _prices(self) -> dict[str, Floats]:
        panel, age = self.panel, self._age
        close, low, volume = (panel.rows(field, 1)[-1].copy() for field in (CLOSE, LOW, VOLUME))
        closes, highs, lows = (panel.rows(field, 20) for field in (CLOSE, HIGH, LOW))
        (usual,) = indicators.simple_means(panel.rows(VOLUME, 51)[:-1], age - 1, (50,))
        (dollars,) = indicators.simple_means(closes * panel.rows(VOLUME, 20), age, (20,))
        (span,) = indicators.simple_means(highs / lows, age, (20,))
        return {
            "close": close,
            "low": low,
            "volume": volume,
            "change_1d": close / self._before - 1.0,
            "range_position": np.where(np.isnan(span), np.nan, indicators.range_position(highs, lows, close)),
            "dollar_volume": dollars,
            "rvol": volume / np.where(usual > 0, usual, np.nan),
            "adr_percent": 100.0 * (span - 1.0),
        }

    def _simple_means(self) -> tuple[Floats, ...]:
        return indicators.simple_means(self.panel.rows(CLOSE, 200), self._age, (20, 50, 100, 200))

    def _averages(self) -> dict[str, Floats]:
        names = ("sma20", "sma50", "sma100", "sma200")
        columns = dict(zip(names, self._simple, strict=True)) | {"sma200_20ago": self._ago200}
        columns |= {f"ema{period}": self._means.value[i] for i, period in enumerate(self._means.periods)}
        return columns | {"atr14": self._true_range.value, "rsi14": self._strength.value}

    def _strengths(self) -> dict[str, Floats]:
        columns = {}
        for name, sessions in RETURNS.items():
            closes = self.panel.rows(CLOSE, sessions + 1)
            known = len(closes) == sessions + 1
            columns[name] = indicators.percentile(closes[-1] / closes[0] - 1.0 if known else np.full(closes.shape[1], np.nan))
        columns["rs_best"] = np.fmax.reduce(list(columns.values()))
        return columns


def _missing(name: str, row: Floats | None, count: int) -> Flags:
    if row is None:
        return np.ones(count, dtype=np.bool_)
    if name in {"sessions_to_earnings", "optionable"}:
        return np.isnan(row)
    return np.zeros(count, dtype=np.bool_)
