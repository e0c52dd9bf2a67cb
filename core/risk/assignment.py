"""Whether what is sold may be called away at once."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from core.model.instruments import Option, Right, Side
from core.model.market import MarketView
from core.model.money import ZERO
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed, session_day

UNIT = "% from the strike"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Nothing is sold that is assigned soon: calls in the money before a dividend above their time value, or on the last day.

    `days`: calendar days before the ex-dividend day (four hold two sessions and a weekend). `pin`: share around the strike.
    """

    name: ClassVar[str] = "assignment"

    days: Annotated[int, Ge(0)] = 4
    pin: Annotated[float, Ge(0), Le(0.5)] = 0.01

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look at every option that the order sells."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        limit = 100 * self.pin
        sold = [leg.instrument for leg in proposal.legs if leg.side is Side.SELL and isinstance(leg.instrument, Option)]
        if not sold or proposal.spot <= 0:
            return passed(self.name, None, limit, UNIT, "The order sells no option.")
        nearest = min(float(100 * abs(proposal.spot - option.strike) / proposal.spot) for option in sold)
        for option in sold:
            defect = self._defect(option, proposal, view)
            if defect:
                return blocked(self.name, nearest, limit, UNIT, f"The short {option} {defect}.")
        return passed(self.name, nearest, limit, UNIT, "Nothing that the order sells is likely to be assigned soon.")

    def _defect(self, option: Option, proposal: Proposal, view: MarketView) -> str | None:
        spot, today = proposal.spot, session_day(view)
        inside = max(spot - option.strike if option.right is Right.CALL else option.strike - spot, ZERO)
        if option.expiry == today and (inside > 0 or abs(spot - option.strike) <= spot * Decimal(str(self.pin))):
            return "expires today at or near its strike and may be assigned tonight"
        if option.right is not Right.CALL or inside <= 0:
            return None
        quote = next((quote for quote in proposal.quotes if quote.key == option.key), None)
        time_value = max((quote.bid + quote.ask) / 2 - inside, ZERO) if quote else ZERO
        for day, dividend in view.symbol(option.underlying).events.dividends:
            if self._soon(day, today, option) and time_value < Decimal(str(dividend)):
                return f"is in the money with {time_value:.2f} of time value, less than the dividend of {dividend:.2f} on {day}"
        return None

    def _soon(self, day: date, today: date, option: Option) -> bool:
        return today < day <= min(today + timedelta(days=self.days), option.expiry)
