"""What becomes of an option when it expires."""

from dataclasses import dataclass
from decimal import Decimal

from core.model.instruments import Option, Right
from core.model.money import CENT, ZERO
from core.model.orders import Movement


@dataclass(frozen=True, slots=True)
class Delivery:
    """End of an expired holding: its kind, the shares that come (positive) or go, and the dollars paid (negative) or received."""

    movement: Movement
    shares: int
    cash: Decimal


def intrinsic(option: Option, close: Decimal) -> Decimal:
    """Worth of the right at expiry, dollars per share; `close` is the underlying's official close."""
    return max(close - option.strike if option.right is Right.CALL else option.strike - close, ZERO)


def is_exercised(option: Option, close: Decimal) -> bool:
    """Whether the clearing house exercises it by exception: in the money by one cent or more."""
    return intrinsic(option, close) >= CENT


def deliver(option: Option, quantity: int, close: Decimal) -> Delivery:
    """What an expiring holding turns into.

    Parameters
    ----------
    quantity : int
        Contracts, negative when short. Shorts in the money are taken to be assigned in full.

    Returns
    -------
    Delivery
        Out of the money: EXPIRY without shares or cash. Otherwise the shares change hands at the strike.
    """
    if not is_exercised(option, close):
        return Delivery(Movement.EXPIRY, 0, ZERO)
    shares = quantity * option.multiplier * (1 if option.right is Right.CALL else -1)
    return Delivery(Movement.EXERCISE if quantity > 0 else Movement.ASSIGNMENT, shares, -shares * option.strike)
