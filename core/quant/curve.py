"""Interest for a life of so many years, from the treasury's par yields of one day."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.model.errors import BadDataError
from core.model.market import Floats

#: Years of the constant maturities of the Federal Reserve's H.15 release, by their names.
MATURITIES = {
    "DGS1MO": 1 / 12, "DGS3MO": 0.25, "DGS6MO": 0.5, "DGS1": 1.0, "DGS2": 2.0, "DGS3": 3.0,
    "DGS5": 5.0, "DGS7": 7.0, "DGS10": 10.0, "DGS20": 20.0, "DGS30": 30.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Continuously compounded rates (annual fractions) of lives in years, rising; straight between them, flat outside."""

    years: Floats
    rates: Floats

    def rate(self, years: ArrayLike) -> Floats:
        """Rate for each life; NaN for NaN."""
        return np.asarray(np.interp(np.asarray(years, dtype=np.float64), self.years, self.rates))

    def discount(self, years: ArrayLike) -> Floats:
        """Worth today of one dollar after so many years."""
        return np.asarray(np.exp(-self.rate(years) * np.asarray(years)))


def flat(rate: float) -> Curve:
    """One rate for every life."""
    return Curve(np.array([1.0]), np.array([rate]))


def from_par_yields(percent: Mapping[str, float]) -> Curve:
    """Strip the treasury's constant maturities of one day.

    Par yields are bond equivalent (twice a year). Up to half a year they are taken as zero rates; from there each half year's zero
    rate is the one at which a bond that pays the (straight between maturities) par yield is worth par.

    Parameters
    ----------
    percent : mapping
        Yield in percent by the release's name (``DGS3MO``); NaN, missing and unknown names (``SOFR``) are left out.

    Raises
    ------
    BadDataError
        No maturity is known, or the yields contradict each other.
    """
    known = sorted(
        (MATURITIES[name], value / 100) for name, value in percent.items() if name in MATURITIES and math.isfinite(value)
    )
    if not known:
        raise BadDataError("no treasury yield is known for the day, so there is no rate; give at least one maturity such as DGS3MO")
    lives, yields = (np.array(column) for column in zip(*known, strict=True))
    short = lives[lives <= 0.5]
    grid = np.concatenate((short if len(short) else [min(lives[0], 0.5)], np.arange(1.0, 2 * lives[-1] + 0.5) / 2))
    grid = np.unique(grid)
    zeros, coupons = np.empty(len(grid)), 0.0
    for place, life in enumerate(grid):
        par = float(np.interp(life, lives, yields))
        if life <= 0.5:
            zeros[place] = 2 * math.log1p(par / 2)
            coupons = math.exp(-zeros[place] * life) if life == 0.5 else 0.0
            continue
        discount = (1 - par / 2 * coupons) / (1 + par / 2)
        if discount <= 0:
            raise BadDataError(f"the par yield of {par:.2%} at {life:g} years contradicts the shorter ones; check the day's yields")
        coupons += discount
        zeros[place] = -math.log(discount) / life
    return Curve(grid, zeros)
