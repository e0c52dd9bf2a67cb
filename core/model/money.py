"""Money and prices: `Decimal` dollars, credit positive, debit negative; prices per share."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from core.model.errors import BadDataError

CENT = Decimal("0.01")
FINE = Decimal("0.0001")
ZERO = Decimal(0)


def cents(amount: Decimal) -> Decimal:
    """Round dollars to whole cents, half to even."""
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def price(value: float, tick: Decimal = Decimal("0.0001")) -> Decimal:
    """Turn a float price per share into a Decimal on the given grid.

    Raises
    ------
    BadDataError
        The value is NaN or infinite.
    """
    if not math.isfinite(value):
        raise BadDataError(f"a price of {value} is not a number")
    return (Decimal(repr(float(value))) / tick).quantize(Decimal(1), ROUND_HALF_EVEN) * tick


def down_to_tick(amount: Decimal, tick: Decimal) -> Decimal:
    """Largest multiple of the tick that is not above the (signed) amount."""
    return (amount / tick).quantize(Decimal(1), ROUND_FLOOR) * tick


def up_to_tick(amount: Decimal, tick: Decimal) -> Decimal:
    """Smallest multiple of the tick that is not below the (signed) amount."""
    return (amount / tick).quantize(Decimal(1), ROUND_CEILING) * tick


def share_step(price: Decimal) -> Decimal:
    """Price step of a share: a cent, or a hundredth of a cent below one dollar (SEC rule 612)."""
    return FINE if abs(price) < 1 else CENT
