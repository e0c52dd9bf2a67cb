"""Price steps: on which grid an exchange takes an order's price.

Sources: SEC rule 612 for shares (a cent; a hundredth of a cent below one dollar), the Penny Interval Program of the options
exchanges (a cent below three dollars and a nickel from there on; a cent throughout for SPY, QQQ and IWM), the standard steps of all
other option classes (a nickel below three dollars, a dime from there on). A spread has one net price on one step.

Prices are net prices per share: credit positive, debit negative, so "down" is towards what is worse for us.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.model.instruments import Leg, Option
from core.model.money import CENT, FINE, ZERO, down_to_tick, up_to_tick

NICKEL, DIME = Decimal("0.05"), Decimal("0.10")
#: Classes that trade in cents at every price.
CENTS_THROUGHOUT = frozenset({"SPY", "QQQ", "IWM"})
#: Broad index classes on the standard steps, whatever their quotes look like.
INDEX_STANDARD = frozenset({"SPX", "SPXW", "NDX", "NDXP", "RUT", "RUTW", "OEX", "XEO"})


@dataclass(frozen=True, slots=True)
class Grid:
    """Prices that may stand on an order: multiples of `fine` below `edge` dollars, of `coarse` from there on, also below zero.

    `edge` is a multiple of both steps and `coarse` one of `fine`, so the edge lies on both parts.
    """

    fine: Decimal
    edge: Decimal = ZERO
    coarse: Decimal = ZERO

    def step(self, price: Decimal) -> Decimal:
        """Step at a price."""
        return self.coarse if self.coarse and abs(price) >= self.edge else self.fine

    def down(self, price: Decimal) -> Decimal:
        """Highest price of the grid that is not above the given one."""
        return down_to_tick(price, self.step(price))

    def up(self, price: Decimal) -> Decimal:
        """Lowest price of the grid that is not below the given one."""
        return up_to_tick(price, self.step(price))

    def holds(self, price: Decimal) -> bool:
        """Whether an exchange takes the price."""
        return price % self.step(price) == 0


SHARES = Grid(FINE, Decimal(1), CENT)
PENNY = Grid(CENT, Decimal(3), NICKEL)
STANDARD = Grid(NICKEL, Decimal(3), DIME)
CENTS = Grid(CENT)


def grid(legs: Sequence[Leg], quotes: Sequence[Decimal] = (), net: Decimal = CENT) -> Grid:
    """Grid of an order's net price.

    Parameters
    ----------
    legs : the order's legs.
    quotes : bids and asks of a single option. Its class shows in them: a price off the standard steps proves the penny steps, one
        off those proves cents throughout. Without a proof the standard steps are taken, which lie on every finer grid.
    net : step of a spread's one net price: 0.01, or 0.05 where the exchange wants it.
    """
    if len(legs) > 1:
        return Grid(net)
    thing = legs[0].instrument
    return option_grid(thing.underlying, quotes) if isinstance(thing, Option) else SHARES


def option_grid(root: str, quotes: Sequence[Decimal]) -> Grid:
    """Grid of a single option of a class."""
    if root in CENTS_THROUGHOUT:
        return CENTS
    if root in INDEX_STANDARD:
        return STANDARD
    return next((steps for steps in (STANDARD, PENNY) if all(steps.holds(price) for price in quotes)), CENTS)
