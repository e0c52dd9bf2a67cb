"""The choice of contracts for an opening signal: long call, call debit spread or put credit spread, or a refusal that says why."""

import math
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from core.model.instruments import Leg, Side
from core.model.market import Chain
from core.model.money import CENT, ZERO, down_to_tick, price
from core.model.proposals import LegQuote
from core.model.signals import Signal
from core.options.candidates import Candidates, best, candidates, pairs, position_filters, right_of
from core.options.contracts import Contracts, contracts, filters, sieve
from core.options.policy import Choice, OptionPolicy, Refusal, Structure
from core.quant.payoff import break_evens, max_loss

__all__ = ["Choice", "OptionPolicy", "Refusal", "Structure", "choose", "max_loss", "tick"]

NICKEL = Decimal("0.05")


def choose(
    chain: Chain, signal: Signal, policy: OptionPolicy, budget: Decimal, now: datetime, max_age: timedelta
) -> Choice | Refusal:
    """Choose one unit of an option position for a bullish signal.

    Same chain, same signal, same choice. The target is the first rung of the signal's ladder, the stop its stop.

    Parameters
    ----------
    budget : Decimal
        Most dollars that one unit may lose, fees not counted.
    max_age : timedelta
        Oldest chain that may be used.

    Returns
    -------
    Choice or Refusal
        A refusal names the filter that let nobody through, its bound and how near the best came.
    """
    defect = _defect(chain, signal, now, max_age)
    if defect is not None:
        return Refusal(defect[0], f"{chain.underlying}: {defect[1]}", ())
    structure, remarks = _structure(chain, policy)
    right = right_of(structure)
    rows = contracts(chain, right, now)
    left, counts = sieve(filters(rows, policy, right), np.ones(len(rows.index), dtype=np.bool_))
    if isinstance(left, Refusal):
        return _named(chain, left, ())
    legs = pairs(rows, structure, left, policy)
    if not len(legs[0]):
        window = f"delta {policy.far_low:.2f}-{policy.far_high:.2f}"
        sentence = f"no {structure}: no second leg of the same expiry with {window} is liquid enough"
        return _named(chain, Refusal("second leg", sentence, (("second leg", 0),)), counts)
    found = candidates(chain, rows, legs, structure, _prices(signal), policy.hold)
    checks = position_filters(found, structure, policy, float(budget))
    left, more = sieve(checks, np.ones(len(found.near), dtype=np.bool_))
    if isinstance(left, Refusal):
        return _named(chain, left, counts)
    return _choice(chain, rows, found, best(found, rows, left, policy), structure, ((*counts, *more), remarks))


def tick(quotes: tuple[LegQuote, ...]) -> Decimal:
    """Price step of the order: a cent for spreads and for options below three dollars or already quoted in cents, else a nickel."""
    if len(quotes) > 1:
        return CENT
    bid, ask = quotes[0].bid, quotes[0].ask
    return NICKEL if ask >= 3 and ask % NICKEL == 0 and (bid < 3 or bid % NICKEL == 0) else CENT


def _defect(chain: Chain, signal: Signal, now: datetime, max_age: timedelta) -> tuple[str, str] | None:
    """Why this chain or signal cannot be chosen from at all: filter and sentence."""
    if signal.levels is None or not signal.levels.rungs:
        return "levels", "the signal has no stop and no ladder, so no option can be measured against them"
    if not chain.contracts:
        return "chain", "the chain is empty"
    if now - chain.as_of > max_age:
        age, limit = (now - chain.as_of).total_seconds(), max_age.total_seconds()
        return "age", f"the chain is {age:.0f} s old, at most {limit:.0f} s are allowed"
    if not all(math.isfinite(number) for number in (chain.spot, chain.rate, chain.dividend_yield)):
        return "chain", f"spot {chain.spot}, rate {chain.rate} or dividend yield {chain.dividend_yield} is not a number"
    target, stop = _prices(signal)
    if not stop < chain.spot < target:
        return "levels", f"the price of {chain.spot:.2f} is not between the stop {stop:.2f} and the first rung {target:.2f}"
    return None


def _prices(signal: Signal) -> tuple[float, float]:
    """Target and stop of the underlying."""
    if signal.levels is None:
        return math.nan, math.nan
    return float(signal.levels.rungs[0].price), float(signal.levels.stop)


def _structure(chain: Chain, policy: OptionPolicy) -> tuple[Structure, tuple[str, ...]]:
    """What the IV rank allows, and what there is to say about it."""
    remarks = ("option quotes are modelled, no market made them",) if chain.modelled else ()
    if math.isnan(chain.iv_rank):
        return Structure.LONG_CALL, (*remarks, "IV rank is unknown and was not evaluated; long premium is taken")
    if chain.iv_rank < policy.iv_rank_limit:
        return Structure.LONG_CALL, remarks
    return policy.above_limit, (*remarks, f"IV rank {chain.iv_rank:.0f} is not below {policy.iv_rank_limit:.0f}: a spread")


def _named(chain: Chain, refusal: Refusal, before: tuple[tuple[str, int], ...]) -> Refusal:
    return Refusal(refusal.filter, f"{chain.underlying}: {refusal.sentence}", (*before, *refusal.counts))


def _choice(
    chain: Chain,
    rows: Contracts,
    found: Candidates,
    place: int,
    structure: Structure,
    told: tuple[tuple[tuple[str, int], ...], tuple[str, ...]],
) -> Choice:
    """Put the chosen candidate into exact prices."""
    chosen = [rows.index[legs[place]] for legs in (found.near, found.far) if len(legs)]
    first = Side.SELL if structure is Structure.PUT_CREDIT_SPREAD else Side.BUY
    legs = tuple(Leg(chain.contracts[i], side) for i, side in zip(chosen, (first, first.opposite), strict=False))
    quotes = tuple(_quote(chain, i) for i in chosen)
    step = tick(quotes)
    natural = sum((-quote.ask if leg.side is Side.BUY else quote.bid for leg, quote in zip(legs, quotes, strict=True)), ZERO)
    mid = sum((-leg.side.sign * (quote.bid + quote.ask) / 2 for leg, quote in zip(legs, quotes, strict=True)), ZERO)
    unit = legs[0].instrument.multiplier
    option = chain.contracts[chosen[0]]
    return Choice(
        structure=structure,
        legs=legs,
        mid=down_to_tick(mid, step),
        natural=down_to_tick(natural, step),
        tick=step,
        max_loss=max_loss(legs, natural),
        value_at_target=float(found.at_target[place] * unit),
        value_at_stop=float(found.at_stop[place] * unit),
        reward_risk=float(found.reward_risk[place]),
        delta=float(sum(leg.side.sign * unit * chain.delta[i] for leg, i in zip(legs, chosen, strict=True))),
        break_evens=break_evens(legs, natural),
        expiry=option.expiry,
        days=int(rows.days[found.near[place]]),
        quotes=quotes,
        modelled=chain.modelled,
        counts=told[0],
        remarks=told[1],
    )


def _quote(chain: Chain, place: int) -> LegQuote:
    """Quote of one contract in exact prices, on whole cents where it stands on them."""
    bid, ask = (price(float(side[place])) for side in (chain.bid, chain.ask))
    bid, ask = (round(side, 2) if side == round(side, 2) else side for side in (bid, ask))
    return LegQuote(chain.contracts[place].key, bid, ask, chain.as_of, chain.modelled)
