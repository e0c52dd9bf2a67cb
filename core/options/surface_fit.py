"""One expiry's smile as total variance over log-moneyness: Gatheral's SVI, fitted so that no butterfly can be bought for nothing.

w(k) = a + b (rho (k - m) + sqrt((k - m)² + sigma²)), k = log(strike / forward). For each (m, sigma) of a grid the rest is a linear
least-squares problem (Zeliade 2009, "Quasi-explicit calibration of Gatheral's SVI model"); candidates whose density would be
negative anywhere (Gatheral and Jacquier 2014) are left out, and the grid is drawn closer around the best several times.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.model.market import Flags, Floats

#: Fewest quotes that a curve is fitted to; fewer give a flat smile.
FEWEST = 5
FIRST_GRID, GRID = 17, 7
#: Candidates, cheapest first, that are looked through for negative densities at a time.
BATCH = 16
#: Steepest slope of total variance that any distribution allows (Lee 2004).
STEEPEST = 2.0
#: Points at which the density is looked at.
CHECKED = 321


@dataclass(frozen=True, slots=True)
class Svi:
    """Parameters of one smile, and how it was found.

    `points` quotes, weighted root mean square `miss` of the volatility, `reach` of log-moneyness within which it was checked.
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float
    points: int = 0
    miss: float = math.nan
    reach: float = 0.5

    def variance(self, k: ArrayLike) -> Floats:
        """Total variance (volatility squared times years) at log-moneyness k."""
        x = np.asarray(k, dtype=np.float64) - self.m
        return np.asarray(self.a + self.b * (self.rho * x + np.sqrt(x * x + self.sigma**2)))

    def slope(self, k: ArrayLike) -> Floats:
        """First derivative of the total variance."""
        x = np.asarray(k, dtype=np.float64) - self.m
        return np.asarray(self.b * (self.rho + x / np.sqrt(x * x + self.sigma**2)))

    def density_factor(self, k: ArrayLike) -> Floats:
        """Gatheral's g: the density over that of a lognormal with the local variance; negative where a butterfly costs nothing."""
        x = np.asarray(k, dtype=np.float64) - self.m
        bend = self.b * self.sigma**2 / (x * x + self.sigma**2) ** 1.5
        return _factor(np.asarray(k, dtype=np.float64), self.variance(k), self.slope(k), np.asarray(bend))

    @property
    def is_free_of_butterflies(self) -> bool:
        """Whether the density is nowhere negative within `reach` of log-moneyness."""
        return bool((self.density_factor(np.linspace(-self.reach, self.reach, CHECKED)) >= -1e-6).all())


def flat(variance: float, points: int = 0, miss: float = math.nan) -> Svi:
    """A smile of one volatility."""
    return Svi(variance, 0.0, 0.0, 0.0, 1.0, points, miss)


def fit(k: Floats, variance: Floats, weight: Floats, years: float) -> Svi:
    """Fit total variances at log-moneyness k, shape (n,), n at least 1; weight is that of each squared miss of the variance."""
    if len(k) < FEWEST:
        level = float(np.average(variance, weights=weight))
        return flat(level, len(k), _miss(variance, np.full(len(k), level), weight, years))
    scale = max(math.sqrt(float(np.median(variance))), 1e-4)
    low, high = float(k.min()), float(k.max())
    centre, centre_reach = (low + high) / 2, (high - low) / 2 + 0.5 * scale
    width, width_reach = math.log(scale), 2.5
    best, cost = flat(float(np.average(variance, weights=weight))), math.inf
    for turn in range(9):
        side = GRID if turn else FIRST_GRID
        ms = centre + centre_reach * np.linspace(-1, 1, side)
        sigmas = np.exp(width + width_reach * np.linspace(-1, 1, side))
        found, price = _best(k, variance, weight, (np.repeat(ms, side), np.tile(sigmas, side)))
        if price < cost:
            best, cost = found, price
            centre, width = found.m, math.log(found.sigma)
        centre_reach, width_reach = centre_reach / 2, width_reach / 2
    return Svi(best.a, best.b, best.rho, best.m, best.sigma, len(k), _miss(variance, best.variance(k), weight, years), _reach(k))


def _best(k: Floats, variance: Floats, weight: Floats, grid: tuple[Floats, Floats]) -> tuple[Svi, float]:
    """Cheapest sound candidate of a grid of (m, sigma), and its cost; infinite when none is sound."""
    m, sigma = grid[0][:, None], grid[1][:, None]
    y = (k - m) / sigma
    z = np.sqrt(y * y + 1)
    a, d, c = _solve(y, z, variance, weight)
    cost = ((a[:, None] + d[:, None] * y + c[:, None] * z - variance) ** 2 * weight).sum(axis=1)
    cost = np.where(np.isfinite(cost) & ((np.abs(d) + c) / grid[1] < STEEPEST), cost, np.inf)
    order = np.argsort(cost, kind="stable")
    order = order[np.isfinite(cost[order])]
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        sound = _sound(k, (a[batch], d[batch], c[batch]), (grid[0][batch], grid[1][batch]))
        if sound.any():
            place = int(batch[np.argmax(sound)])
            break
    else:
        return flat(float(np.average(variance, weights=weight))), math.inf
    width, steep = float(grid[1][place]), float(c[place])
    rho = float(d[place] / steep) if steep > 0 else 0.0
    return Svi(float(a[place]), steep / width, rho, float(grid[0][place]), width), float(cost[place])


def _solve(y: Floats, z: Floats, variance: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted least squares of variance = a + d y + c z for each row, brought back to c >= |d|."""
    design = np.stack((np.ones_like(y), y, z), axis=2)
    a, d, c = _normal(design, variance, weight).T
    for side in (1.0, -1.0):
        outside = side * d > 0.999 * c
        if outside.any():
            ray = np.stack((np.ones_like(y[outside]), z[outside] + side * 0.999 * y[outside]), axis=2)
            a[outside], c[outside] = _normal(ray, variance, weight).T
            d[outside] = side * 0.999 * c[outside]
    bad = c < 0
    a[bad], c[bad], d[bad] = float(np.average(variance, weights=weight)), 0.0, 0.0
    return a, d, c


def _normal(design: Floats, variance: Floats, weight: Floats) -> Floats:
    """Solve the normal equations of each row."""
    weighted = (design * weight[None, :, None]).transpose(0, 2, 1)
    left = weighted @ design
    size = np.trace(left, axis1=1, axis2=2)[:, None, None]
    left = left + 1e-12 * size * np.eye(design.shape[2])
    right = weighted @ variance
    return np.asarray(np.linalg.solve(left, right[:, :, None])[:, :, 0])


def _sound(k: Floats, solved: tuple[Floats, Floats, Floats], grid: tuple[Floats, Floats]) -> Flags:
    """Which candidates have positive variance and nowhere a negative density."""
    a, d, c = (part[:, None] for part in solved)
    m, sigma = grid[0][:, None], grid[1][:, None]
    wide = np.linspace(-_reach(k), _reach(k), CHECKED)
    y = (wide - m) / sigma
    z = np.sqrt(y * y + 1)
    w, slope, bend = a + d * y + c * z, (d + c * y / z) / sigma, c / (z**3 * sigma**2)
    with np.errstate(all="ignore"):
        free = (_factor(wide, w, slope, bend) >= 0).all(axis=1)
    return np.asarray((w > 0).all(axis=1) & free, np.bool_)


def _reach(k: Floats) -> float:
    return max(1.5 * float(np.abs(k).max()), 0.2)


def _factor(k: Floats, w: Floats, slope: Floats, bend: Floats) -> Floats:
    return np.asarray((1 - k * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + 0.25) + bend / 2)


def _miss(variance: Floats, fitted: Floats, weight: Floats, years: float) -> float:
    gap = np.sqrt(variance / years) - np.sqrt(np.maximum(fitted, 0) / years)
    return float(math.sqrt(np.average(gap * gap, weights=weight)))
