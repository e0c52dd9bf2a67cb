"""Arithmetic of holdings: averages, cost, and the one identity that all realised profit follows from.

``realised == cash that moved (before fees) + cost of what is still held`` holds for every position after every event, to the
last digit. The average price of a holding is kept on a grid of 1e-8 dollars, so that it stores exactly; the remainder (below a
thousandth of a cent per event) is inside `realised` and cancels when the position closes.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from core.model.instruments import Instrument
from core.model.money import ZERO
from core.model.positions import Holding, Position

GRID = Decimal("1e-8")


def grid(value: Decimal) -> Decimal:
    """Round dollars to the grid that averages and scaled amounts are kept on."""
    return value.quantize(GRID, ROUND_HALF_EVEN)


def cost(holdings: Iterable[Holding]) -> Decimal:
    """Signed dollars paid for the holdings: positive when paid, negative when received."""
    return sum((holding.cost for holding in holdings), ZERO)


def quantity_of(holdings: Iterable[Holding], instrument: Instrument) -> int:
    """Signed quantity held of one instrument; 0 when none is."""
    return sum(holding.quantity for holding in holdings if holding.instrument == instrument)


def trade(holdings: tuple[Holding, ...], instrument: Instrument, quantity: int, price: Decimal) -> tuple[Holding, ...]:
    """Holdings after a signed quantity moved at a price per share, sorted by instrument key, none of them zero.

    More of the same is averaged, less keeps its average, and a turn through zero starts anew at the price.
    """
    rest = [holding for holding in holdings if holding.instrument != instrument]
    old = next((holding for holding in holdings if holding.instrument == instrument), Holding(instrument, 0, ZERO))
    total = old.quantity + quantity
    if not total:
        return tuple(rest)
    if old.quantity * quantity >= 0:
        average = grid((old.quantity * old.price + quantity * price) / total)
    else:
        average = old.price if total * old.quantity > 0 else grid(price)
    return tuple(sorted([*rest, Holding(instrument, total, average)], key=lambda holding: holding.instrument.key))


def rebooked(position: Position, holdings: tuple[Holding, ...], cash: Decimal) -> Position:
    """The position with other holdings after so many dollars moved for it; what is realised follows from the identity."""
    change = cost(holdings) - cost(position.holdings)
    return replace(position, holdings=holdings, realised=position.realised + cash + change)
