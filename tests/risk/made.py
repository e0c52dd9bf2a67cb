"""Orders and views for the tests of single rules."""

from decimal import Decimal
from typing import Any

from core.model.conditions import Conditions
from core.model.instruments import Leg, Side
from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Decision, Proposal
from tests.kit import nouns

CALL, FAR = nouns.option(strike=100), nouns.option(strike=110)
LONG = (Leg(CALL, Side.BUY),)
SPREAD = (Leg(CALL, Side.BUY), Leg(FAR, Side.SELL))
QUOTES = {CALL.key: nouns.leg_quote(CALL, 5.00, 5.10), FAR.key: nouns.leg_quote(FAR, 1.95, 2.05)}
BLOCK, PASS, ABSENT = Decision.BLOCK, Decision.PASS, Decision.ABSENT


def order(legs: tuple[Leg, ...] = SPREAD, **changes: Any) -> Proposal:
    """Ten calls or spreads at the natural price of their quotes."""
    quotes = tuple(QUOTES.get(leg.instrument.key, nouns.leg_quote(leg.instrument, 5.00, 5.10)) for leg in legs)
    natural = sum((-quote.ask if leg.side is Side.BUY else quote.bid) * leg.ratio for leg, quote in zip(legs, quotes, strict=True))
    step = Decimal("0.01") if len(legs) > 1 else Decimal("0.10")
    made = {"legs": legs, "structure": "call debit spread", "quantity": 10, "quotes": quotes, "limit": natural, "tick": step}
    return nouns.proposal(**{**made, "floor": natural - 2 * step, "max_loss": Decimal(3000), "value": Decimal(3000), **changes})


def view(**conditions: Any) -> MarketView:
    return nouns.view(conditions=Conditions(**conditions))


def decision(rule: Any, proposal: Proposal | None = None, at: MarketView | None = None, book: Book | None = None) -> Decision:
    return rule.check(proposal or order(), book or nouns.book(), at or nouns.view()).decision  # type: ignore[no-any-return]  # any rule
