import itertools
from dataclasses import replace
from decimal import Decimal

import numpy as np

from core.model.market import SymbolView
from core.model.positions import Position
from core.model.signals import Signal
from core.strategies.atr_matrix import AtrMatrix
from tests.kit import nouns

MATRIX = AtrMatrix()


def causes(signals: tuple[Signal, ...]) -> list[str]:
    return [signal.cause for signal in signals]


def grid() -> list[SymbolView]:
    """Every combination of distance, alignment, place in the range and ATR percent."""
    names = []
    distances, aligned, places, volatility = (
        np.arange(-3, 14.25, 0.25),
        (True, False),
        (20.0, 49.0, 50.0, 90.0),
        (1.0, 2.9, 3.0, 9.0),
    )
    for number, (d, order, place, atr_percent) in enumerate(itertools.product(distances, aligned, places, volatility)):
        atr = atr_percent
        features = {
            "distance": float(d),
            "sma50": 100 - d * atr,
            "sma20": 100 - d * atr / 2,
            "ema10": (100 - d * atr / 4) if order else 1.0,
            "sma100": 0.9 * (100 - d * atr),
            "sma200": 0.8 * (100 - d * atr),
            "sma200_20ago": 0.79 * (100 - d * atr),
            "range_position": place,
            "atr_percent": atr_percent,
            "atr14": atr,
        }
        names.append(nouns.symbol_view(f"S{number}", features=features))
    return names


def held(symbol: str, stop: Decimal) -> Position:
    return nouns.position(symbol, plan=nouns.plan(stop=stop))


def test_no_output_contradicts_another_on_the_whole_grid() -> None:
    names = grid()
    view = nouns.view(*names)
    bought = {signal.symbol: signal for signal in replace(MATRIX, max_signals=10**6).propose(view, nouns.book(), view.symbols)}
    assert bought
    for name in names:
        d, signal = name.features["distance"], bought.get(name.symbol)
        score, levels = MATRIX.rate(name.symbol, view)
        assert (score is None) == (levels is None) == (signal is None)
        stop = signal.levels.stop if signal and signal.levels else Decimal(1)
        exits = MATRIX.manage(held(name.symbol, stop), view)
        if signal is not None:
            assert 0 <= d <= 4
            assert signal.levels is not None
            assert signal.levels.stop < signal.levels.entry < signal.levels.rungs[0].price
            assert exits == (), "a buy would be sold as it is bought"
        if d < 0:
            assert causes(exits) == ["trend"]
        elif d < 7:
            assert exits == ()
        else:
            assert causes(exits) == [f"ladder-{k}" for k in (7, 8, 9, 10) if d >= k]
