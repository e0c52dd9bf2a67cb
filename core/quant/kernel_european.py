"""Compiled loops of the European model (Black, Scholes and Merton): implied volatility, price and all Greeks.

A batch is worked off in tiles of 256 rows through stages without branches, so that the compiler can turn each stage into vector
instructions; for the same reason exp, log and erfcx are written out here (polynomials that miss by less than 1e-15). Every row is
seen as its out-of-the-money twin: x = -|log(forward / strike)|, b = time value / root of (discounted forward × discounted strike).

- First guess: Stefanica and Radoicic (2017), "An explicit implied volatility formula".
- Then two steps of Householder's third order on log b below half of its bound, on the log of what is missing to the bound
  above (Jäckel 2015, "Let's be rational", has the derivatives); more where a row still misses.
"""

import math

import numpy as np

from core.model.market import Floats
from core.quant.compiled import compiled
from core.quant.reasons import Reasons

TILE = 256
#: Rows of the workspace.
SPOT, STRIKE, YEARS, RATE, YIELD, SIGN, X, BOUND, ROOT, B, S, TOP, SHARES, CASH, PRICE = range(15)
ROWS = 15
STEPS = 2
ROOT_HALF, ROOT_TWO_PI = math.sqrt(0.5), math.sqrt(2.0 * math.pi)
#: Largest deviation (volatility times root of years) that is looked at.
WIDEST = 20.0
#: Largest log of forward over strike plus interest, and fewest years, that the arithmetic is good for.
FARTHEST, SHORTEST = 50.0, 1e-12


@compiled
def exponential(x: float) -> float:
    """Exponential of x; x is kept within ±700."""
    x = min(max(x, -700.0), 700.0)
    t = x * 1.4426950408889634 + 6755399441055744.0
    k = t - 6755399441055744.0
    r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10
    r2 = r * r
    low = 1.0 + r + r2 * (0.5000000000000019 + r * 0.1666666666666668)
    middle = 0.0416666666664881 + r * 0.008333333333319601 + r2 * (0.0013888888952314775 + r * 0.00019841269890047113)
    high = 2.4801485482328494e-05 + r * 2.755724091857897e-06 + r2 * (2.763263963904103e-07 + r * 2.5110037605963777e-08)
    r4 = r2 * r2
    scale = np.int64((np.float64(t).view(np.int64) << 52) + 0x3FF0000000000000).view(np.float64)
    return scale * (low + r4 * (middle + r4 * high))


@compiled
def logarithm(x: float) -> float:
    """Natural logarithm of a positive normal number."""
    bits = np.float64(x).view(np.int64) + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
    k = np.int64((bits >> 52) | 0x4330000000000000).view(np.float64) - (4503599627370496.0 + 1023.0)
    f = np.int64((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = 0.6666666666666666 + w * (0.28571428570803614 + w * (0.18181795640132906 + w * 0.13268773138656886))
    odd = 0.4000000000000088 + w * (0.22222222391713917 + w * (0.15386239702814658 + w * 0.13086626147840102))
    half = 0.5 * f * f
    tail = s * (half + z * (even + z * odd))
    return k * 0.693147180369123816490 - ((half - (tail + k * 1.90821492927058770002e-10)) - f)


@compiled
def scaled_tail(z: float) -> float:
    """Scaled complementary error function exp(z²) erfc(z) of z >= 0."""
    u = (z - 2.5) / (z + 2.5)
    w = u * u
    even = 5.31647385800710500e-07 + w * (-1.2457962288795936e-07 + w * (1.910839684364571e-08 + w * -1.4462664666039684e-09))
    even = 6.266210173864183e-06 + w * (2.608208313240924e-06 + w * (-1.5837234555802265e-06 + w * even))
    even = 0.0009318928173407695 + w * (0.0004918658143365327 + w * (-8.84792635321763e-05 + w * even))
    even = 1.2648381843668615 + w * (-0.09902453957360187 + w * (-0.10296705603857327 + w * even))
    odd = -2.8811346201374086e-09 + w * (-1.941571184389824e-08 + w * 3.330735823669555e-09)
    odd = 2.2712461424863757e-05 + w * (-4.244977006312677e-06 + w * (5.654967628313675e-07 + w * odd))
    odd = -0.004382078443855671 + w * (0.0006321251664431883 + w * (-0.00011352640652539309 + w * odd))
    odd = -0.12235676308240204 + w * (0.15762991902298304 + w * (0.032760893275912355 + w * odd))
    return (even + u * odd) / (1.0 + 2.0 * z)


@compiled
def prepare(w: Floats) -> None:
    """Discounts, bound and size of the out-of-the-money twin of each row; B becomes its time value over the size."""
    for i in range(TILE):
        shares = exponential(-w[YIELD * TILE + i] * w[YEARS * TILE + i])
        cash = exponential(-w[RATE * TILE + i] * w[YEARS * TILE + i])
        grown, paid = w[SPOT * TILE + i] * shares, w[STRIKE * TILE + i] * cash
        inside = max(w[SIGN * TILE + i] * (grown - paid), 0.0)
        root = math.sqrt(grown * paid)
        small, big = min(grown, paid), max(grown, paid)
        w[SHARES * TILE + i] = shares
        w[CASH * TILE + i] = cash
        w[ROOT * TILE + i] = root
        w[TOP * TILE + i] = inside
        w[BOUND * TILE + i] = math.sqrt(small / big)
        w[X * TILE + i] = logarithm(small / big)
        w[B * TILE + i] = (w[PRICE * TILE + i] - inside) / root


@compiled
def guess(w: Floats) -> None:
    """First deviation S of each row."""
    for i in range(TILE):
        x, bound = w[X * TILE + i], w[BOUND * TILE + i]
        ratio = bound * bound
        a = w[B * TILE + i] * bound
        tilt = exponential((1.0 - 2.0 / math.pi) * x)
        back, flat = 1.0 / tilt, ratio / tilt
        steep = 1.0 / ratio
        r = 2.0 * a + 1.0 - ratio
        ca = (tilt - back) * (tilt - back)
        cb = 4.0 * (flat + 1.0 / flat) - 2.0 * steep * (tilt + back) * (ratio * ratio + 1.0 - r * r)
        cc = steep * steep * 2.0 * a * (2.0 * a + 2.0 * (1.0 - ratio)) * (2.0 * ratio - 2.0 * a) * (2.0 + 2.0 * a)
        beta = 2.0 * cc / (cb + math.sqrt(max(cb * cb + 4.0 * ca * cc, 0.0)))
        gamma = -0.5 * math.pi * logarithm(min(max(beta, 1e-300), 1.0))
        high, low = math.sqrt(max(gamma - x, 0.0)), math.sqrt(max(gamma + x, 0.0))
        middle = 0.5 * (ratio - 1.0) + 0.5 * math.sqrt(max(1.0 - flat * flat, 0.0))
        s = -2.0 * x / (high + low + 1e-300) if a <= middle else high + low
        w[S * TILE + i] = min(max(s, 1e-7), WIDEST)


@compiled
def improve(w: Floats) -> None:
    """One step of Householder's third order on S of each row."""
    for i in range(TILE):
        x, bound, b, s = w[X * TILE + i], w[BOUND * TILE + i], w[B * TILE + i], w[S * TILE + i]
        h, t = x / s, 0.5 * s
        d1, d2 = h + t, h - t
        e = 0.5 * exponential(-0.5 * (h * h + t * t))
        near, far = scaled_tail(abs(d1) * ROOT_HALF), scaled_tail(-d2 * ROOT_HALF)
        part = e * (far - near) if d1 < 0.0 else e * (far + near)
        value = -part if d1 < 0.0 else bound - part
        missing = bound + part if d1 < 0.0 else part
        upper = b > 0.5 * bound
        slope = 2.0 * e / ROOT_TWO_PI
        g = -slope / missing if upper else slope / value
        f = logarithm(max((bound - b) / missing if upper else value / b, 1e-300))
        bend = h * h / s - 0.25 * s
        twist = bend * bend - 3.0 * h * h / (s * s) - 0.25
        step = -f / abs(g)
        c2, c3 = bend - g, twist - 3.0 * g * bend + 2.0 * g * g
        moved = step * (1.0 + 0.5 * c2 * step) / (1.0 + step * (c2 + c3 * step / 6.0))
        w[S * TILE + i] = min(max(s + moved, 0.25 * s), 4.0 * s)


@compiled
def finish(w: Floats, out: Floats) -> None:
    """Price, delta, gamma, vega, theta, rho, vanna, charm, vomma of each row into out (9 × TILE); S is the deviation."""
    for i in range(TILE):
        x, bound, s, t = w[X * TILE + i], w[BOUND * TILE + i], w[S * TILE + i], w[YEARS * TILE + i]
        root, sign, shares, cash = w[ROOT * TILE + i], w[SIGN * TILE + i], w[SHARES * TILE + i], w[CASH * TILE + i]
        rate, share_rate = w[RATE * TILE + i], w[YIELD * TILE + i]
        grown, paid = w[SPOT * TILE + i] * shares, w[STRIKE * TILE + i] * cash
        h, half = x / s, 0.5 * s
        d1, d2 = h + half, h - half
        e = 0.5 * exponential(-0.5 * (h * h + half * half))
        near, far = scaled_tail(abs(d1) * ROOT_HALF), scaled_tail(-d2 * ROOT_HALF)
        value = e * (near - far) if d1 < 0.0 else bound - e * (near + far)
        p1, p2 = e * near / bound, e * far * bound
        below, above = (p1, 1.0 - p1) if d1 < 0.0 else (1.0 - p1, p1)
        flip, is_call = grown > paid, sign > 0.0
        first, second = (1.0 - p2 if is_call else p2, above if is_call else below)
        third, fourth = (below if is_call else above, p2 if is_call else 1.0 - p2)
        held, hit = first if flip else third, second if flip else fourth
        up, down = -d2 if flip else d1, -d1 if flip else d2
        size = root * 2.0 * e / ROOT_TWO_PI
        density = size / w[SPOT * TILE + i]
        years_root = math.sqrt(t)
        v = s / years_root
        out[i] = w[TOP * TILE + i] + root * max(value, 0.0)
        out[TILE + i] = sign * shares * held
        out[2 * TILE + i] = density / (w[SPOT * TILE + i] * s)
        out[3 * TILE + i] = size * years_root * 0.01
        out[4 * TILE + i] = (sign * (share_rate * grown * held - rate * paid * hit) - 0.5 * size * s / t) / 365.0
        out[5 * TILE + i] = sign * t * paid * hit * 0.01
        out[6 * TILE + i] = -density * down / v * 0.01
        out[7 * TILE + i] = (sign * share_rate * shares * held - density * ((rate - share_rate) / s - 0.5 * down / t)) / 365.0
        out[8 * TILE + i] = size * years_root * up * down / v * 1e-4


@compiled
def load(terms: Floats, start: int, stop: int, w: Floats) -> None:
    """Copy columns start to stop of terms into the tile, padded with the first of them."""
    for place, row in ((0, PRICE), (1, SPOT), (2, STRIKE), (3, YEARS), (4, RATE), (5, YIELD), (6, SIGN)):
        for i in range(stop - start):
            w[row * TILE + i] = terms[place, start + i]
        for i in range(stop - start, TILE):
            w[row * TILE + i] = terms[place, start]


@compiled
def judge(w: Floats, i: int) -> int:
    """Reason why tile row i has no price for any volatility, or 0; the codes are those of `core.quant.reasons`."""
    s, k, t, r, q = w[SPOT * TILE + i], w[STRIKE * TILE + i], w[YEARS * TILE + i], w[RATE * TILE + i], w[YIELD * TILE + i]
    every = w[PRICE * TILE + i] + s + k + t + r + q
    if every - every != 0.0:
        return 1
    if not (s > 0.0 and k > 0.0):
        return 2
    if t <= 0.0:
        return 3
    return 0 if (abs(r) + abs(q)) * t - w[X * TILE + i] < FARTHEST and t > SHORTEST else 4


@compiled
def judge_price(w: Floats, i: int, miss: float) -> int:
    """Reason why the price of tile row i has no volatility, or 0."""
    noise = 1e-13 * (w[BOUND * TILE + i] + 1.0 / w[BOUND * TILE + i])
    b, bound, s = w[B * TILE + i], w[BOUND * TILE + i], w[S * TILE + i]
    if b <= noise:
        return 5 if b < -noise else 6
    if b >= bound - noise:
        return 7
    return 0 if abs(miss) <= noise + 1e-12 * b and s < WIDEST else 8


@compiled
def unsettled(w: Floats, found: Floats) -> int:
    """How many rows of the tile have a possible price that S does not give yet."""
    count = 0
    for i in range(TILE):
        b, bound = w[B * TILE + i], w[BOUND * TILE + i]
        misses = abs(found[i] - w[PRICE * TILE + i]) * bound > 1e-14 * w[ROOT * TILE + i] * (1.0 + bound * bound)
        count += 1 if misses & (b > 0.0) & (b < bound) else 0
    return count


@compiled
def analyse(terms: Floats, volatility: Floats, reason: Reasons, greeks: Floats) -> None:
    """Implied volatility, reason codes, and price and Greeks (as many rows as given) of each column of terms; NaN beside a reason.

    terms has the rows price, spot, strike, years, rate, yield, sign.
    """
    w, found = np.empty(ROWS * TILE), np.empty(9 * TILE)
    n = terms.shape[1]
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        load(terms, start, stop, w)
        prepare(w)
        guess(w)
        rounds, again = STEPS, True
        while again:
            for _ in range(rounds):
                improve(w)
            finish(w, found)
            rounds += 1
            again = rounds < 7 and unsettled(w, found) > 0
        for i in range(stop - start):
            code = judge(w, i)
            if code == 0:
                code = judge_price(w, i, (found[i] - w[PRICE * TILE + i]) / w[ROOT * TILE + i])
            reason[start + i] = code
            volatility[start + i] = w[S * TILE + i] / math.sqrt(w[YEARS * TILE + i]) if code == 0 else np.nan
        copy(found, reason, start, stop, greeks)


@compiled
def copy(found: Floats, reason: Reasons, start: int, stop: int, out: Floats) -> None:
    """Rows of the tile into columns start to stop of out, NaN where there is a reason."""
    for row in range(out.shape[0]):
        for i in range(stop - start):
            out[row, start + i] = found[row * TILE + i]
    for i in range(start, stop):
        if reason[i] != 0:
            out[:, i] = np.nan


@compiled
def evaluate(terms: Floats, reason: Reasons, out: Floats) -> None:
    """Price and Greeks (up to 9 rows) into out; terms as for `analyse` with the volatility in the place of the price."""
    w, found = np.empty(ROWS * TILE), np.empty(9 * TILE)
    n = terms.shape[1]
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        load(terms, start, stop, w)
        prepare(w)
        for i in range(TILE):
            w[S * TILE + i] = max(w[PRICE * TILE + i] * math.sqrt(w[YEARS * TILE + i]), 1e-12)
        finish(w, found)
        for i in range(stop - start):
            code, v = judge(w, i), terms[0, start + i]
            if code == 0 and not 0.0 <= v * math.sqrt(terms[3, start + i]) <= WIDEST:
                code = 9
            if code == 0 and v == 0.0 and w[X * TILE + i] == 0.0:
                code = 10
            reason[start + i] = code
        copy(found, reason, start, stop, out)
