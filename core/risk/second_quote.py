"""Whether a second source sees the same market."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from core.model.market import MarketView, Quote
from core.model.positions import Book
from core.model.proposals import LegQuote, Proposal, Verdict
from core.risk._verdicts import absent, blocked, closes, passed

UNIT = "% apart"


@dataclass(frozen=True, slots=True)
class SecondQuote:
    """How far the mids of two independent sources may be apart, as a share; two price steps are fine. Without one it passes."""

    name: ClassVar[str] = "second_quote"

    limit: Annotated[float, Gt(0), Le(1)] = 0.03

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare each leg's quote with that of the second source."""
        limit = 100 * self.limit
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        second, asked = view.conditions.second, view.conditions.asked
        compared = [quote for quote in proposal.quotes if quote.key in asked]
        if not compared:
            return passed(self.name, None, limit, UNIT, "No second source was asked for quotes of this order.")
        missing = [quote.key.strip() for quote in compared if quote.key not in second]
        if missing:
            return absent(self.name, limit, UNIT, f"The second source has no quote of {', '.join(missing)}.")
        apart = {quote.key.strip(): self._apart(quote, second[quote.key], proposal.tick) for quote in compared}
        worst = max(apart, key=lambda key: (apart[key], key), default="")
        measured = apart.get(worst, 0.0)
        sentence = f"Two sources quote {worst} {measured:.2f} % apart, at most {limit:g} % are allowed."
        return (blocked if measured > limit else passed)(self.name, measured, limit, UNIT, sentence)

    def _apart(self, one: LegQuote, other: Quote, tick: Decimal) -> float:
        mid = (one.bid + one.ask) / 2
        difference = abs(mid - other.mid)
        if difference <= 2 * tick:
            return 0.0
        return float(100 * difference / max(mid, other.mid))
