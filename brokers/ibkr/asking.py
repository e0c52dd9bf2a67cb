"""Questions that change nothing: orders and executions, positions, balances."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from brokers.ibkr.line import Line
from brokers.ibkr.names import key_of
from brokers.ibkr.reporting import dollars
from core.model.errors import BadDataError, OperatorError, RetryError
from core.ports.broker import Account

if TYPE_CHECKING:
    import ib_async

#: So long a commission is waited for.
FEE_SECONDS = 0.5

_MONEY = ("TotalCashValue", "AvailableFunds", "GrossPositionValue")
_TAGS = (*_MONEY, "AccountType", "DayTradesRemaining", "Cushion")


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
    await _fees(line)


async def _fees(line: Line) -> None:
    """Commissions come a moment after their executions; each is waited for once, for a moment only."""
    facts = line.facts
    fresh = facts.unpaid() - facts.waited
    facts.waited |= fresh
    try:
        async with asyncio.timeout(FEE_SECONDS):
            while fresh & facts.unpaid():
                facts.paid.clear()
                await facts.paid.wait()
    except TimeoutError:
        return


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
        if one.account != line.place.account:
            continue
        try:
            key = key_of(one.contract)
        except BadDataError as error:
            raise RetryError(f"Interactive Brokers lists a position that cannot be read: {error}") from error
        if one.position != int(one.position):
            raise OperatorError(f"the account holds {one.position} of {key}; fractions are not supported, sell the fraction at IB")
        held[key] = int(one.position)  # a change that comes beside the list repeats its row
    held = {key: units for key, units in held.items() if units}
    if not held and dollars((await summary(line)).get("GrossPositionValue", "")):
        raise RetryError("Interactive Brokers listed no position, but values positions; it is asked again")
    return held


async def account(line: Line, name: str) -> Account:
    """Balances in dollars.

    Raises
    ------
    RetryError
        Not every figure came.
    """
    told = await summary(line)
    cash, funds = dollars(told.get("TotalCashValue", "")), dollars(told.get("AvailableFunds", ""))
    if cash is None or funds is None:
        raise RetryError(f"Interactive Brokers did not state cash and available funds of {line.place.account}")
    return Account(name, cash, funds, line.clock.now(), day_trades_left=_day_trades(told.get("DayTradesRemaining", "")))


def _day_trades(text: str) -> int | None:
    """Day trades that are left; None where IB sets no limit ("-1") or says nothing."""
    left = text.strip()
    return int(left) if left.isdigit() else None


async def summary(line: Line) -> Mapping[str, str]:
    """Balances and properties of the account by tag, as they are written.

    Raises
    ------
    RetryError
        The answer was not complete.
    OperatorError
        The account is not kept in dollars.
    """

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
    mine = [value for value in line.ib.wrapper.acctSummary.values() if value.account == line.place.account]
    for value in mine:
        if value.tag in _MONEY and value.currency != "USD":
            raise OperatorError(f"{line.place.account} is kept in {value.currency}; only dollar accounts are supported")
    return {value.tag: value.value for value in mine}
