"""QuantLib and vollib, as anybody would call them, for the benchmarks of option mathematics."""

import math
from collections.abc import Sequence

import numpy as np
import QuantLib
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TODAY = QuantLib.Date(15, 6, 2026)


def process(spot: float, rate: float, dividend_yield: float, volatility: float) -> QuantLib.BlackScholesMertonProcess:
    """Lognormal with flat rates."""
    QuantLib.Settings.instance().evaluationDate = TODAY
    count = QuantLib.Actual365Fixed()
    return QuantLib.BlackScholesMertonProcess(
        QuantLib.QuoteHandle(QuantLib.SimpleQuote(spot)),
        QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(TODAY, dividend_yield, count)),
        QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(TODAY, rate, count)),
        QuantLib.BlackVolTermStructureHandle(QuantLib.BlackConstantVol(TODAY, QuantLib.NullCalendar(), volatility, count)),
    )


def american(strike: float, days: int, *, is_call: bool) -> QuantLib.VanillaOption:
    """American option that expires in so many days."""
    payoff = QuantLib.PlainVanillaPayoff(QuantLib.Option.Call if is_call else QuantLib.Option.Put, strike)
    return QuantLib.VanillaOption(payoff, QuantLib.AmericanExercise(TODAY, TODAY + days))


def exact_price(spot: float, strike: float, days: int, terms: tuple[float, float, float], *, is_call: bool) -> float:
    """High-precision price; terms are rate, yield and volatility."""
    option = american(strike, days, is_call=is_call)
    engine = QuantLib.QdFpAmericanEngine(process(spot, *terms), QuantLib.QdFpAmericanEngine.highPrecisionScheme())
    option.setPricingEngine(engine)
    return float(option.NPV())


def implied(price: float, spot: float, strike: float, days: int, terms: tuple[float, float], *, is_call: bool) -> float:
    """QuantLib's own American implied volatility; NaN where it gives up."""
    try:
        option = american(strike, days, is_call=is_call)
        return float(option.impliedVolatility(price, process(spot, *terms, 0.3), 1e-6, 200, 0.01, 4.0))
    except RuntimeError:
        return math.nan


def escrowed(
    spot: float, strike: float, days: int, terms: tuple[float, float], dividends: Sequence[tuple[int, float]], grid: tuple[int, int]
) -> float:
    """American put by finite differences in the escrowed model; terms are rate and volatility."""
    option = american(strike, days, is_call=False)
    vector = QuantLib.DividendVector([TODAY + day for day, _ in dividends], [cash for _, cash in dividends])
    engine = QuantLib.FdBlackScholesVanillaEngine(
        process(spot, terms[0], 0.0, terms[1]),
        vector,
        *grid,
        0,
        QuantLib.FdmSchemeDesc.Douglas(),
        False,
        -1.0,
        QuantLib.FdBlackScholesVanillaEngine.Escrowed,
    )
    option.setPricingEngine(engine)
    return float(option.NPV())
