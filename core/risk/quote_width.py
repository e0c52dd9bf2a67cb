"""Whether the market in what is traded is worth the name."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from core.model.instruments import Leg, Option, Side
from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import LegQuote, Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed

UNIT = "% of mid"


@dataclass(frozen=True, slots=True)
class QuoteWidth:
    """Widest spread that an option to be opened may have, as a share of mid and in dollars (0: any); no size, no bid: blocks."""

    name: ClassVar[str] = "quote_width"

    share: Annotated[float, Gt(0), Le(2)] = 2.0
    dollars: Annotated[float, Ge(0)] = 0.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look at the quote of each leg."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        quotes = {quote.key: quote for quote in proposal.quotes}
        limit = 100 * self.share
        widths = [_width(quote) for quote in proposal.quotes if quote.ask > 0]
        widest = max(widths, default=None)
        for leg in proposal.legs:
            defect = self._defect(leg, quotes.get(leg.instrument.key), view)
            if defect:
                return blocked(self.name, widest, limit, UNIT, f"The quote of {leg.instrument.key.strip()} {defect}.")
        return passed(self.name, widest, limit, UNIT, f"The widest spread is {widest or 0.0:.1f} % of its mid.")

    def _defect(self, leg: Leg, quote: LegQuote | None, view: MarketView) -> str | None:
        if quote is None or quote.ask <= 0:
            return "is missing"
        shown = view.quote(leg.instrument)
        size = None if shown is None else shown.ask_size if leg.side is Side.BUY else shown.bid_size
        if size is not None and size < 1:
            return "has no size on the side that the order needs"
        if not isinstance(leg.instrument, Option):
            return None
        if quote.bid <= 0:
            return "has no bid"
        spread, percent = quote.ask - quote.bid, _width(quote)
        if percent > 100 * self.share:
            return f"is {percent:.1f} % of its mid wide, at most {100 * self.share:g} % are allowed"
        if self.dollars and spread > Decimal(str(self.dollars)):
            return f"is {spread} dollars wide, at most {self.dollars:.2f} are allowed"
        return None


def _width(quote: LegQuote) -> float:
    return float(200 * (quote.ask - quote.bid) / (quote.ask + quote.bid))
