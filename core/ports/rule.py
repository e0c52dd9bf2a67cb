"""The seam where one file adds one risk rule."""

from typing import ClassVar, Protocol

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict


class RiskRule(Protocol):
    """Pure. A larger size never turns BLOCK into PASS. A frozen dataclass whose fields are its limits."""

    name: ClassVar[str]

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:
        """Measure one thing and compare it with its limit."""
        ...
