"""Whether the prices behind an order can be believed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from annotated_types import Gt

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import LegQuote, Proposal, Verdict
from core.risk._verdicts import blocked, passed

UNIT = "seconds"


@dataclass(frozen=True, slots=True)
class StaleQuote:
    """Age in seconds that the quote of any leg may have; crossed, one-sided or senseless quotes block too. Binds exits as well."""

    name: ClassVar[str] = "stale_quote"

    limit: Annotated[float, Gt(0)] = 15.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look at the quote that each leg was priced from."""
        quotes = {quote.key: quote for quote in proposal.quotes}
        oldest = max((_age(quote, view.as_of) for quote in proposal.quotes), default=None)
        for leg in proposal.legs:
            quote = quotes.get(leg.instrument.key)
            defect = self._defect(quote, view.as_of)
            if defect:
                return blocked(self.name, oldest, self.limit, UNIT, f"The quote of {leg.instrument.key} {defect}.")
        sentence = f"The oldest quote is {oldest or 0.0:.0f} s old, at most {self.limit:g} s are allowed."
        return passed(self.name, oldest, self.limit, UNIT, sentence)

    def _defect(self, quote: LegQuote | None, now: datetime) -> str | None:
        if quote is None:
            return "is missing"
        if not (quote.bid.is_finite() and quote.ask.is_finite()) or quote.bid < 0 or quote.ask <= 0:
            return f"makes no sense: bid {quote.bid}, ask {quote.ask}"
        if quote.bid > quote.ask:
            return f"is crossed: bid {quote.bid} above ask {quote.ask}"
        age = _age(quote, now)
        if abs(age) > self.limit:
            return f"is {age:.0f} s old, at most {self.limit:g} s are allowed"
        return None


def _age(quote: LegQuote, now: datetime) -> float:
    return (now - quote.as_of).total_seconds()
