"""Sieving the contracts of a chain: each filter in turn, and the sentence for the one that lets nobody through."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.market.chains import years_to
from core.market.sessions import NEW_YORK
from core.model.instruments import Right
from core.model.market import Chain, Flags, Floats
from core.options.policy import OptionPolicy, Refusal

#: Name, who passes, and the sentence if nobody does, given who was left before.
Filter = tuple[str, Flags, Callable[[Flags], str]]


@dataclass(frozen=True, slots=True, eq=False)
class Contracts:
    """The contracts of one right as columns, shape (n,), in the order of the chain; `index` is the place in it."""

    index: np.ndarray[tuple[int], np.dtype[np.intp]]
    strike: Floats
    days: Floats
    years: Floats
    bid: Floats
    ask: Floats
    delta: Floats
    volume: Floats
    open_interest: Floats

    @property
    def mid(self) -> Floats:
        """Half way between bid and ask, dollars."""
        return (self.bid + self.ask) / 2

    @property
    def spread(self) -> Floats:
        """Ask less bid as a share of mid; NaN without quotes."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.ask - self.bid) / self.mid

    @property
    def sound(self) -> Flags:
        """Both sides quoted and not crossed."""
        return (self.bid > 0) & (self.ask >= self.bid) & np.isfinite(self.ask)


def contracts(chain: Chain, right: Right, now: datetime) -> Contracts:
    """Take the standard contracts (100 shares) of one right out of the chain; delta comes without sign."""
    index = np.array(
        [i for i, contract in enumerate(chain.contracts) if contract.right is right and contract.multiplier == 100], dtype=np.intp
    )
    today = now.astimezone(NEW_YORK).date()
    expiries = {contract.expiry for contract in chain.contracts}
    days = {expiry: float((expiry - today).days) for expiry in expiries}
    years = {expiry: years_to(expiry, now) for expiry in expiries}
    chosen = [chain.contracts[i] for i in index]
    return Contracts(
        index=index,
        strike=np.array([float(contract.strike) for contract in chosen]),
        days=np.array([days[contract.expiry] for contract in chosen]),
        years=np.array([years[contract.expiry] for contract in chosen]),
        bid=chain.bid[index],
        ask=chain.ask[index],
        delta=np.abs(chain.delta[index]),
        volume=chain.volume[index],
        open_interest=chain.open_interest[index],
    )


def sieve(filters: Iterable[Filter], left: Flags) -> tuple[Flags | Refusal, tuple[tuple[str, int], ...]]:
    """Apply filters in order; the survivors, or the refusal of the first filter that lets nobody through, and the counts."""
    counts: list[tuple[str, int]] = []
    for name, holds, sentence in filters:
        kept = left & holds
        counts.append((name, int(kept.sum())))
        if not kept.any():
            return Refusal(name, sentence(left), tuple(counts)), tuple(counts)
        left = kept
    return left, tuple(counts)


def filters(rows: Contracts, policy: OptionPolicy, right: Right) -> tuple[Filter, ...]:
    """Give the filters of the main leg, cheapest to understand first."""
    kind = "call" if right is Right.CALL else "put"
    window = f"{policy.days_low}-{policy.days_high} days"
    inside = f"no {kind} within {window} and delta {policy.delta_low:.2f}-{policy.delta_high:.2f}"
    return (
        ("quote", rows.sound, lambda _: f"no {kind} has a sound quote: every bid is missing, zero or above its ask"),
        (
            "days to expiry",
            (rows.days >= policy.days_low) & (rows.days <= policy.days_high),
            lambda left: (
                f"no {kind} expires within {window}; the nearest has {_nearest(rows.days[left], policy.days_aim):.0f} days"
            ),
        ),
        (
            "delta",
            (rows.delta >= policy.delta_low) & (rows.delta <= policy.delta_high),
            lambda left: (
                f"no {kind} within {window} has a delta of {policy.delta_low:.2f}-{policy.delta_high:.2f}; "
                f"the nearest has {_nearest(rows.delta[left], policy.delta_aim):.2f}"
            ),
        ),
        ("volume", rows.volume >= policy.min_volume, lambda left: _best(inside, "volume", policy.min_volume, rows.volume[left])),
        (
            "open interest",
            rows.open_interest >= policy.min_open_interest,
            lambda left: _best(inside, "open interest", policy.min_open_interest, rows.open_interest[left]),
        ),
        (
            "spread",
            rows.spread <= policy.max_spread,
            lambda left: (
                f"{inside} has a spread of at most {policy.max_spread:.0%} of its mid; "
                f"the best has {np.nanmin(rows.spread[left]):.1%}"
            ),
        ),
    )


def is_liquid(rows: Contracts, policy: OptionPolicy) -> Flags:
    """Whether a contract may be the other leg of a spread."""
    traded = (rows.volume >= policy.min_volume) & (rows.open_interest >= policy.min_open_interest)
    return rows.sound & traded & (rows.spread <= policy.max_spread)


def _best(inside: str, what: str, least: int, found: Floats) -> str:
    known = found[np.isfinite(found)]
    best = f"the best has {known.max():.0f}" if len(known) else "none is known"
    return f"{inside} has {'a ' if what == 'volume' else ''}{what} of {least}; {best}"


def _nearest(found: Floats, aim: float) -> float:
    known = found[np.isfinite(found)]
    return float(known[np.argmin(np.abs(known - aim))]) if len(known) else np.nan
