"""Compiled loops of the modelled chain: volatilities, spreads, sizes, open interest, volume. `chains` states the model."""

import math

from core.model.market import Floats
from core.quant.compiled import compiled

SKEW, SMILE, WING = -0.08, 0.02, 4.0
TERM_GAIN, TERM_YEARS, LEVEL_YEARS = 0.10, 0.25, 30.0 / 365.0
SPREAD_OF_VEGA, SPREAD_OF_SPOT, SPREAD_OF_WING = 0.025, 0.0008, 0.10
SHORTEST = 1.0 / 365.0 / 24.0


@compiled
def at_the_money(level: float, t: float) -> float:
    """Volatility at the forward for t years: the level at thirty days, gently higher later and lower before."""
    return level * (1.0 + TERM_GAIN * (t / (t + TERM_YEARS) - LEVEL_YEARS / (LEVEL_YEARS + TERM_YEARS)))


@compiled
def moneyness(s: float, k: float, t: float, r: float, q: float, level: float) -> float:
    """Deviations of the strike from the forward, flattening out towards WING on both sides."""
    t = max(t, SHORTEST)
    x = (math.log(k / s) - (r - q) * t) / (at_the_money(level, t) * math.sqrt(t))
    return WING * math.tanh(x / WING)


@compiled
def surface(spot: float, rate: float, dividend_yield: float, level: float, strike: Floats, years: Floats, out: Floats) -> None:
    """Model volatility of each contract into out."""
    for i in range(len(strike)):
        t = max(years[i], SHORTEST)
        y = moneyness(spot, strike[i], t, rate, dividend_yield, level)
        out[i] = at_the_money(level, t) * (1.0 + SKEW * y + SMILE * y * y)


@compiled
def cents_below(price: float) -> float:
    """Largest tick not above the price, in cents: ticks of 1 below three dollars, of 5 from there."""
    if price < 3.0:
        return max(math.floor(price * 100.0 + 1e-9), 0.0)
    return 5.0 * math.floor(price * 20.0 + 1e-9)


@compiled
def cents_above(price: float) -> float:
    """Smallest tick not below the price, in cents."""
    if price <= 3.0:
        return math.ceil(price * 100.0 - 1e-9)
    return 5.0 * math.ceil(price * 20.0 - 1e-9)


@compiled
def touch(
    spot: float,
    rate: float,
    dividend_yield: float,
    level: float,
    strike: Floats,
    years: Floats,
    sigma: Floats,
    greeks: Floats,
    out: Floats,
) -> None:
    """Bid, ask and their sizes into the rows of out; greeks has rows price, delta, gamma, theta, vega per point."""
    for i in range(len(strike)):
        price, delta, vega = greeks[0, i], greeks[1, i], greeks[4, i] * 100.0
        if years[i] <= 0.0:
            out[0, i] = out[1, i] = math.floor(price * 100.0 + 0.5) / 100.0
            out[2, i] = out[3, i] = 0.0
            continue
        y = moneyness(spot, strike[i], years[i], rate, dividend_yield, level)
        width = SPREAD_OF_VEGA * vega * sigma[i] * (1.0 + SPREAD_OF_WING * y * y) + SPREAD_OF_SPOT * spot * abs(delta)
        half = 0.5 * max(width, 0.01)
        bid, ask = cents_below(price - half), cents_above(price + half)
        size = math.floor(5.0 + 60.0 * math.exp(-0.5 * y * y) / (1.0 + 2.0 * years[i]))
        out[0, i], out[1, i] = bid / 100.0, ask / 100.0
        out[2, i], out[3, i] = (size if bid > 0.0 else 0.0), size + 2.0


@compiled
def interest(
    spot: float, rate: float, dividend_yield: float, level: float, strike: Floats, years: Floats, listing: Floats, out: Floats
) -> None:
    """Volume and open interest of each contract into the rows of out; listing is what trades at the money in thirty days."""
    for i in range(len(strike)):
        days = years[i] * 365.0
        y = moneyness(spot, strike[i], years[i], rate, dividend_yield, level)
        held = listing[i] * math.exp(-0.3 * y * y) * math.exp((30.0 - days) / 150.0)
        out[0, i] = math.floor(0.4 * held * math.exp(-days / 45.0))
        out[1, i] = math.floor(held)
