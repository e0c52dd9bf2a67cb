"""Compiled loops of the American model: a Leisen-Reimer binomial tree corrected by the European closed form.

Leisen and Reimer (1996), "Binomial models for option valuation", with the Peizer-Pratt inversion of method 2. The same
tree's European value is subtracted and the exact one (Merton 1973) added, for the price and for each Greek: the control
variate of Hull and White (1988). So a right that is never exercised early is exact, and no price lies below the European one.

In every function: s spot, k strike, t years, r rate, q dividend yield, v volatility, sign 1 for a call and -1 for a put; value,
spot and weights are workspaces of STEPS + 1 numbers.
"""

import math

import numpy as np

from core.model.market import Floats
from core.quant.compiled import compiled

#: Steps of the tree; odd, so that the strike lies between two end nodes.
STEPS = 101
#: Below this deviation (volatility times root of years) the price is that of a certain future.
CERTAIN = 1e-7
#: Beyond so many deviations the tree is of no use and the outcome as good as certain.
FAR = 150.0
#: Largest deviation that has a price; beyond it a call is the share and a put its strike.
WIDEST = 20.0
#: Volatility difference over which the vega of the right to exercise early is measured.
VEGA_STEP = 0.002
LOWEST, HIGHEST = 1e-3, 10.0


@compiled
def normal(z: float) -> float:
    """Cumulative standard normal."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@compiled
def european(s: float, k: float, t: float, r: float, q: float, v: float, sign: float) -> tuple[float, float, float, float, float]:
    """Price, delta, gamma, theta per year and vega per 1.00 of the European right; t and v positive."""
    root = math.sqrt(t)
    d1 = (math.log(s / k) + (r - q + 0.5 * v * v) * t) / (v * root)
    d2 = d1 - v * root
    grown, paid = s * math.exp(-q * t), k * math.exp(-r * t)
    density = math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
    hit, held = normal(sign * d2), normal(sign * d1)
    price = max(sign * (grown * held - paid * hit), 0.0)
    delta = sign * math.exp(-q * t) * held
    gamma = math.exp(-q * t) * density / (s * v * root)
    theta = -grown * density * v / (2.0 * root) + sign * (q * grown * held - r * paid * hit)
    return price, delta, gamma, theta, grown * density * root


@compiled
def inversion(z: float, n: int) -> float:
    """Peizer-Pratt inversion, method 2: the probability whose binomial tail is the normal one; keeps its precision in the tails."""
    x = z / (n + 1.0 / 3.0 + 0.1 / (n + 1.0))
    e = math.exp(-x * x * (n + 1.0 / 6.0))
    low = 0.5 * e / (1.0 + math.sqrt(1.0 - e))
    return 1.0 - low if z > 0.0 else low


@compiled
def branches(s: float, k: float, t: float, r: float, q: float, v: float) -> tuple[float, float, float]:
    """Up factor, down factor and up probability of the tree."""
    root = math.sqrt(t)
    d1 = (math.log(s / k) + (r - q + 0.5 * v * v) * t) / (v * root)
    d2 = d1 - v * root
    p, drift = inversion(d2, STEPS), math.exp((r - q) * t / STEPS)
    return drift * inversion(d1, STEPS) / p, drift * inversion(-d1, STEPS) / inversion(-d2, STEPS), p


@compiled
def weigh(p: float, n: int, weights: Floats) -> None:
    """Binomial probabilities of n steps into weights[:n + 1], built outwards from the mode so that nothing underflows."""
    mode = min(int((n + 1) * p), n)
    weights[mode] = 1.0
    total = 1.0
    for j in range(mode, n):
        weights[j + 1] = weights[j] * (n - j) / (j + 1) * p / (1.0 - p)
        total += weights[j + 1]
    for j in range(mode, 0, -1):
        weights[j - 1] = weights[j] * j / (n - j + 1) * (1.0 - p) / p
        total += weights[j - 1]
    for j in range(n + 1):
        weights[j] /= total


@compiled
def slopes(low: float, middle: float, high: float, spot: float, up: float, down: float) -> tuple[float, float]:
    """Delta and gamma from the values at the three nodes of the second step."""
    s0, s1, s2 = spot * down * down, spot * up * down, spot * up * up
    first, second = (middle - low) / (s1 - s0), (high - middle) / (s2 - s1)
    gamma = 2.0 * (second - first) / (s2 - s0)
    return first + gamma * (spot - 0.5 * (s0 + s1)), gamma


@compiled
def tree(
    s: float, k: float, t: float, r: float, q: float, v: float, sign: float, value: Floats, spot: Floats, weights: Floats
) -> tuple[float, float, float]:
    """Price, delta and gamma of the right to exercise early: American less European value of the same tree."""
    n = STEPS
    up, down, p = branches(s, k, t, r, q, v)
    discount = math.exp(-r * t / n)
    rise, fall, back = discount * p, discount * (1.0 - p), 1.0 / down
    node = s * down**n
    for j in range(n + 1):
        spot[j] = node
        value[j] = max(sign * (node - k), 0.0)
        node *= up / down
    weigh(p, n - 2, weights)
    e0 = e1 = e2 = 0.0
    for j in range(n - 1):
        e0 += weights[j] * value[j]
        e1 += weights[j] * value[j + 1]
        e2 += weights[j] * value[j + 2]
    shrunk = discount ** (n - 2)
    e0, e1, e2 = e0 * shrunk, e1 * shrunk, e2 * shrunk
    for step in range(n - 1, 1, -1):
        for j in range(step + 1):
            spot[j] *= back
            held = rise * value[j + 1] + fall * value[j]
            exercised = sign * (spot[j] - k)
            value[j] = max(held, exercised)
    a0, a1, a2 = value[0], value[1], value[2]
    delta, gamma = slopes(a0 - e0, a1 - e1, a2 - e2, s, up, down)
    w0 = max(rise * a1 + fall * a0, sign * (s * down - k))
    w1 = max(rise * a2 + fall * a1, sign * (s * up - k))
    price = max(rise * w1 + fall * w0, sign * (s - k))
    return price - (rise * (rise * e2 + fall * e1) + fall * (rise * e1 + fall * e0)), delta, gamma


@compiled
def is_certain(s: float, k: float, t: float, r: float, q: float, v: float) -> bool:
    """Whether so little can happen (or the strike is so far) that only today's and the last day's exercise matter."""
    deviation = v * math.sqrt(t)
    return deviation < CERTAIN or abs(math.log(s / k) + (r - q) * t) > FAR * deviation


@compiled
def certain(s: float, k: float, t: float, r: float, q: float, sign: float) -> float:
    """Price when the future is certain: exercised today or at expiry, whichever is worth more, or not at all."""
    return max(sign * (s - k), sign * (s * math.exp(-q * t) - k * math.exp(-r * t)), 0.0)


@compiled
def never_early(r: float, q: float, sign: float) -> bool:
    """Whether waiting always beats exercise: a call without dividends, a put without interest."""
    return q <= 0.0 <= r if sign > 0.0 else r <= 0.0 <= q


@compiled
def american(
    s: float, k: float, t: float, r: float, q: float, v: float, sign: float, value: Floats, spot: Floats, weights: Floats
) -> float:
    """Price of one American right; t and v may be zero."""
    if t <= 0.0 or is_certain(s, k, t, r, q, v):
        return certain(s, k, max(t, 0.0), r, q, sign)
    exact = european(s, k, t, r, q, v, sign)[0]
    early = 0.0 if never_early(r, q, sign) else tree(s, k, t, r, q, v, sign, value, spot, weights)[0]
    return max(exact + max(early, 0.0), sign * (s - k))


@compiled
def usable(s: float, k: float, t: float, r: float, q: float) -> bool:
    """Whether the terms are numbers that a price exists for."""
    return (
        s > 0.0 and k > 0.0 and math.isfinite(s) and math.isfinite(k) and math.isfinite(t) and math.isfinite(r) and math.isfinite(q)
    )


@compiled
def prices(terms: Floats, out: Floats) -> None:
    """Price of each column of terms (s, k, t, r, q, v, sign) into out."""
    s, k, t, r, q, v, sign = terms[0], terms[1], terms[2], terms[3], terms[4], terms[5], terms[6]
    value, spot, weights = np.empty(STEPS + 1), np.empty(STEPS + 1), np.empty(STEPS + 1)
    for i in range(len(s)):
        if usable(s[i], k[i], t[i], r[i], q[i]) and (t[i] <= 0.0 or 0.0 <= v[i] * math.sqrt(t[i]) <= WIDEST):
            out[i] = american(s[i], k[i], t[i], r[i], q[i], v[i], sign[i], value, spot, weights)
        else:
            out[i] = np.nan


@compiled
def step_greeks(s: float, k: float, sign: float) -> tuple[float, float, float, float, float]:
    """Intrinsic value and its slope (half of it at the strike) of an expired right."""
    inside = sign * (s - k)
    return max(inside, 0.0), sign * (1.0 if inside > 0.0 else 0.5 if inside == 0.0 else 0.0), 0.0, 0.0, 0.0


@compiled
def sensitivities(
    s: float, k: float, t: float, r: float, q: float, v: float, sign: float, value: Floats, spot: Floats, weights: Floats
) -> tuple[float, float, float, float, float]:
    """Price, delta, gamma, theta per year and vega per 1.00 of one American right."""
    if t <= 0.0:
        return step_greeks(s, k, sign)
    if is_certain(s, k, t, r, q, v):
        sure = certain(s, k, t, r, q, sign)
        shares = 0.0 if sure <= 0.0 else 1.0 if sure <= sign * (s - k) else math.exp(-q * t)
        return sure, sign * shares, 0.0, 0.0, 0.0
    exact, delta, gamma, theta, vega = european(s, k, t, r, q, v, sign)
    if never_early(r, q, sign):
        return max(exact, sign * (s - k)), delta, gamma, theta, vega
    early, more_delta, more_gamma = tree(s, k, t, r, q, v, sign, value, spot, weights)
    intrinsic = sign * (s - k)
    if exact + early <= intrinsic:
        return intrinsic, sign, 0.0, 0.0, 0.0
    wider = tree(s, k, t, r, q, v + VEGA_STEP, sign, value, spot, weights)[0]
    price, gamma = exact + max(early, 0.0), max(gamma + more_gamma, 0.0)
    delta = sign * min(max(sign * (delta + more_delta), 0.0), 1.0)
    theta = min(r * price - (r - q) * s * delta - 0.5 * v * v * s * s * gamma, 0.0)
    return price, delta, gamma, theta, max(vega + (wider - early) / VEGA_STEP, 0.0)


@compiled
def all_greeks(terms: Floats, out: Floats) -> None:
    """Price, delta, gamma, theta per calendar day and vega per point of each column of terms into the rows of out."""
    s, k, t, r, q, v, sign = terms[0], terms[1], terms[2], terms[3], terms[4], terms[5], terms[6]
    value, spot, weights = np.empty(STEPS + 1), np.empty(STEPS + 1), np.empty(STEPS + 1)
    for i in range(len(s)):
        if usable(s[i], k[i], t[i], r[i], q[i]) and (t[i] <= 0.0 or 0.0 <= v[i] * math.sqrt(t[i]) <= WIDEST):
            found = sensitivities(s[i], k[i], t[i], r[i], q[i], v[i], sign[i], value, spot, weights)
            out[0, i], out[1, i], out[2, i], out[3, i], out[4, i] = found[0], found[1], found[2], found[3] / 365.0, found[4] / 100.0
        else:
            out[:, i] = np.nan


@compiled
def implied(
    price: float, s: float, k: float, t: float, r: float, q: float, sign: float, value: Floats, spot: Floats, weights: Floats
) -> float:
    """Volatility of one price: secant steps inside a bracket, every eighth halves it; NaN when no volatility fits."""
    low, high = LOWEST, min(HIGHEST, WIDEST / math.sqrt(t))
    floor, roof = certain(s, k, t, r, q, sign), (s * max(1.0, math.exp(-q * t)) if sign > 0.0 else k * max(1.0, math.exp(-r * t)))
    tolerance = 1e-10 * (s + k)
    if not (floor + tolerance < price < roof):
        return np.nan
    v = min(max(math.sqrt(2.0 * abs(math.log(s / k) + (r - q) * t) / t), 0.2), 3.0)
    slope, last, last_miss = european(s, k, t, r, q, v, sign)[4], np.nan, np.nan
    for turn in range(100):
        miss = american(s, k, t, r, q, v, sign, value, spot, weights) - price
        if abs(miss) <= tolerance:
            return v
        if miss > 0.0:
            high = v
        else:
            low = v
        if high - low <= 1e-10:
            break
        if turn > 0 and v != last:
            slope = (miss - last_miss) / (v - last)
        last, last_miss = v, miss
        guess = v - miss / slope if slope > 0.0 else low
        v = guess if low < guess < high and turn % 8 < 7 else 0.5 * (low + high)
    return np.nan


@compiled
def implied_all(terms: Floats, out: Floats) -> None:
    """Implied volatility of each column of terms (price, s, k, t, r, q, sign) into out; NaN where there is none."""
    price, s, k, t, r, q, sign = terms[0], terms[1], terms[2], terms[3], terms[4], terms[5], terms[6]
    value, spot, weights = np.empty(STEPS + 1), np.empty(STEPS + 1), np.empty(STEPS + 1)
    for i in range(len(s)):
        if usable(s[i], k[i], t[i], r[i], q[i]) and t[i] > 0.0 and math.isfinite(price[i]):
            out[i] = implied(price[i], s[i], k[i], t[i], r[i], q[i], sign[i], value, spot, weights)
        else:
            out[i] = np.nan
