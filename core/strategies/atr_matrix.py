"""The ATR matrix: buy leaders near their SMA50, sell them in quarters as they stretch away from it.

Distance is measured in the dollar form D = (close - SMA50) / ATR14, never in the percent form. Entries need 0 <= D <= 4, exits
begin at D = 7; between them a position is only held. Sources: the public "ATR matrix" screen (entry zone, moving averages in
order, range position, relative strength) and the ATR multiple of SMA50 as a scale of extension.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le, MinLen

from core.market.scan import evaluate, explain
from core.model.errors import BadDataError, SettingsError, UnknownSymbolError
from core.model.market import MarketView
from core.model.money import price
from core.model.positions import Book, Position
from core.model.proposals import Plan, share_out
from core.model.signals import Comparison, Gate, Intent, Levels, Rung, Signal
from core.strategies._exits import exits, rungs_left, signal_id

GE, GT, LE = Comparison.GE, Comparison.GT, Comparison.LE


@dataclass(frozen=True, slots=True)
class AtrMatrix:
    """Settings of the ATR matrix; every threshold of the entry and the exits.

    Attributes
    ----------
    min_price, min_dollar_volume : float
        Raw close in dollars, and 20-day mean of close times volume in dollars.
    min_distance, max_distance : float
        Entry zone of D.
    min_range_position, min_atr_percent, min_relative_strength : float
        Percent of the 20-day range, ATR14 in percent of the close, best percentile over 1, 5 weeks, 3 and 6 months.
    max_low_distance : float
        How far above the low of the day the close may stand, in percent of ATR14.
    quiet_sessions : int
        No earnings within so many sessions.
    stop_atr : float
        Stop below the entry, in ATR14.
    rungs : tuple of float
        Multiples of ATR14 above SMA50 at which equal shares of the position are closed, lowest first.
    max_sessions : int
        Longest holding time.
    exit_days_to_expiry, premium_stop : int, float
        Options: close at so many calendar days before expiry, or when this share of the premium is lost.
    max_signals : int
        Opening signals per session, the best scores first.
    """

    name: ClassVar[str] = "atr_matrix"

    min_price: Annotated[float, Ge(0)] = 5.0
    min_dollar_volume: Annotated[float, Ge(0)] = 20e6
    min_distance: Annotated[float, Ge(0), Le(10)] = 0.0
    max_distance: Annotated[float, Gt(0), Le(10)] = 4.0
    min_range_position: Annotated[float, Ge(0), Le(100)] = 50.0
    min_atr_percent: Annotated[float, Ge(0), Le(50)] = 3.0
    min_relative_strength: Annotated[float, Ge(0), Le(100)] = 90.0
    max_low_distance: Annotated[float, Ge(0)] = 60.0
    quiet_sessions: Annotated[int, Ge(0), Le(60)] = 5
    stop_atr: Annotated[float, Gt(0), Le(10)] = 1.5
    rungs: Annotated[tuple[float, ...], MinLen(1)] = (7.0, 8.0, 9.0, 10.0)
    max_sessions: Annotated[int, Ge(1), Le(1000)] = 60
    exit_days_to_expiry: Annotated[int, Ge(0), Le(365)] = 10
    premium_stop: Annotated[float, Gt(0), Le(1)] = 0.5
    max_signals: Annotated[int, Ge(1)] = 10

    def __post_init__(self) -> None:
        rungs = tuple(self.rungs)
        if not rungs or list(rungs) != sorted(set(rungs)):
            raise SettingsError((f"rungs: {list(rungs)} must be one or more multiples, each higher than the one before",))
        if not self.min_distance <= self.max_distance < rungs[0]:
            mistake = (
                f"max_distance: {self.max_distance:g} must not be below min_distance ({self.min_distance:g}) and must be below "
                f"the first rung ({rungs[0]:g}), else a position would be sold as it is bought"
            )
            raise SettingsError((mistake,))

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Entry conditions as data, the cheapest to explain first; all must hold."""
        return (
            Gate("price", "raw_close", GE, self.min_price, "price as traded, dollars", 1, 50),
            Gate("liquidity", "dollar_volume", GE, self.min_dollar_volume, "20-day mean dollar volume", 1e6, 200e6),
            Gate("optionable", "optionable", GE, 1.0, "has listed options (1 yes, 0 no)"),
            Gate("above_sma20", "close", GT, "sma20", "close above SMA20"),
            Gate("order_10_20", "ema10", GE, "sma20", "EMA10 at or above SMA20"),
            Gate("order_20_50", "sma20", GE, "sma50", "SMA20 at or above SMA50"),
            Gate("order_50_100", "sma50", GE, "sma100", "SMA50 at or above SMA100"),
            Gate("order_100_200", "sma100", GE, "sma200", "SMA100 at or above SMA200"),
            Gate("rising_200", "sma200", GE, "sma200_20ago", "SMA200 at or above its value 20 sessions ago"),
            Gate("above_sma50", "distance", GE, self.min_distance, "distance to SMA50 in ATR, lowest", 0, 3),
            Gate("not_extended", "distance", LE, self.max_distance, "distance to SMA50 in ATR, highest", 1, 6.5),
            Gate("range_position", "range_position", GE, self.min_range_position, "place in the 20-day range, percent", 0, 90),
            Gate("volatility", "atr_percent", GE, self.min_atr_percent, "ATR14 in percent of the close", 1, 8),
            Gate("relative_strength", "rs_best", GE, self.min_relative_strength, "best relative-strength percentile", 50, 99),
            Gate("near_low", "low_distance", LE, self.max_low_distance, "close above the day's low, percent of ATR", 20, 200),
            Gate("earnings", "sessions_to_earnings", GT, float(self.quiet_sessions), "sessions until earnings", 0, 15),
            Gate("regime", "regime", GE, 1.0, "index above its SMA200 (1 yes, 0 no)"),
        )

    def propose(self, view: MarketView, book: Book, survivors: Sequence[str]) -> tuple[Signal, ...]:
        """Opening signals, best score first, equal scores by symbol; what this strategy already holds is left out."""
        held = {position.symbol for position in book.held if position.strategy == self.name}
        fresh = [symbol for symbol in survivors if symbol not in held]
        if not fresh:
            return ()
        passing = frozenset(evaluate(self.gates, view.features, view.symbols, strict=False).survivors)
        places = {symbol: place for place, symbol in enumerate(view.symbols)}
        rated = [(symbol, *self._rated(view, places[symbol])) for symbol in fresh if symbol in passing]
        best = sorted((-score, symbol, levels) for symbol, score, levels in rated if levels is not None and score is not None)
        return tuple(
            self._opening(view, symbol, places[symbol], (-lowest, levels)) for lowest, symbol, levels in best[: self.max_signals]
        )

    def rate(self, symbol: str, view: MarketView) -> tuple[float | None, Levels | None]:
        """Score and levels of a symbol that passes every gate which can be evaluated; (None, None) for every other one.

        Raises
        ------
        UnknownSymbolError
            The symbol is not in the universe.
        """
        if symbol not in view.symbols:
            raise UnknownSymbolError(f"{symbol!r} is not in the universe of {len(view.symbols)} symbols; check the spelling")
        place = view.symbols.index(symbol)
        results = explain(self.gates, view.features, place, strict=False)
        if any(result.outcome == "fail" for result in results):
            return None, None
        return self._rated(view, place)

    def plan(self, signal: Signal, quantity: int, *, options: bool) -> Plan:
        """How to manage a position of so many units; `share_out` says how units are spread over the rungs.

        Raises
        ------
        BadDataError
            The signal has no levels, so it opens nothing.
        """
        if signal.levels is None:
            raise BadDataError(f"signal {signal.id} on {signal.symbol} has no levels; only an opening signal can be planned")
        return Plan(
            stop=signal.levels.stop,
            ladder=share_out(self.rungs, quantity),
            max_sessions=self.max_sessions,
            exit_days_to_expiry=self.exit_days_to_expiry if options else None,
            premium_stop=self.premium_stop if options else None,
        )

    def manage(self, position: Position, view: MarketView) -> tuple[Signal, ...]:
        """Closing signals at this instant: one for the whole position, or one for each rung that was reached.

        The most protective cause wins: stop, premium, expiry, trend (completed bar), time, then the ladder. A position without
        whole units, without a sound quote or outside the universe gets none.
        """
        return exits(position, view)

    def triggers(self, position: Position, view: MarketView) -> tuple[Decimal, ...]:
        """Stop, then each rung still to fire, lowest first (on the SMA50 and ATR14 of the completed bar).

        A symbol that left the universe has no rungs.
        """
        try:
            features = view.symbol(position.symbol).features
        except UnknownSymbolError:
            return (position.plan.stop,)
        return (position.plan.stop, *(rung.price for rung in rungs_left(position, features)))

    def _rated(self, view: MarketView, place: int) -> tuple[float, Levels] | tuple[None, None]:
        """Score and levels of one column of the features; None for both when its prices make no sense."""
        row = _row(view, place)
        levels = self._levels(row)
        return (self._score(row), levels) if levels else (None, None)

    def _opening(self, view: MarketView, symbol: str, place: int, rating: tuple[float, Levels]) -> Signal:
        row, (score, levels) = _row(view, place), rating
        return Signal(
            id=signal_id(self.name, symbol, view.completed, Intent.OPEN, "entry"),
            strategy=self.name,
            symbol=symbol,
            intent=Intent.OPEN,
            cause="entry",
            session=view.completed,
            as_of=view.as_of,
            price=levels.entry,
            reason=(
                f"{symbol} closed at {levels.entry:.2f}, {row['distance']:.1f} ATR above its SMA50, with a relative "
                f"strength of {row['rs_best']:.0f} and an ATR of {row['atr_percent']:.1f} % of its price."
            ),
            score=score,
            levels=levels,
            gates=explain(self.gates, view.features, place, strict=False),
        )

    def _levels(self, row: Mapping[str, float]) -> Levels | None:
        close, atr, sma50 = row["close"], row["atr14"], row["sma50"]
        stop = close - self.stop_atr * atr
        if not (math.isfinite(close + atr + sma50) and 0 < stop < close < sma50 + self.rungs[0] * atr):
            return None
        rungs = tuple(Rung(multiple, price(sma50 + multiple * atr)) for multiple in self.rungs)
        return Levels(price(close), price(stop), rungs, price(atr), price(sma50))

    def _score(self, row: Mapping[str, float]) -> float:
        """Rank of a candidate, 0 to 100: a sum of what is good about it, no probability of anything.

        35 relative strength (from the gate's percentile to 100), 25 room to the first rung (from the far end of the entry zone to
        its near one), 20 place in the 20-day range (from the gate's to 100), 10 ATR percent (from the gate's to twice that),
        10 volume against its 50-day mean (from 0.5 to 2 times). An unknown part counts nothing.
        """
        parts = (
            (35, _share(row["rs_best"], self.min_relative_strength, 100)),
            (25, 1 - _share(row["distance"], self.min_distance, self.max_distance, unknown=1.0)),
            (20, _share(row["range_position"], self.min_range_position, 100)),
            (10, _share(row["atr_percent"], self.min_atr_percent, 2 * self.min_atr_percent)),
            (10, _share(row["rvol"], 0.5, 2.0)),
        )
        return round(sum(weight * part for weight, part in parts), 2)


def _row(view: MarketView, place: int) -> dict[str, float]:
    return {name: float(column[place]) for name, column in view.features.columns.items()}


def _share(value: float, low: float, high: float, unknown: float = 0.0) -> float:
    """Place of a value between two others, 0 to 1; `unknown` for NaN."""
    if math.isnan(value):
        return unknown
    if high <= low:
        return float(value >= high)
    return min(1.0, max(0.0, (value - low) / (high - low)))
