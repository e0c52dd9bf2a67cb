"""The two requests that change something, each written to the socket once, and the what-if that changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from brokers.ibkr import orders, windows
from brokers.ibkr.codes import Meaning, meaning
from brokers.ibkr.contracts import Contracts, Qualified
from brokers.ibkr.facts import OrderFact
from brokers.ibkr.line import DeniedError, Line
from brokers.ibkr.reporting import dollars
from core.model.errors import OperatorError, OutcomeUnknownError, RefusedError, RetryError
from core.model.money import ZERO
from core.model.orders import OrderEvent, Report
from core.model.proposals import ApprovedOrder
from core.ports.broker import Preview

if TYPE_CHECKING:
    import ib_async

Find = Callable[[], Awaitable[Report | None]]

_OVER = frozenset({OrderEvent.FULL_FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE})


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was written to the socket."""

    key: str
    order_id: int
    epoch: int


async def preview(line: Line, contracts: Contracts, order: ApprovedOrder) -> Preview:
    """Dry run; a refusal is an answer, a silence is not."""
    why = orders.refusal(order) or _why_not(line)
    if why:
        return Preview(accepted=False, reason=why, fees=ZERO, buying_power_effect=ZERO)
    try:
        found = await _qualified(contracts, order)
        contract, wanted = orders.built(order, found, line.place.account)
        wanted.whatIf = True
        state = await line.ask(lambda ib: what_if(line, ib, contract, wanted))
    except (DeniedError, RefusedError) as error:
        return Preview(accepted=False, reason=str(error), fees=ZERO, buying_power_effect=ZERO)
    fees = next(
        (fee for fee in map(_amount, (state.commission, state.maxCommission, state.minCommission)) if fee is not None), None
    )
    margin = dollars(state.initMarginChange)
    reason = state.warningText if fees is not None else f"{state.warningText} the commission is not stated".strip()
    return Preview(accepted=True, reason=reason, fees=fees or ZERO, buying_power_effect=margin or ZERO)


async def place(line: Line, contracts: Contracts, order: ApprovedOrder) -> Placed:
    """Write the order to the socket, once.

    Raises
    ------
    RefusedError
        Nothing was written.
    """
    try:
        why = orders.refusal(order) or _why_not(line)
        if why:
            raise RefusedError(f"the order was not sent: {why}")
        found = await _qualified(contracts, order)
        contract, wanted = orders.built(order, found, line.place.account)
        if why := _why_not(line):
            raise RefusedError(f"the order was not sent: {why}")
        wanted.orderId = line.next_id()
        line.sent.note(orders.note_of(order, wanted.orderId, found))
        line.facts.watch(wanted.orderId)
        ib = line.ib
    except (RetryError, OperatorError) as error:
        raise RefusedError(f"the order was not sent: {error}") from error
    try:
        ib.placeOrder(contract, wanted)
    except ConnectionError as error:
        raise RefusedError(f"the order was not sent: {error}") from error
    return Placed(order.key, wanted.orderId, line.epoch)


async def answered(line: Line, placed: Placed) -> str:
    """Wait until IB says something about the order; the words of a refusal, empty otherwise.

    Raises
    ------
    OutcomeUnknownError
        The connection ended first.
    """
    bell = line.facts.watch(placed.order_id)
    try:
        async with asyncio.timeout(line.place.answer_seconds):
            while True:
                await bell.wait()
                bell.clear()
                refused = _refusal(line, placed)
                if refused or line.facts.of_key(placed.key):
                    return refused
                if not line.up or line.epoch != placed.epoch:
                    raise OutcomeUnknownError(f"the connection ended after {placed.key} was sent and before it was answered")
    except TimeoutError:
        return _refusal(line, placed)
    finally:
        line.facts.waiting.pop(placed.order_id, None)


async def outcome(find: Find, key: str, refused: str) -> Report:
    """What became of an order that was sent. A refusal counts only when a complete look does not find the order, or finds it dead.

    Raises
    ------
    RefusedError
        Proved: it was refused and is nowhere.
    OutcomeUnknownError
        No proof either way.
    """
    try:
        report = await find()
    except RetryError as error:
        raise OutcomeUnknownError(f"{key} was sent; what became of it could not be read back: {error}") from error
    if report is not None and not (refused and report.event is OrderEvent.REFUSE):
        return report
    if refused:
        raise RefusedError(f"Interactive Brokers refused the order: {refused}")
    raise OutcomeUnknownError(f"{key} was sent and Interactive Brokers has not named it yet; it is looked up")


async def cancel(line: Line, order: OrderFact) -> None:
    """Ask to cancel, and wait a moment for what IB says to it.

    Raises
    ------
    RefusedError
        Only the client that placed an order can cancel it.
    OutcomeUnknownError
        The connection ended while asking.
    """
    if order.order_id <= 0 or order.client_id != line.place.client_id:
        raise RefusedError(f"order {order.perm_id} was not placed by client {line.place.client_id}; cancel it in TWS")
    bell = line.facts.watch(order.order_id)
    bell.clear()
    epoch = line.epoch
    try:
        line.ib.client.cancelOrder(order.order_id, "")  # type: ignore[no-untyped-call]  # the library has no types there
    except (RetryError, ConnectionError) as error:
        raise OutcomeUnknownError(f"whether {order.ref} is cancelled is unknown: {error}") from error
    try:
        async with asyncio.timeout(line.place.answer_seconds):
            await _turned(line, order, bell)
    except TimeoutError:
        return
    finally:
        line.facts.waiting.pop(order.order_id, None)
    if not line.up or line.epoch != epoch:
        raise OutcomeUnknownError(f"the connection ended after {order.ref} was asked to be cancelled")


async def after_cancel(find: Find, key: str) -> Report:
    """Where the order stands after a cancel was asked for.

    Raises
    ------
    OutcomeUnknownError
        It could not be read back.
    """
    try:
        report = await find()
    except RetryError as error:
        raise OutcomeUnknownError(f"{key} was asked to be cancelled; where it stands could not be read back: {error}") from error
    if report is None:
        raise OutcomeUnknownError(f"{key} was asked to be cancelled and is not listed at the moment")
    return report


async def _turned(line: Line, order: OrderFact, bell: asyncio.Event) -> None:
    """Return when the order changed its status, or an error about the cancel came, or the line ended."""
    said = len(line.facts.errors_of(order))
    while line.up:
        await bell.wait()
        bell.clear()
        now = next((one for one in line.facts.of_key(order.ref) if one.perm_id == order.perm_id), order)
        fresh = line.facts.errors_of(order)[said:]
        if now.status in {"Cancelled", "ApiCancelled", "Filled", "Inactive"} or fresh:
            return


async def what_if(line: Line, ib: "ib_async.IB", contract: "ib_async.Contract", wanted: "ib_async.Order") -> "ib_async.OrderState":
    """Ask for margin and commission. The library gives up on notices and waits for ever on refusals, so we listen ourselves.

    Raises
    ------
    DeniedError
        IB would not take the order.
    """
    number = line.next_id()
    bell = line.facts.watch(number)
    epoch = line.epoch
    ib.client.placeOrder(number, contract, wanted)  # type: ignore[no-untyped-call]  # the library has no types there
    try:
        while line.up and line.epoch == epoch:
            await bell.wait()
            bell.clear()
            if number in line.facts.estimates:
                return line.facts.estimates.pop(number)
            if refused := _refusal(line, Placed("", number, epoch)):
                raise DeniedError(refused, 0)
        raise ConnectionError("the connection ended")
    finally:
        line.facts.waiting.pop(number, None)


async def _qualified(contracts: Contracts, order: ApprovedOrder) -> list[Qualified]:
    return [await contracts.qualify(leg.instrument) for leg in order.envelope.legs]


def _why_not(line: Line) -> str:
    """Why nothing may be sent at this instant; empty when it may."""
    if not line.up:
        return f"there is no connection to {line.place}"
    if line.lost:
        return line.lost
    if not line.complete:
        return "not everything was read back since the connection was made"
    if line.crowded:
        return "the sending queue of the connection is full"
    return windows.resting(line.clock.now())


def _refusal(line: Line, placed: Placed) -> str:
    said = line.facts.said.get((line.place.client_id, placed.order_id), ())
    return "; ".join(f"{one.code}: {one.text}" for one in said if meaning(one.code) is Meaning.REFUSAL)


def _amount(value: object) -> Decimal | None:
    return dollars(str(value))
