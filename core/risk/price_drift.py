"""Whether the price still is the one that the idea was about."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import absent, blocked, closes, passed

UNIT = "ATR from the signal's price"


@dataclass(frozen=True, slots=True)
class PriceDrift:
    """How far, in ATR, the underlying may have moved from the signal's price; at its stop or its first rung the idea is over."""

    name: ClassVar[str] = "price_drift"

    limit: Annotated[float, Gt(0)] = 1.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the price of the underlying with the signal's price, stop and first rung."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        levels, spot, symbol = proposal.signal.levels, proposal.spot, proposal.signal.symbol
        if levels is None or levels.atr <= 0:
            return absent(self.name, self.limit, UNIT, f"The signal on {symbol} has no levels to compare with.")
        moved = float(abs(spot - proposal.signal.price) / levels.atr)
        if spot <= levels.stop:
            sentence = f"{symbol} trades at {spot:.2f}, at or below the stop of {levels.stop:.2f}."
            return blocked(self.name, moved, self.limit, UNIT, sentence)
        first = min((rung.price for rung in levels.rungs), default=None)
        if first is not None and spot >= first:
            sentence = f"{symbol} trades at {spot:.2f}, at or above the first rung of {first:.2f}."
            return blocked(self.name, moved, self.limit, UNIT, sentence)
        sentence = (
            f"{symbol} moved {moved:.2f} ATR since the signal at {proposal.signal.price:.2f}; at most {self.limit:g} is allowed."
        )
        return (blocked if moved > self.limit else passed)(self.name, moved, self.limit, UNIT, sentence)
