"""Compiled loops of the American right in chain mode: European value plus the early exercise premium along a known boundary.

The premium of a put is the integral over elapsed years u of r K e^{-ru} N(-d2) - q S e^{-qu} N(-d1), where d1 and d2 measure the
spot against the boundary of the years that are left then (Kim 1990; Andersen, Lake and Offengenden 2016). With u = T sin²(angle)
both ends are smooth and a Gauss rule of few points serves. The boundary comes from a table over log volatility
(`kernel_boundary`), read with six points of Lagrange. exp and erfcx are written out for vector instructions; they miss by 1e-11.

In every function: the strike is 1, m is spot over strike and x its log, t years, r rate, q yield, v volatility, w a workspace, g
the table of one (expiry, side): row 0 root of u, row 1 weight × r e^{-ru}, row 2 weight × q e^{-qu}, row 3 weight, rows from 4
ln B at each volatility; the last column is today (there rows 1 and 2 are r and q).
"""

import math

import numpy as np

from core.model.market import Floats
from core.quant.compiled import compiled
from core.quant.reasons import Reasons

ROOT_HALF, DENSITY = math.sqrt(0.5), 1.0 / math.sqrt(2.0 * math.pi)
#: Volatilities of the table: LOWEST e^(i × SPACING), i below COUNT.
LOWEST, SPACING, COUNT = 0.005, 0.25, 31
HIGHEST = LOWEST * math.exp(SPACING * (COUNT - 1))
#: Points of the quadrature, and numbers of the workspace.
POINTS, SPACE = 16, 160
#: Deviations from the boundary within which the peak is taken out.
CLOSE = 2.5


@compiled
def exponential(x: float) -> float:
    """Exponential of x, which is at most 0 and taken as -700 below."""
    t = max(x, -700.0) * 1.4426950408889634 + 6755399441055744.0
    k = t - 6755399441055744.0
    r = (max(x, -700.0) - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10
    r2 = r * r
    low = 1.0 + r * 0.9999999999797852 + r2 * (0.49999999999797934 + r * 0.16666666891045775)
    high = 0.041666666890957 + r * 0.008333266097949614 + r2 * (0.0013888821677630362 + r * 0.00019915866926782682)
    scale = np.int64((np.float64(t).view(np.int64) << 52) + 0x3FF0000000000000).view(np.float64)
    r4 = r2 * r2
    return scale * (low + r4 * (high + r4 * 2.4876164022625967e-05))


@compiled
def tail(d: float, e: float) -> float:
    """Standard normal beyond |d|, given e = exp(-d²/2): half e times the scaled complementary error function."""
    z = abs(d) * ROOT_HALF
    u = (z - 3.0) / (z + 3.0)
    w = u * u
    even = -0.00010469801671162524 + w * (4.274481052619356e-06 + w * -1.17906380443904e-07)
    even = -0.11927366876986259 + w * (-0.023770470011140875 + w * (0.001888499606562229 + w * even))
    even = 1.2530080582677954 + w * (-0.0475622941046549 + w * even)
    odd = 0.0001231921184419861 + w * (-1.7686944205536348e-05 + w * 1.7677257035627202e-06)
    odd = 0.06830805369513955 + w * (0.0025291780293455308 + w * (-0.0007789724105693683 + w * odd))
    odd = -0.13562110611486225 + w * (0.12964515745696892 + w * odd)
    return e * (even + u * odd) / (2.0 + 4.0 * z)


@compiled
def read(g: Floats, v: float, w: Floats) -> tuple[float, float]:
    """Log B into row 0 of w and its slope in volatility into row 1; answers both of today."""
    place = math.log(v / LOWEST) * (1.0 / SPACING)
    low = int(min(max(place - 2.0, 0.0), COUNT - 6.0))
    a = place - low
    b, c, d, e, f = a - 1.0, a - 2.0, a - 3.0, a - 4.0, a - 5.0
    ab, cd, ef = a * b, c * d, e * f
    sab, scd, sef = a + b, c + d, e + f
    scale = 1.0 / (SPACING * v)
    v0, v1, v2 = b * cd * ef / -120.0, a * cd * ef / 24.0, ab * d * ef / -12.0
    v3, v4, v5 = ab * c * ef / 12.0, ab * cd * f / -24.0, ab * cd * e / 120.0
    s0, s1 = (cd * ef + b * (scd * ef + cd * sef)) * (scale / -120.0), (cd * ef + a * (scd * ef + cd * sef)) * (scale / 24.0)
    s2, s3 = (ab * ef + d * (sab * ef + ab * sef)) * (scale / -12.0), (ab * ef + c * (sab * ef + ab * sef)) * (scale / 12.0)
    s4, s5 = (ab * cd + f * (sab * cd + ab * scd)) * (scale / -24.0), (ab * cd + e * (sab * cd + ab * scd)) * (scale / 120.0)
    r0, r1, r2, r3, r4, r5 = g[4 + low], g[5 + low], g[6 + low], g[7 + low], g[8 + low], g[9 + low]
    for j in range(POINTS):
        w[j] = (v0 * r0[j] + v1 * r1[j]) + (v2 * r2[j] + v3 * r3[j]) + (v4 * r4[j] + v5 * r5[j])
        w[POINTS + j] = (s0 * r0[j] + s1 * r1[j]) + (s2 * r2[j] + s3 * r3[j]) + (s4 * r4[j] + s5 * r5[j])
    j = POINTS
    level = (v0 * r0[j] + v1 * r1[j]) + (v2 * r2[j] + v3 * r3[j]) + (v4 * r4[j] + v5 * r5[j])
    return level, (s0 * r0[j] + s1 * r1[j]) + (s2 * r2[j] + s3 * r3[j]) + (s4 * r4[j] + s5 * r5[j])


@compiled
def total(w: Floats, row: int) -> float:
    """Sum of one row of the workspace, in four strands."""
    a = b = c = d = 0.0
    for j in range(row * POINTS, (row + 1) * POINTS, 4):
        a, b, c, d = a + w[j], b + w[j + 1], c + w[j + 2], d + w[j + 3]
    return (a + b) + (c + d)


@compiled
def premium(g: Floats, x: float, m: float, drift: float, v: float, w: Floats) -> None:
    """Parts of the premium (row 2) and of its slope in volatility (row 3), after `read`; rows 6 to 9 are for `bends`."""
    for j in range(POINTS):
        root, cash, shares = g[0, j], g[1, j], m * g[2, j]
        deviation = v * root
        over = 1.0 / deviation
        d1 = (x - w[j] + drift * root * root) * over + 0.5 * deviation
        d2 = d1 - deviation
        e1, e2 = exponential(-0.5 * d1 * d1), exponential(-0.5 * d2 * d2)
        t1, t2 = tail(d1, e1), tail(d2, e2)
        n1, n2 = t1 if d1 > 0.0 else 1.0 - t1, t2 if d2 > 0.0 else 1.0 - t2
        moved = w[POINTS + j] * over
        w[2 * POINTS + j] = cash * n2 - shares * n1
        w[3 * POINTS + j] = DENSITY * (cash * e2 * (d2 / v + root + moved) - shares * e1 * (d1 / v - root + moved))
        w[6 * POINTS + j], w[7 * POINTS + j], w[8 * POINTS + j], w[9 * POINTS + j] = e1, e2, n1, d1


@compiled
def bends(g: Floats, m: float, v: float, w: Floats) -> None:
    """Parts of the premium's slope (row 4) and bend (row 5) in the spot, from what `premium` left behind."""
    for j in range(POINTS):
        cash, shares, e1, e2 = g[1, j] / m, g[2, j], w[6 * POINTS + j], w[7 * POINTS + j]
        over, d1 = 1.0 / (v * g[0, j]), w[9 * POINTS + j]
        f1, f2 = DENSITY * e1 * over, DENSITY * e2 * over
        w[4 * POINTS + j] = shares * (f1 - w[8 * POINTS + j]) - cash * f2
        w[5 * POINTS + j] = (cash * f2 * (1.0 + (d1 - v * g[0, j]) * over) + shares * f1 * (1.0 - d1 * over)) / m


@compiled
def smooth(g: Floats, a: float, rise: float, m: float, v: float, w: Floats) -> None:
    """Take a peak out of rows 2 to 5.

    a is the log distance of the spot from today's boundary, rise the slope of ln B in volatility there. Close to it the integrands
    turn at u = 0 within a layer that no Gauss rule sees: what a boundary that stays would give is taken out, for `peak` to add.
    """
    paid = g[2, POINTS]
    earned = g[1, POINTS] - paid * m
    for j in range(POINTS):
        span = g[3, j]
        over = 1.0 / (v * g[0, j])
        z = a * over
        e = exponential(-0.5 * z * z)
        beyond, f = tail(z, e), DENSITY * e * over
        w[2 * POINTS + j] -= earned * span * beyond
        w[3 * POINTS + j] -= earned * span * DENSITY * e * (z / v + rise * over)
        w[4 * POINTS + j] += span * (earned / m * f + paid * beyond)
        w[5 * POINTS + j] -= span * f * (earned / m * (z * over + 1.0) + 2.0 * paid) / m


@compiled
def peak(a: float, t: float, v: float) -> tuple[float, float, float]:
    """What a boundary that stays gives for one dollar a year: integral of N(-a / v root u), less its slope and its bend in a."""
    deviation = v * math.sqrt(t)
    z = a / deviation
    e = exponential(-0.5 * z * z)
    beyond, scale = tail(z, e), 1.0 / (v * v)
    sloped = 2.0 * scale * (deviation * DENSITY * e - a * beyond)
    return (t + a * a * scale) * beyond - a * scale * deviation * DENSITY * e, sloped, 2.0 * scale * beyond


@compiled
def european(x: float, m: float, t: float, r: float, q: float, v: float) -> tuple[float, float, float, float]:
    """Price of the European put, d1, density of d1 and the discounted chance that it is held as shares."""
    deviation = v * math.sqrt(t)
    d1 = (x + (r - q) * t) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    grown, paid = m * math.exp(-q * t), math.exp(-r * t)
    e1 = exponential(-0.5 * d1 * d1)
    t1, t2 = tail(d1, e1), tail(d2, exponential(-0.5 * d2 * d2))
    n1, n2 = t1 if d1 > 0.0 else 1.0 - t1, t2 if d2 > 0.0 else 1.0 - t2
    return max(paid * n2 - grown * n1, paid - grown, 0.0), d1, DENSITY * e1 * grown / m, n1 * grown / m


@compiled
def value(g: Floats, x: float, m: float, t: float, r: float, q: float, v: float, w: Floats) -> tuple[float, float, float]:
    """Price of the American put, its slope in volatility, and the European bend over slope in volatility."""
    level, rise = read(g, v, w)
    a, root, earned = x - level, math.sqrt(t), r - q * m
    if a <= 0.0:
        return 1.0 - m, 0.0, 0.0
    premium(g, x, m, r - q, v, w)
    held = sloped = 0.0
    if a < CLOSE * v * root:
        smooth(g, a, rise, m, v, w)
        held, sloped, _ = peak(a, t, v)
    price, d1, density, _ = european(x, m, t, r, q, v)
    vega = m * density * root + total(w, 3) + earned * (rise + a / v) * sloped
    return max(price + total(w, 2) + earned * held, 1.0 - m), vega, d1 * (d1 - v * root) / v


@compiled
def first_guess(price: float, m: float, t: float) -> float:
    """Volatility at rates of zero (Stefanica and Radoicic 2017), from the value above exercise today."""
    ratio = min(m, 1.0 / m)
    x = math.log(ratio)
    a = (price - max(1.0 - m, 0.0)) / max(m, 1.0)
    tilt = math.exp((1.0 - 2.0 / math.pi) * x)
    flat, r = ratio / tilt, 2.0 * a + 1.0 - ratio
    ca = (tilt - 1.0 / tilt) ** 2
    cb = 4.0 * (flat + 1.0 / flat) - 2.0 / ratio * (tilt + 1.0 / tilt) * (ratio * ratio + 1.0 - r * r)
    cc = 2.0 * a / (ratio * ratio) * (2.0 * a + 2.0 * (1.0 - ratio)) * 2.0 * max(ratio - a, 1e-3 * ratio) * (2.0 + 2.0 * a)
    beta = 2.0 * cc / (cb + math.sqrt(max(cb * cb + 4.0 * ca * cc, 0.0)))
    gamma = -0.5 * math.pi * math.log(min(max(beta, 1e-300), 1.0))
    high, low = math.sqrt(max(gamma - x, 0.0)), math.sqrt(max(gamma + x, 0.0))
    middle = 0.5 * (ratio - 1.0) + 0.5 * math.sqrt(max(1.0 - flat * flat, 0.0))
    return (-2.0 * x / (high + low + 1e-300) if a <= middle else high + low) / math.sqrt(t)


@compiled
def implied(g: Floats, price: float, m: float, t: float, r: float, q: float, w: Floats) -> tuple[float, int]:
    """Volatility of one price, or a reason; Halley's steps on the log of the value above the floor, inside a bracket."""
    x = math.log(m)
    floor = max(1.0 - m, math.exp(-r * t) - m * math.exp(-q * t), 0.0)
    noise = 1e-10 * (1.0 + m)
    if price <= floor + noise:
        return np.nan, 5 if price < floor - noise else 6
    if price >= 1.0 - noise:
        return np.nan, 7
    low, high = LOWEST, HIGHEST
    v = min(max(first_guess(price, m, t), 1.01 * low), 0.99 * high)
    for _ in range(60):
        found, slope, bend = value(g, x, m, t, r, q, v, w)
        over = found - floor
        if found < price:
            low = v
        else:
            high = v
        guess = math.sqrt(low * high)
        if over > 0.0 and slope > 0.0:
            step = -math.log(over / (price - floor)) * over / slope
            moved = step / max(1.0 + 0.5 * step * (bend - slope / over), 0.3)
            if abs(moved) <= 2e-5 * v:
                return v + moved, 0
            if low < v + moved < high:
                guess = v + moved
        if high - low <= 1e-9 * v:
            return (v, 0) if LOWEST * 1.001 < v < HIGHEST * 0.999 else (np.nan, 8)
        v = guess
    return np.nan, 8


@compiled
def sensitivities(g: Floats, m: float, t: float, r: float, q: float, v: float, w: Floats) -> tuple[float, float, float, float]:
    """Price of the put, its slope and bend in the spot and its slope in volatility."""
    x = math.log(m)
    level, rise = read(g, v, w)
    a, root, earned = x - level, math.sqrt(t), r - q * m
    if a <= 0.0:
        return 1.0 - m, -1.0, 0.0, 0.0
    premium(g, x, m, r - q, v, w)
    bends(g, m, v, w)
    kept = sloped = bent = 0.0
    if a < CLOSE * v * root:
        smooth(g, a, rise, m, v, w)
        kept, sloped, bent = peak(a, t, v)
    price, _, density, held = european(x, m, t, r, q, v)
    slope = total(w, 4) - held - q * kept - earned / m * sloped
    gamma = density / (m * v * root) + total(w, 5) + (2.0 * q * sloped + earned / m * (sloped + bent)) / m
    vega = m * density * root + total(w, 3) + earned * (rise + a / v) * sloped
    return max(price + total(w, 2) + earned * kept, 1.0 - m), min(max(slope, -1.0), 0.0), max(gamma, 0.0), max(vega, 0.0)


@compiled
def slice_of(
    g: Floats,
    known: Floats,
    spot: Floats,
    strike: Floats,
    terms: Floats,
    solve: int,
    volatility: Floats,
    reason: Reasons,
    out: Floats,
) -> None:
    """Work off the rows of one (expiry, side): known is the price when there is to solve, else the volatility.

    terms is (years, rate, yield, sign) of the right itself; g and its rates are those of the put that mirrors a call. The rows of
    out are price, delta, gamma, vega per point and theta per day; out may have no rows when only volatilities are wanted.
    """
    t, r, q, is_call = terms[0], terms[1], terms[2], terms[3] > 0.0
    mine, other = (q, r) if is_call else (r, q)
    w = np.empty(SPACE)
    for i in range(len(known)):
        s, k = spot[i], strike[i]
        size, m = (s, k / s) if is_call else (k, s / k)
        every = s + k + known[i]
        v, code = known[i], 0
        if every - every != 0.0:
            code = 1
        elif not (s > 0.0 and k > 0.0):
            code = 2
        elif abs(math.log(m)) > 25.0:
            code = 4
        elif solve != 0:
            v, code = implied(g, known[i] / size, m, t, mine, other, w)
        elif not LOWEST <= v <= HIGHEST:
            code = 9
        reason[i] = code
        volatility[i] = v if code == 0 else np.nan
        if len(out) and code != 0:
            out[:, i] = np.nan
        elif len(out):
            price, slope, bend, vega = sensitivities(g, m, t, mine, other, v, w)
            delta = price - m * slope if is_call else slope
            gamma = m * m * bend / size if is_call else bend / size
            out[0, i], out[1, i], out[2, i], out[3, i] = size * price, delta, gamma, size * vega * 0.01
            out[4, i] = (r * size * price - (r - q) * s * delta - 0.5 * v * v * s * s * gamma) / 365.0
