"""The slow, honest twin of `core.market.features`: one symbol, plain lists, every value from its definition and from scratch."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NAN = math.nan


@dataclass(frozen=True)
class Bar:
    open: float
    high: float
    low: float
    close: float
    volume: float


Bars = Sequence[Bar | None]


def in_units_of_now(bars: Bars, splits: Mapping[int, float]) -> list[Bar | None]:
    """Divide what came before each split; `splits` has the session number before whose open it takes effect."""
    found: list[Bar | None] = []
    for place, bar in enumerate(bars):
        ratio = math.prod(ratio for other, ratio in splits.items() if other > place)
        found.append(bar and Bar(bar.open / ratio, bar.high / ratio, bar.low / ratio, bar.close / ratio, bar.volume * ratio))
    return found


def window(bars: Bars, period: int) -> list[Bar] | None:
    """Bars of the last sessions; None when the symbol is too young or more than a tenth is missing."""
    first = next((place for place, bar in enumerate(bars) if bar), len(bars))
    there = [bar for bar in bars[-period:] if bar]
    return there if len(bars) - first >= period and len(there) >= 0.9 * period else None


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def simple(bars: Bars, period: int) -> float:
    found = window(bars, period)
    return mean([bar.close for bar in found]) if found else NAN


def exponential(bars: Bars, period: int) -> float:
    closes = [bar.close for bar in bars if bar]
    if len(closes) < period:
        return NAN
    value = mean(closes[:period])
    for close in closes[period:]:
        value += (close - value) * 2 / (period + 1)
    return value


def wilder(values: Sequence[float], period: int = 14) -> float:
    if len(values) < period:
        return NAN
    value = mean(values[:period])
    for following in values[period:]:
        value = (value * (period - 1) + following) / period
    return value


def true_range(bars: Bars) -> float:
    known = [bar for bar in bars if bar]
    pairs = itertools.pairwise(known)
    return wilder([max(new.high, old.close) - min(new.low, old.close) for old, new in pairs])


def strength(bars: Bars) -> float:
    known = [bar.close for bar in bars if bar]
    changes = [new - old for old, new in itertools.pairwise(known)]
    gain, loss = wilder([max(change, 0.0) for change in changes]), wilder([max(-change, 0.0) for change in changes])
    return gain if math.isnan(gain) else 100 * gain / (gain + loss) if gain + loss > 0 else 0.0


def columns(bars: Bars) -> dict[str, float]:
    """Every column of one symbol but the relative strengths; `bars` are in the units of now."""
    last = bars[-1] or Bar(NAN, NAN, NAN, NAN, NAN)
    known = [bar for bar in bars if bar]
    before = known[-2 if bars[-1] else -1].close if len(known) > (1 if bars[-1] else 0) else NAN
    month, sma50, atr = window(bars, 20), simple(bars, 50), true_range(bars)
    usual = window(bars[:-1], 50)
    top, bottom = (max(bar.high for bar in month), min(bar.low for bar in month)) if month else (NAN, NAN)
    extension = (last.close - sma50) / atr if atr > 0 else NAN
    return {
        "close": last.close,
        "low": last.low,
        "volume": last.volume,
        "change_1d": last.close / before - 1,
        "sma20": simple(bars, 20),
        "sma50": sma50,
        "sma100": simple(bars, 100),
        "sma200": simple(bars, 200),
        "sma200_20ago": simple(bars[:-20], 200),
        "ema10": exponential(bars, 10),
        "ema20": exponential(bars, 20),
        "ema50": exponential(bars, 50),
        "ema200": exponential(bars, 200),
        "atr14": atr,
        "rsi14": strength(bars),
        "atr_percent": 100 * atr / last.close,
        "distance": extension,
        "distance_percent_form": extension * last.close / sma50,
        "range_position": 100 * (last.close - bottom) / (top - bottom) if top > bottom else NAN,
        "dollar_volume": mean([bar.close * bar.volume for bar in month]) if month else NAN,
        "rvol": last.volume / mean([bar.volume for bar in usual]) if usual else NAN,
        "adr_percent": 100 * (mean([bar.high / bar.low for bar in month]) - 1) if month else NAN,
        "low_distance": 100 * (last.close - last.low) / atr if atr > 0 else NAN,
    }


def strengths(market: Sequence[Bars], sessions: int) -> list[float]:
    """Percentile of each symbol's return over so many sessions among those that have one."""
    returns = []
    for bars in market:
        old, new = bars[-1 - sessions] if len(bars) > sessions else None, bars[-1]
        returns.append(new.close / old.close - 1 if old and new else NAN)
    known = [value for value in returns if not math.isnan(value)]
    return [
        100 * (sum(other < value for other in known) + (known.count(value) - 1) / 2) / (len(known) - 1)
        if not math.isnan(value) and len(known) > 1
        else NAN
        for value in returns
    ]
