"""Balances and trading status in our words: what may be spent, and what the broker still allows the account today."""

from datetime import datetime
from decimal import Decimal

from brokers.tastytrade.values import number, whole
from brokers.tastytrade.wire import JSON
from core.ports.broker import Account

#: Below this net liquidation an account without intraday margin may make so many day trades in five days (FINRA 4210).
FREE_FROM, DAY_TRADES = Decimal(25_000), 3
CLOSING = {
    "is-closing-only": "tastytrade has set it to closing only",
    "is-risk-reducing-only": "tastytrade has set it to reducing risk",
}


def told(name: str, balances: JSON, rules: JSON, at: datetime) -> Account:
    """Read both answers; the buying power is that for options, which is never above that for shares.

    Raises
    ------
    UnreadableError
        A figure is missing or is none.
    """
    intraday = rules.get("has-intraday-equities-margin") is True
    return Account(
        name,
        number(balances, "cash-balance"),
        number(balances, "derivative-buying-power"),
        at,
        day_trades_left=None if intraday else _left(balances, rules),
        intraday_excess=number(balances, "day-trade-excess") if intraday else None,
        closing_only=next((sentence for flag, sentence in CLOSING.items() if rules.get(flag) is True), ""),
    )


def _left(balances: JSON, rules: JSON) -> int | None:
    """Day trades that are left; None where their number is not limited."""
    if "Cash" in str(rules.get("equities-margin-calculation-type")) or number(balances, "net-liquidating-value") >= FREE_FROM:
        return None
    return max(DAY_TRADES - whole(rules, "day-trade-count"), 0)
