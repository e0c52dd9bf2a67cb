"""Whether the data behind the idea is whole."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from core.model.errors import UnknownSymbolError
from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed

UNIT = "bars old"


@dataclass(frozen=True, slots=True)
class DataHealth:
    """Completed bars that a signal may be old, and seconds that must have passed since the feed came back.

    A gap in the feed that was not filled, or a bar that was revised after the signal stood on it, blocks as well.
    """

    name: ClassVar[str] = "data_health"

    limit: Annotated[int, Ge(0)] = 2
    calm_seconds: Annotated[float, Ge(0)] = 30.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look at the age of the signal and at what the feed says about itself."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        symbol, limit, age = proposal.signal.symbol, float(self.limit), _age(proposal, view)
        defect = self._defect(symbol, view)
        if defect:
            return blocked(self.name, age, limit, UNIT, defect)
        sentence = f"The signal on {symbol} is {age:.0f} bars old, at most {self.limit} are allowed."
        return (blocked if age > self.limit else passed)(self.name, age, limit, UNIT, sentence)

    def _defect(self, symbol: str, view: MarketView) -> str | None:
        known = view.conditions
        if known.gap:
            return f"The feed has a gap: {known.gap}."
        if known.reconnected_at and view.as_of - known.reconnected_at < timedelta(seconds=self.calm_seconds):
            return f"The feed came back at {known.reconnected_at:%H:%M:%S} UTC; {self.calm_seconds:g} s must have passed."
        if symbol in known.revised:
            return f"A bar of {symbol} that the signal stands on was revised."
        return None


def _age(proposal: Proposal, view: MarketView) -> float:
    """Completed bars after the one that the signal stands on."""
    try:
        days = view.symbol(proposal.signal.symbol).bars.day
    except UnknownSymbolError:
        return 0.0
    return float(np.count_nonzero(days > np.datetime64(proposal.signal.session)))
