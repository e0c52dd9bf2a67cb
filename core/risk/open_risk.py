"""How much everything that is open can lose together."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from core.model.instruments import Option
from core.model.market import MarketView
from core.model.money import ZERO
from core.model.positions import Book, Position
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import NET, blocked, closes, loss_room, share, sized

Share = Annotated[float, Gt(0), Le(1)]


@dataclass(frozen=True, slots=True)
class OpenRisk:
    """Summed maximum loss of everything open over net liquidation: in all, on one underlying, expiry or sector; trims.

    Granted envelopes that are no positions yet, doubtful orders among them, count in full towards the whole.
    """

    name: ClassVar[str] = "open_risk"

    limit: Share = 1.0
    symbol: Share = 1.0
    expiry: Share = 1.0
    sector: Share = 1.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Compare each sum with its limit; the one that leaves the least room speaks."""
        exempt = closes(self.name, proposal, NET)
        if exempt:
            return exempt
        net = book.net_liquidation
        if net <= 0:
            return blocked(self.name, None, 100 * self.limit, NET, f"The account's net liquidation is {net:.2f} dollars.")
        rooms = [(loss_room(proposal, used, share(net, limit)), what) for used, limit, what in self._sums(proposal, book) if limit]
        room, what = min(rooms, key=lambda one: (one[0].fitting(proposal.quantity), one[0].allowed - one[0].total))
        return sized(self.name, proposal, room, net, f"The open risk {what}")

    def _sums(self, proposal: Proposal, book: Book) -> list[tuple[Decimal, float, str]]:
        symbol, expiry = proposal.signal.symbol, proposal.first_expiry
        held = book.held
        sums = [
            (sum((one.max_loss for one in held), book.reserved), self.limit, "in all"),
            (sum((one.max_loss for one in held if one.symbol == symbol), ZERO), self.symbol, f"on {symbol}"),
        ]
        if expiry is not None:
            same = sum((one.max_loss for one in held if expiry in _expiries(one)), ZERO)
            sums.append((same, self.expiry, f"that ends on {expiry}"))
        if proposal.sector is not None:
            alike = sum((one.max_loss for one in held if one.sector in {proposal.sector, None}), ZERO)
            sums.append((alike, self.sector, f"in {proposal.sector}"))
        return sums


def _expiries(position: Position) -> set[object]:
    return {holding.instrument.expiry for holding in position.holdings if isinstance(holding.instrument, Option)}
