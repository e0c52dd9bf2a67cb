"""How afraid the market is."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import absent, blocked, closes, passed

UNIT = "VIX points"


@dataclass(frozen=True, slots=True)
class Vix:
    """The VIX above which nothing new is opened."""

    name: ClassVar[str] = "vix"

    limit: Annotated[float, Gt(0)] = 40.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare the VIX with the limit."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        if view.vix is None or not math.isfinite(view.vix):
            return absent(self.name, self.limit, UNIT, "The VIX is unknown.")
        sentence = f"The VIX stands at {view.vix:.2f}; nothing new is opened above {self.limit:g}."
        return (blocked if view.vix > self.limit else passed)(self.name, view.vix, self.limit, UNIT, sentence)
