"""Compiled loops of the American right with cash dividends: a Leisen-Reimer tree in the escrowed model.

What is random is the spot less the present value of the dividends that are to be paid before expiry; it follows the model with
constant volatility, rate and yield (the yield stands for the cost of borrowing the share). A holder who exercises gets the whole
spot. Steps of time do not fall on the days that a share goes ex, so at the step before such a day the holder may also decide to
exercise on that day itself: a call just before the dividend is gone, a put just after.

In every function: s spot less dividends, k strike, t years, r rate, q yield, v volatility, sign 1 for a call, -1 for a put; value
and place are workspaces of STEPS + 1 numbers, plan one of 4 × (STEPS + 1): of each step what is still owed, and of the decision to
exercise on an ex day within the step the growth of the strike, of the shares, and what is owed then.
"""

import math

import numpy as np

from core.model.market import Floats
from core.quant.compiled import compiled
from core.quant.reasons import Reasons

#: Steps of the tree; odd, so that the strike lies between two end nodes.
STEPS = 151
ROOT_HALF = math.sqrt(0.5)
LOWEST, HIGHEST, WIDEST = 1e-3, 10.0, 20.0
#: Below this deviation a tree says nothing.
NARROWEST = 1e-4
#: Volatility difference over which vega is measured.
VEGA_STEP = 0.002


@compiled
def escrow(days: Floats, cash: Floats, t: float, r: float) -> float:
    """Present value of what is paid before expiry."""
    total = 0.0
    for i in range(len(days)):
        if 0.0 < days[i] <= t:
            total += cash[i] * math.exp(-r * days[i])
    return total


@compiled
def prepare(days: Floats, cash: Floats, t: float, r: float, q: float, sign: float, plan: Floats) -> None:
    """Fill the plan; the second row is NaN where no share goes ex within the step."""
    step = t / STEPS
    for i in range(STEPS + 1):
        now = i * step
        owed = 0.0
        plan[1, i] = np.nan
        for j in range(len(days)):
            if now < days[j] <= t:
                owed += cash[j] * math.exp(-r * (days[j] - now))
        plan[0, i] = owed
        for j in range(len(days)):
            if now < days[j] <= min(now + step, t):
                wait = days[j] - now
                plan[1, i], plan[2, i] = math.exp(-r * wait), math.exp(-q * wait)
                plan[3, i] = owed if sign > 0.0 else owed - cash[j] * math.exp(-r * wait)


@compiled
def inversion(z: float, n: int) -> float:
    """Peizer-Pratt inversion, method 2; keeps its precision in the tails."""
    x = z / (n + 1.0 / 3.0 + 0.1 / (n + 1.0))
    e = math.exp(-x * x * (n + 1.0 / 6.0))
    low = 0.5 * e / (1.0 + math.sqrt(1.0 - e))
    return 1.0 - low if z > 0.0 else low


@compiled
def slopes(p: float, first: int, value: Floats, plain: Floats) -> tuple[float, float]:
    """First and second derivative of the polynomial through five differences from `first` on, at the place p from the middle."""
    a, b, c = value[first] - plain[first], value[first + 1] - plain[first + 1], value[first + 2] - plain[first + 2]
    d, e = value[first + 3] - plain[first + 3], value[first + 4] - plain[first + 4]
    one, two = (8.0 * (d - b) - (e - a)) / 12.0, (16.0 * (b + d) - 30.0 * c - a - e) / 12.0
    three, four = 0.5 * (e - a) - (d - b), a + e - 4.0 * (b + d) + 6.0 * c
    slope = one + p * (two + p * (0.5 * three + p * four / 6.0))
    return slope, two + p * (three + 0.5 * p * four)


@compiled
def tree(
    s: float,
    k: float,
    t: float,
    r: float,
    q: float,
    v: float,
    sign: float,
    plan: Floats,
    value: Floats,
    place: Floats,
    plain: Floats,
) -> tuple[float, float, float]:
    """Price, delta and gamma.

    With room in `plain` for the European tree, the Greeks are the exact European ones plus what early exercise adds; without it
    they are of no use, and the price costs half.
    """
    n = STEPS
    root = math.sqrt(t)
    d1 = (math.log(s / k) + (r - q + 0.5 * v * v) * t) / (v * root)
    d2 = d1 - v * root
    p, drift = inversion(d2, n), math.exp((r - q) * t / n)
    up, down = drift * inversion(d1, n) / p, drift * inversion(-d1, n) / inversion(-d2, n)
    discount = math.exp(-r * t / n)
    rise, fall, back = discount * p, discount * (1.0 - p), 1.0 / down
    ratio, node = up / down, s * down**n
    for j in range(n + 1):
        place[j] = node
        value[j] = max(sign * (node - k), 0.0)
        node *= ratio
    plain[:] = value[: len(plain)]
    last = len(plain) - 1
    scale = sign
    width = math.log(ratio)
    near = math.log(up) + math.log(down)
    slope = bend = 0.0
    for i in range(n - 1, -1, -1):
        scale *= back
        shift = sign * (plan[0, i] - k)
        for j in range(i + 1):
            value[j] = max(rise * value[j + 1] + fall * value[j], scale * place[j] + shift)
        for j in range(min(i + 1, last)):
            plain[j] = rise * plain[j + 1] + fall * plain[j]
        if not math.isnan(plan[1, i]):
            later, shift = scale * plan[2, i], sign * (plan[3, i] - k * plan[1, i])
            for j in range(i + 1):
                value[j] = max(value[j], later * place[j] + shift)
        if i == 6 and last > 0:  # five nodes in the log of the spot at two times, carried back to now
            one, two = slopes(-3.0 * near / width, 1, value, plain)
            slope, bend = -2.0 * one, -2.0 * two
        elif i == 4 and last > 0:
            one, two = slopes(-2.0 * near / width, 0, value, plain)
            slope, bend = (slope + 3.0 * one) / width, (bend + 3.0 * two) / (width * width)
    shares = math.exp(-q * t)
    delta = sign * shares * 0.5 * math.erfc(-sign * d1 * ROOT_HALF)
    gamma = shares * math.exp(-0.5 * d1 * d1) / (2.5066282746310002 * s * v * root)
    return value[0], delta + slope / s, gamma + (bend - slope) / (s * s)


@compiled
def judge(known: float, s: float, k: float, t: float, r: float, q: float, owed: float) -> int:
    """Reason why the row has no answer, or 0."""
    every = known + s + k + t + r + q
    if every - every != 0.0:
        return 1
    if not (s > 0.0 and k > 0.0):
        return 2
    if t <= 0.0:
        return 3
    if owed >= s:
        return 13
    return 4 if (abs(r) + abs(q)) * t > 5.0 or abs(math.log((s - owed) / k)) > 12.0 or t < 1e-9 else 0


@compiled
def certain(s: float, k: float, t: float, r: float, q: float, sign: float, plan: Floats) -> float:
    """Price when the future is certain: exercised on the best of the days that the tree knows, or not at all."""
    best, step = 0.0, t / STEPS
    for i in range(STEPS + 1):
        now = i * step
        cash, shares = math.exp(-r * now), s * math.exp(-q * now)
        best = max(best, sign * (shares + cash * (plan[0, i] - k)))
        if not math.isnan(plan[1, i]):
            best = max(best, sign * (shares * plan[2, i] + cash * (plan[3, i] - k * plan[1, i])))
    return best


@compiled
def implied(
    price: float,
    s: float,
    k: float,
    t: float,
    r: float,
    q: float,
    sign: float,
    start: float,
    plan: Floats,
    value: Floats,
    place: Floats,
    none: Floats,
) -> tuple[float, int]:
    """Volatility of one price, or a reason: secant steps inside a bracket, every sixth halves it.

    start is the European volatility of the price, an upper bound, or NaN where there is none.
    """
    floor, noise, root = certain(s, k, t, r, q, sign, plan), 1e-9 * (s + k), math.sqrt(t)
    if price <= floor + noise:
        return np.nan, 5 if price < floor - noise else 6
    if price >= (s + plan[0, 0] if sign > 0.0 else k) - noise:
        return np.nan, 7
    low, high = max(LOWEST, NARROWEST / root), min(HIGHEST, WIDEST / root)
    far = math.log(s / k) + (r - q) * t
    v = start if not math.isnan(start) else max(math.sqrt(2.0 * abs(far) / t), 0.2)
    v = min(max(v, 1.5 * low), 0.8 * high)
    d1 = far / (v * root) + 0.5 * v * root
    slope, last, last_miss = s * math.exp(-q * t - 0.5 * d1 * d1) / 2.5066282746310002 * root, np.nan, np.nan
    for turn in range(1, 80):
        miss = tree(s, k, t, r, q, v, sign, plan, value, place, none)[0] - price
        if abs(miss) <= noise:
            return v, 0
        if miss > 0.0:
            high = v
        else:
            low = v
        if high - low <= 1e-9:
            break
        if turn > 1 and v != last:
            slope = (miss - last_miss) / (v - last)
        last, last_miss = v, miss
        guess = v - miss / slope if slope > 0.0 else 0.0
        v = guess if low < guess < high and turn % 6 != 0 else math.sqrt(low * high)
    return np.nan, 8


@compiled
def work_off(
    terms: Floats, days: Floats, cash: Floats, start: Floats, solve: int, volatility: Floats, reason: Reasons, out: Floats
) -> None:
    """Rows of terms: price or volatility, spot, strike, years, rate, yield, sign; of out: price, delta, gamma, vega, theta.

    Vega is per volatility point and theta per day; with one row out gets the price alone, with none only volatilities are found.
    start is a first volatility for each price, NaN where unknown.
    """
    plan, value, place = np.empty((4, STEPS + 1)), np.empty(STEPS + 1), np.empty(STEPS + 1)
    plain, none = np.empty(STEPS + 1), np.empty(0)
    owed, ready = np.nan, False
    for i in range(terms.shape[1]):
        known, spot, k, t, r, q, sign = terms[0, i], terms[1, i], terms[2, i], terms[3, i], terms[4, i], terms[5, i], terms[6, i]
        same = i > 0 and t == terms[3, i - 1] and r == terms[4, i - 1] and q == terms[5, i - 1] and sign == terms[6, i - 1]
        if not same:
            owed = escrow(days, cash, t, r)
        code, v, s = judge(known, spot, k, t, r, q, owed), known, spot - owed
        if code == 0 and not (same and ready):
            prepare(days, cash, t, r, q, sign, plan)
        ready = code == 0 or (same and ready)
        if code == 0 and solve != 0:
            v, code = implied(known, s, k, t, r, q, sign, start[i], plan, value, place, none)
        elif code == 0 and not NARROWEST <= v * math.sqrt(t) <= WIDEST:
            code = 9
        reason[i], volatility[i] = code, v if code == 0 else np.nan
        if code != 0:
            out[:, i] = np.nan
        elif out.shape[0] > 0:
            price, delta, gamma = tree(s, k, t, r, q, v, sign, plan, value, place, plain if out.shape[0] > 1 else none)
            out[0, i] = price
            if out.shape[0] > 1:
                h = min(VEGA_STEP, 0.1 * v)
                wider = tree(s, k, t, r, q, v + h, sign, plan, value, place, none)[0]
                narrower = tree(s, k, t, r, q, v - h, sign, plan, value, place, none)[0]
                theta = r * price - (r * spot - q * s) * delta - 0.5 * v * v * s * s * gamma
                out[1, i], out[2, i], out[3, i], out[4, i] = delta, gamma, (wider - narrower) / h * 0.005, theta / 365.0
