"""Slow, honest twins of the pricing kernels: one contract at a time in plain Python, from the textbook formulas."""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

STANDARD = NormalDist()


def normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def european(s: float, k: float, t: float, r: float, q: float, v: float, *, call: bool) -> dict[str, float]:
    """Price and Greeks, with the units of `core.quant.european`."""
    sign, root = (1 if call else -1), math.sqrt(t)
    d1 = (math.log(s / k) + (r - q + v * v / 2) * t) / (v * root)
    d2 = d1 - v * root
    grown, paid = s * math.exp(-q * t), k * math.exp(-r * t)
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    held, hit = normal(sign * d1), normal(sign * d2)
    vega = grown * density * root
    return {
        "price": sign * (grown * held - paid * hit),
        "delta": sign * math.exp(-q * t) * held,
        "gamma": math.exp(-q * t) * density / (s * v * root),
        "vega": vega / 100,
        "theta": (-grown * density * v / (2 * root) + sign * (q * grown * held - r * paid * hit)) / 365,
        "rho": sign * t * paid * hit / 100,
        "vanna": -math.exp(-q * t) * density * d2 / v / 100,
        "charm": (
            sign * q * math.exp(-q * t) * held - math.exp(-q * t) * density * (2 * (r - q) * t - d2 * v * root) / (2 * t * v * root)
        )
        / 365,
        "vomma": vega * d1 * d2 / v / 10_000,
    }


def volatility(price: float, worth: Callable[[float], float]) -> float:
    """Volatility between 1e-4 and 10 at which a rising function gives the price, by halving."""
    low, high = 1e-4, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        if worth(middle) < price:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def american(s: float, k: float, t: float, r: float, q: float, v: float, *, call: bool, steps: int = 300) -> float:
    """Binomial tree of Cox, Ross and Rubinstein with the Black-Scholes value in its last step, extrapolated from two sizes."""

    def tree(n: int) -> float:
        dt = t / n
        up = math.exp(v * math.sqrt(dt))
        p = (math.exp((r - q) * dt) - 1 / up) / (up - 1 / up)
        discount, sign = math.exp(-r * dt), (1 if call else -1)
        spots = [s * up ** (2 * j - n + 1) for j in range(n)]
        values = [max(european(x, k, dt, r, q, v, call=call)["price"], sign * (x - k)) for x in spots]
        for step in range(n - 2, -1, -1):
            values = [
                max(discount * (p * values[j + 1] + (1 - p) * values[j]), sign * (s * up ** (2 * j - step) - k))
                for j in range(step + 1)
            ]
        return values[0]

    return 2 * tree(steps) - tree(steps // 2)


def escrowed(
    s: float,
    k: float,
    t: float,
    r: float,
    v: float,
    dividends: Sequence[tuple[float, float]],
    *,
    call: bool,
    steps: int = 300,
) -> float:
    """American right with cash dividends in the escrowed model: a tree in the spot less the present value of what is to be paid."""

    def later(at: float) -> float:
        return sum(cash * math.exp(-r * (day - at)) for day, cash in dividends if at < day <= t)

    dt = t / steps
    clean, up = s - later(0.0), math.exp(v * math.sqrt(dt))
    p = (math.exp(r * dt) - 1 / up) / (up - 1 / up)
    discount, sign = math.exp(-r * dt), (1 if call else -1)
    values = [max(sign * (clean * up ** (2 * j - steps) - k), 0.0) for j in range(steps + 1)]
    for step in range(steps - 1, -1, -1):
        owed = later(step * dt)
        values = [
            max(discount * (p * values[j + 1] + (1 - p) * values[j]), sign * (clean * up ** (2 * j - step) + owed - k))
            for j in range(step + 1)
        ]
    return values[0]
