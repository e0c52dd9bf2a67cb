"""What can be traded: stocks, listed options, and legs of an order."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from core.model.errors import BadDataError


class Right(StrEnum):
    """Which option right."""

    CALL = "C"
    PUT = "P"


class Side(StrEnum):
    """Direction of a leg; `sign` is the change of the position in units (+1 buy, -1 sell)."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """Change of the held quantity per unit traded."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The side that undoes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


@dataclass(frozen=True, order=True, slots=True)
class Stock:
    """A share or an ETF."""

    symbol: str

    @property
    def key(self) -> str:
        """Text that names the instrument everywhere (journal, quotes): the symbol."""
        return self.symbol

    @property
    def underlying(self) -> str:
        """The symbol whose price moves the instrument."""
        return self.symbol

    @property
    def multiplier(self) -> int:
        """Shares per unit."""
        return 1


@dataclass(frozen=True, order=True, slots=True)
class Option:
    """A listed option; strike in dollars per share."""

    underlying: str
    expiry: date
    right: Right
    strike: Decimal
    multiplier: int = 100

    @property
    def key(self) -> str:
        """OCC symbol, 21 characters: root padded to six, yymmdd, C or P, strike in thousandths over eight digits."""
        return f"{self.underlying:<6}{self.expiry:%y%m%d}{self.right}{int(self.strike * 1000):08d}"

    def __str__(self) -> str:
        return (
            f"{self.underlying} {self.expiry:%d %b %y} {self.strike.normalize():f} {'call' if self.right is Right.CALL else 'put'}"
        )


Instrument = Stock | Option

_OCC = re.compile(r"([A-Z0-9./^-]{1,6}) *(\d{2})(\d{2})(\d{2})([CP])(\d{8})")


def instrument(key: str) -> Instrument:
    """Read back what `key` wrote.

    Raises
    ------
    BadDataError
        The text is empty or an impossible expiry.
    """
    found = _OCC.fullmatch(key)
    if found is None:
        if not key:
            raise BadDataError("an instrument needs a symbol; the text is empty")
        return Stock(key)
    root, year, month, day, right, strike = found.groups()
    try:
        expiry = date(2000 + int(year), int(month), int(day))
    except ValueError as error:
        raise BadDataError(f"{key!r} has no valid expiry date") from error
    return Option(root, expiry, Right(right), Decimal(int(strike)) / 1000)


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of an order: `ratio` units of the instrument for each unit of the order."""

    instrument: Instrument
    side: Side
    ratio: int = 1
