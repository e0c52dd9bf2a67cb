"""Compiled loops that find the exercise boundary of an American put.

Andersen, Lake and Offengenden (2016), "High-performance American option pricing": the boundary B(τ), τ years before expiry, solves
B = K e^{-(r-q)τ} N(τ, B) / D(τ, B) with integrals over the boundary of all shorter lives (their system B). It is held as a
Chebyshev polynomial of H = ln(B / X)² in the root of τ, where X = K min(1, r / q) is its value just before expiry, and found by
going round the equation. Integrals over u = t sin²(angle) are sums over a rule with the rows sine, cosine and weight of each
angle. The strike is 1; a call is the put with spot and strike, and rate and yield, exchanged.
"""

import math

import numpy as np

from core.model.market import Floats
from core.quant.compiled import compiled

ROOT_HALF = math.sqrt(0.5)
#: Nodes of the polynomial besides expiry itself, and most rounds of the equation.
NODES, ROUNDS = 10, 60
#: Change of ln B below which the boundary stands.
STILL = 1e-6


@compiled
def normal(z: float) -> float:
    """Cumulative standard normal."""
    return 0.5 * math.erfc(-z * ROOT_HALF)


@compiled
def start_of(r: float, q: float) -> float:
    """Boundary just before expiry, X."""
    return min(1.0, r / q) if q > 0.0 else 1.0


@compiled
def first(t: float, r: float, q: float, v: float, out: Floats) -> None:
    """H of Barone-Adesi and Whaley's interpolation between X and the perpetual boundary at the nodes 1 to NODES."""
    a, b = 0.5 * v * v, r - q - 0.5 * v * v
    root = (-b - math.sqrt(b * b + 4.0 * a * r)) / (2.0 * a)
    begin = start_of(r, q)
    last = min(root / (root - 1.0), begin) if root < 0.0 else 0.5 * begin
    for i in range(1, NODES + 1):
        x = math.sqrt(t) * 0.5 * (1.0 - math.cos(math.pi * i / NODES))
        reach = min(((r - q) * x * x - 2.0 * v * x) * begin / max(begin - last, 1e-12), 0.0)
        out[i] = math.log((last + (begin - last) * math.exp(reach)) / begin) ** 2


@compiled
def polynomial(h: Floats, c: Floats) -> None:
    """Chebyshev coefficients of the values h at z = -cos(pi i / NODES)."""
    n = NODES
    for k in range(n + 1):
        total = 0.5 * (h[0] * math.cos(math.pi * k) + h[n])
        for i in range(1, n):
            total += h[i] * math.cos(k * math.pi * (n - i) / n)
        c[k] = total * 2.0 / n
    c[0] *= 0.5
    c[n] *= 0.5


@compiled
def log_boundary(c: Floats, root: float, longest: float) -> float:
    """ln(B / X) at root-of-years `root`, when `longest` is the root of the whole life."""
    z = 2.0 * root / longest - 1.0
    b1 = b2 = 0.0
    for k in range(NODES, 0, -1):
        b1, b2 = 2.0 * z * b1 - b2 + c[k], b1
    return -math.sqrt(max(z * b1 - b2 + c[0], 0.0))


@compiled
def turn(t: float, r: float, q: float, v: float, h: Floats, c: Floats, rule: Floats) -> float:
    """Go round the equation once at every node; the largest change of ln B."""
    longest, begin, worst = math.sqrt(t), math.log(start_of(r, q)), 0.0
    polynomial(h, c)
    for i in range(1, NODES + 1):
        root = longest * 0.5 * (1.0 - math.cos(math.pi * i / NODES))
        tau, gap = root * root, math.sqrt(h[i])
        d1 = (begin - gap + (r - q) * tau) / (v * root) + 0.5 * v * root
        top, bottom = normal(d1 - v * root), normal(d1)
        for k in range(rule.shape[1]):
            elapsed, left = root * rule[0, k], root * rule[1, k]
            deviation = v * elapsed
            fall = -gap - log_boundary(c, left, longest)
            d1 = (fall + (r - q) * elapsed * elapsed) / deviation + 0.5 * deviation
            step = tau * rule[2, k]
            top += step * r * math.exp(r * left * left) * normal(d1 - deviation)
            bottom += step * q * math.exp(q * left * left) * normal(d1)
        new = min((q - r) * tau + math.log(top / bottom), begin) if bottom > 0.0 < top else begin
        worst = max(worst, abs(new - begin + gap))
        h[i] = (new - begin) ** 2
    return worst


@compiled
def solve(t: float, r: float, q: float, volatility: Floats, rule: Floats, out: Floats) -> float:
    """Coefficients of the boundary of t years at each volatility (rising) into the rows of out; the worst last change of ln B."""
    h, worst = np.zeros(NODES + 1), 0.0
    for place in range(len(volatility)):
        v = volatility[place]
        if place == 0:
            first(t, r, q, v, h)
        else:
            h *= (v / volatility[place - 1]) ** 2
        change = np.inf
        for _ in range(ROUNDS):
            change = turn(t, r, q, v, h, out[place], rule)
            if change < STILL:
                break
        worst = max(worst, change)
        polynomial(h, out[place])
    return worst


@compiled
def spread(t: float, longest: float, r: float, q: float, c: Floats, rule: Floats, out: Floats) -> None:
    """Table for a life of t years, no longer than the boundary's, as `kernel_exercise` reads it."""
    begin, root, n = math.log(start_of(r, q)), math.sqrt(t), rule.shape[1]
    whole = math.sqrt(longest)
    for j in range(n):
        elapsed, left = root * rule[0, j], root * rule[1, j]
        u, span = elapsed * elapsed, t * rule[2, j]
        out[0, j], out[1, j], out[2, j], out[3, j] = elapsed, span * r * math.exp(-r * u), span * q * math.exp(-q * u), span
        for place in range(c.shape[0]):
            out[4 + place, j] = begin + log_boundary(c[place], left, whole)
    out[1, n], out[2, n] = r, q
    for place in range(c.shape[0]):
        out[4 + place, n] = begin + log_boundary(c[place], root, whole)
