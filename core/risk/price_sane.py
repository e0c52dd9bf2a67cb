"""Whether the price is one that an exchange takes and a sound mind pays."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.errors import BadDataError
from core.model.instruments import Leg, Option, Side
from core.model.market import MarketView
from core.model.money import ZERO
from core.model.positions import Book
from core.model.proposals import LegQuote, Proposal, Verdict
from core.quant import payoff, ticks
from core.risk._verdicts import blocked, closes, passed

UNIT = "spreads from the market"


@dataclass(frozen=True, slots=True)
class PriceSane:
    """How many spreads a limit may lie outside of bid and ask; a price off its grid, or one that can only lose, blocks as well."""

    name: ClassVar[str] = "price_sane"

    limit: Annotated[float, Ge(0)] = 1.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare limit and floor with the quotes, the grid and what the legs can pay."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        defect = _defect(proposal)
        if defect:
            return blocked(self.name, None, self.limit, UNIT, f"The price makes no sense: {defect}.")
        quotes = {quote.key: quote for quote in proposal.quotes}
        if any(leg.instrument.key not in quotes for leg in proposal.legs):
            return blocked(self.name, None, self.limit, UNIT, "The price makes no sense: a leg has no quote.")
        away, width = _outside(proposal, quotes)
        spreads = float(away / width) if width > 0 else float(away > 0)
        sentence = f"The limit lies {spreads:.2f} spreads outside of bid and ask, at most {self.limit:g} are allowed."
        return (blocked if spreads > self.limit else passed)(self.name, spreads, self.limit, UNIT, sentence)


def _defect(proposal: Proposal) -> str | None:
    """What is wrong with limit or floor, whatever the quotes are."""
    limit, floor = proposal.limit, proposal.floor
    if not (limit.is_finite() and floor.is_finite()):
        return f"limit {limit} or floor {floor} is not a number"
    if floor > limit:
        return f"its floor {floor} is above its limit {limit}"
    if proposal.tick <= 0 or not _grid(proposal).holds(limit) or not _grid(proposal).holds(floor):
        return f"limit {limit} or floor {floor} is off the price steps of an exchange"
    try:
        best, most = _best(proposal.legs), payoff.max_loss(proposal.legs, limit)
    except BadDataError:
        return None  # legs that expire on different days have no bound that their quotes do not give
    if best is not None and limit + best <= 0:
        return f"it pays {-limit} for what is worth {best} at best"
    if limit > 0 and most <= 0 and len(proposal.legs) > 1:
        return f"a credit of {limit} that cannot lose is an error"
    return None


def _grid(proposal: Proposal) -> ticks.Grid:
    """Grid of the class; modelled quotes show none, so their orders stand on cents."""
    if proposal.modelled and isinstance(proposal.legs[0].instrument, Option):
        return ticks.CENTS
    step = proposal.tick if len(proposal.legs) > 1 else ticks.CENTS.fine
    return ticks.grid(proposal.legs, [price for quote in proposal.quotes for price in (quote.bid, quote.ask)], step)


def _best(legs: tuple[Leg, ...]) -> Decimal | None:
    """Most that one unit of options can be worth at expiry, per share; None when it has no bound."""
    flipped = tuple(Leg(leg.instrument, leg.side.opposite, leg.ratio) for leg in legs)
    worst = payoff.max_loss(flipped, ZERO)
    return worst / max(leg.instrument.multiplier for leg in legs) if worst.is_finite() else None


def _outside(proposal: Proposal, quotes: dict[str, LegQuote]) -> tuple[Decimal, Decimal]:
    """How far the limit lies outside of the market's net bid and ask, and how wide that market is."""
    natural = best = ZERO
    for leg in proposal.legs:
        quote, sign = quotes[leg.instrument.key], leg.side.sign
        touch, other = (quote.ask, quote.bid) if leg.side is Side.BUY else (quote.bid, quote.ask)
        natural -= sign * leg.ratio * touch
        best -= sign * leg.ratio * other
    step = proposal.tick
    away = max(natural - step - proposal.limit, proposal.limit - best - step, ZERO)
    return away, best - natural
