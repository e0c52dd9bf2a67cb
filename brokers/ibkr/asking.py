"""Questions that change nothing: orders and executions, positions, balances."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from brokers.ibkr.line import Line
from brokers.ibkr.names import key_of
from brokers.ibkr.reporting import dollars
from core.model.errors import BadDataError, OperatorError, RetryError
from core.ports.broker import Account

if TYPE_CHECKING:
    import ib_async

_TAGS = ("TotalCashValue", "AvailableFunds", "GrossPositionValue")


async def look(line: Line) -> None:
    """Open orders, completed orders and executions, each to its end marker; everything lands in the facts.

    Raises
    ------
    RetryError
        One of the three was not complete.
    """
    line.facts.look += 1

    async def all_three(ib: "ib_async.IB") -> None:
        await asyncio.gather(ib.reqAllOpenOrdersAsync(), ib.reqCompletedOrdersAsync(apiOnly=False), ib.reqExecutionsAsync())

    await line.ask(all_three)


async def positions(line: Line) -> Mapping[str, int]:
    """What the account holds; an empty list is believed only when the balances say so too.

    Raises
    ------
    RetryError
        No complete answer, or the two contradict each other.
    OperatorError
        A fraction of a share is held, which cannot be said in our books.
    """
    told = await line.ask(lambda ib: ib.reqPositionsAsync())
    held: dict[str, int] = {}
    for one in told:
        if one.account != line.place.account or not one.position:
            continue
        try:
            key = key_of(one.contract)
        except BadDataError as error:
            raise RetryError(f"Interactive Brokers lists a position that cannot be read: {error}") from error
        if one.position != int(one.position):
            raise OperatorError(f"the account holds {one.position} of {key}; fractions are not supported, sell the fraction at IB")
        held[key] = int(one.position)
    if not held and (await _summary(line)).get("GrossPositionValue"):
        raise RetryError("Interactive Brokers listed no position, but values positions; it is asked again")
    return held


async def account(line: Line, name: str) -> Account:
    """Balances in dollars.

    Raises
    ------
    RetryError
        Not every figure came.
    """
    figures = await _summary(line)
    missing = [tag for tag in _TAGS[:2] if tag not in figures]
    if missing:
        raise RetryError(f"Interactive Brokers did not state {', '.join(missing)} of {line.place.account}")
    return Account(name, figures["TotalCashValue"], figures["AvailableFunds"], line.clock.now())


async def _summary(line: Line) -> Mapping[str, Decimal]:
    """Balances by tag."""

    async def ask(ib: "ib_async.IB") -> None:
        number = ib.client.getReqId()
        answer = ib.wrapper.startReq(number)  # type: ignore[no-untyped-call]  # the library has no types there
        ib.wrapper.acctSummary.clear()
        ib.client.reqAccountSummary(number, "All", ",".join(_TAGS))  # type: ignore[no-untyped-call]  # same
        try:
            await answer
        finally:
            if ib.isConnected():
                ib.client.cancelAccountSummary(number)  # type: ignore[no-untyped-call]  # same

    await line.ask(ask)
    found: dict[str, Decimal] = {}
    for value in line.ib.wrapper.acctSummary.values():
        amount = dollars(value.value)
        if value.account != line.place.account or amount is None:
            continue
        if value.currency not in {"USD", ""}:
            raise OperatorError(
                f"the base currency of {line.place.account} is {value.currency}; only dollar accounts are supported"
            )
        found[value.tag] = amount
    return found
