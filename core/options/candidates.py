"""Positions that a chain offers: one or two contracts each, priced, revalued at target and stop."""

import math
from dataclasses import dataclass

import numpy as np

from core.model.instruments import Right
from core.model.market import Chain, Flags, Floats
from core.options.contracts import Contracts, Filter, is_liquid
from core.options.policy import OptionPolicy, Structure
from core.quant import american

Places = np.ndarray[tuple[int], np.dtype[np.intp]]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Positions as columns, shape (m,); prices in dollars per share, a debit negative.

    Attributes
    ----------
    near, far : places in the contracts
        Main leg and other leg; `far` is empty for a single leg.
    natural : array
        Net price across the spreads.
    risk : array
        Most that can be lost, positive; not positive where the quotes make no sense as a position.
    at_target, at_stop : arrays
        Worth of the position there; NaN where a leg has no implied volatility.
    """

    near: Places
    far: Places
    natural: Floats
    risk: Floats
    at_target: Floats
    at_stop: Floats

    @property
    def reward_risk(self) -> Floats:
        """Gain at target over loss at stop, entered at the natural price; NaN where the stop does not lose."""
        gain, loss = self.at_target + self.natural, -(self.at_stop + self.natural)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(loss > 0, gain / loss, np.nan)


def pairs(rows: Contracts, structure: Structure, near: Flags, policy: OptionPolicy) -> tuple[Places, Places]:
    """Main legs, and for a spread every liquid other leg of the same expiry on the side where it costs less."""
    mains = np.flatnonzero(near)
    if structure is Structure.LONG_CALL:
        return mains, mains[:0]
    others = np.flatnonzero(is_liquid(rows, policy) & (rows.delta >= policy.far_low) & (rows.delta <= policy.far_high))
    a, b = (grid.reshape(-1) for grid in np.meshgrid(mains, others, indexing="ij"))
    beyond = rows.strike[b] > rows.strike[a] if structure is Structure.CALL_DEBIT_SPREAD else rows.strike[b] < rows.strike[a]
    fits = beyond & (rows.days[a] == rows.days[b])
    return a[fits], b[fits]


def candidates(
    chain: Chain, rows: Contracts, legs: tuple[Places, Places], structure: Structure, prices: tuple[float, float], hold: float
) -> Candidates:
    """Price every position and revalue it at the prices (target, stop) of the underlying after the holding time."""
    near, far = legs
    used = np.unique(np.concatenate((near, far)))
    at_target, at_stop = _revalued(chain, rows, used, structure, prices, hold)
    sold = structure is Structure.PUT_CREDIT_SPREAD
    sign = -1.0 if sold else 1.0
    natural = rows.bid[near].copy() if sold else -rows.ask[near]
    target, stop = sign * at_target[near], sign * at_stop[near]
    risk = -natural
    if len(far):
        natural = natural + (-rows.ask[far] if sold else rows.bid[far])
        target, stop = target - sign * at_target[far], stop - sign * at_stop[far]
        width = np.abs(rows.strike[near] - rows.strike[far])
        risk = np.where(natural > 0, width - natural, np.nan) if sold else np.where(natural > -width, -natural, np.nan)
    return Candidates(near, far, natural, risk, target, stop)


def position_filters(found: Candidates, structure: Structure, policy: OptionPolicy, budget: float) -> tuple[Filter, ...]:
    """Give the filters of whole positions."""
    ratio, least = found.reward_risk, policy.min_reward_risk
    with np.errstate(invalid="ignore"):
        cost = np.round(found.risk * 100, 2)
        return (
            ("price", found.risk > 0, lambda _: f"no {structure} has a net price between nothing and all it can be worth"),
            (
                "implied volatility",
                np.isfinite(found.at_target) & np.isfinite(found.at_stop),
                lambda _: f"no {structure} has an implied volatility: the mids lie outside of what any volatility gives",
            ),
            (
                "reward:risk",
                ratio >= least,
                lambda left: f"no {structure} has a reward:risk of {least:g} between stop and first rung; {_best(ratio[left])}",
            ),
            (
                "budget",
                cost <= budget,
                lambda left: f"one {structure} can lose ${np.nanmin(cost[left]):,.2f} at least, the budget is ${budget:,.2f}",
            ),
        )


def best(found: Candidates, rows: Contracts, left: Flags, policy: OptionPolicy) -> int:
    """Place of the candidate nearest to the aims: delta, days and spread, each in units of its window; ties go to chain order."""
    near = found.near
    distance = _share(rows.delta[near] - policy.delta_aim, policy.delta_high - policy.delta_low)
    distance += _share(rows.days[near] - policy.days_aim, policy.days_high - policy.days_low)
    distance += rows.spread[near] / policy.max_spread / 4
    if len(found.far):
        distance += _share(rows.delta[found.far] - policy.far_aim, policy.far_high - policy.far_low)
    return int(np.argmin(np.where(left, np.round(distance, 9), np.inf)))


def _revalued(
    chain: Chain, rows: Contracts, used: Places, structure: Structure, prices: tuple[float, float], hold: float
) -> tuple[Floats, Floats]:
    """Worth of each used contract at target and at stop, at the volatility that its own mid implies today; NaN elsewhere."""
    is_call = structure is not Structure.PUT_CREDIT_SPREAD
    terms = (chain.rate, chain.dividend_yield)
    strike, years = rows.strike[used], rows.years[used]
    sigma = american.implied_volatility(rows.mid[used], chain.spot, strike, years, *terms, is_call)
    out = np.full((2, len(rows.strike)), np.nan)
    for row, price in zip(out, prices, strict=True):
        row[used] = american.price(price, strike, years * (1 - hold), *terms, sigma, is_call)
    return out[0], out[1]


def _share(distance: Floats, window: float) -> Floats:
    return np.abs(distance) / max(window, 1e-9)


def _best(found: Floats) -> str:
    known = found[np.isfinite(found)]
    return f"the best has {math.floor(known.max() * 100) / 100:.2f}" if len(known) else "none loses at the stop"


def right_of(structure: Structure) -> Right:
    """Which right the structure is made of."""
    return Right.PUT if structure is Structure.PUT_CREDIT_SPREAD else Right.CALL
