"""Our instruments and Interactive Brokers' contracts: one place that knows both spellings.

IB writes share classes with a space (BRK B for BRK.B) and knows US options by their OCC symbol, which is our key.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from core.model.errors import BadDataError
from core.model.instruments import Instrument, Option, Right, Side, Stock

if TYPE_CHECKING:
    import ib_async

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """One leg as IB reports it: `key` is our instrument key, empty when only the contract id was told."""

    con_id: int
    key: str
    side: Side
    ratio: int = 1


def parts_of(contract: "ib_async.Contract", action: str) -> tuple[Part, ...]:
    """Legs of what is traded, as seen by us: a SELL of a combo turns its legs round."""
    turned = action.upper().startswith("S")
    if contract.secType != "BAG":
        return (Part(contract.conId, key_of(contract), Side.SELL if turned else Side.BUY),)
    legs = []
    for leg in contract.comboLegs or ():
        side = Side.SELL if leg.action.upper().startswith("S") else Side.BUY
        legs.append(Part(leg.conId, "", side.opposite if turned else side, leg.ratio))
    return tuple(legs)


def key_of(contract: "ib_async.Contract") -> str:
    """Our key for a contract; what we do not trade keeps IB's own name, so that it is seen and never mistaken.

    Raises
    ------
    BadDataError
        It has no name.
    """
    if not contract.symbol.strip():
        raise BadDataError(f"contract {contract.conId} has no name")
    if contract.currency not in {"USD", ""}:
        return f"{contract.localSymbol or contract.symbol}.{contract.currency}"
    if contract.secType == "STK":
        return contract.symbol.replace(" ", ".")
    if contract.secType == "OPT":
        try:
            return _option(contract).key
        except ValueError:
            LOG.warning("an option without a date: %s", contract)
    return f"{contract.secType} {contract.localSymbol or contract.symbol}"


def _option(contract: "ib_async.Contract") -> Option:
    expiry = datetime.strptime(contract.lastTradeDateOrContractMonth[:8], "%Y%m%d").date()  # noqa: DTZ007 - a date alone
    root = contract.localSymbol[:6].strip() or contract.tradingClass or contract.symbol.replace(" ", "")
    if root == contract.symbol.replace(" ", ""):
        root = contract.symbol.replace(" ", ".")
    right = Right.CALL if contract.right.upper().startswith("C") else Right.PUT
    return Option(root, expiry, right, Decimal(str(contract.strike)), int(contract.multiplier or 100))


def asked(thing: Instrument) -> "ib_async.Contract":
    """The contract to ask details for."""
    from ib_async import Contract  # noqa: PLC0415 - the library is loaded with the first connection, not with this module

    if isinstance(thing, Stock):
        return Contract(secType="STK", symbol=thing.symbol.replace(".", " "), exchange="SMART", currency="USD")
    local = f"{thing.underlying.replace('.', ''):<6}{thing.key[6:]}"
    return Contract(secType="OPT", localSymbol=local, exchange="SMART", currency="USD")


def agrees(thing: Instrument, contract: "ib_async.Contract") -> bool:
    """Whether the contract that IB found is the one that we mean, to the last field."""
    try:
        found = key_of(contract)
    except (BadDataError, ValueError):
        return False
    multiplier = int(contract.multiplier or (1 if isinstance(thing, Stock) else 100))
    return found == thing.key and multiplier == thing.multiplier
