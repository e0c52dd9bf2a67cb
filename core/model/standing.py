"""How a live account stands: how long it has traded, what its broker allows it, and what stopped out today."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """A live account beside its book; paper accounts and replays have none.

    Attributes
    ----------
    live_day : int
        Sessions since it first traded real money, the first counted as 1.
    stated : bool
        The broker answered when it was asked for its limits.
    day_trades_left : int or None
        Day trades that the broker still allows; None where it counts none.
    intraday_excess : Decimal or None
        Dollars of intraday margin that are left; negative in a call; None where the broker states none.
    settled_cash : Decimal or None
        Cash that may be spent in an account that must settle first; None where all cash may be.
    closing_only : str
        Why the broker lets the account close only; empty when it does not.
    stops : tuple of (instant, symbol)
        Positions that were closed at their stop in this session.
    """

    live_day: int = 1
    stated: bool = False
    day_trades_left: int | None = None
    intraday_excess: Decimal | None = None
    settled_cash: Decimal | None = None
    closing_only: str = ""
    stops: tuple[tuple[datetime, str], ...] = ()
