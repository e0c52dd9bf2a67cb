"""Poll: what the broker knows and the books do not. Streams are hints; what is asked for here is what counts.

An engine that is audited asks for movements and executions when they are due, and for orders in every turn in which one is open;
one that is not (a replay, whose broker is this process) asks for everything in every turn.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from core.engine import external, halt, later, reports, tell
from core.engine.wire import ask
from core.model.errors import BadDataError, IllegalEventError, QuantMatrixError
from core.model.market import MarketView
from core.model.orders import DOUBTFUL, Fill, Order, OrderEvent, Report, Transaction
from core.portfolio.ledger import settle_all

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: How long after it happened a movement may still be told, and an execution (counted from the last comparison of everything).
LOOK_BACK, FILLS_BACK = timedelta(days=30), timedelta(days=1)
#: A broker's clock may be behind ours by so much.
SKEW = timedelta(minutes=1)
#: Seconds between two questions for executions, and for movements.
EXECUTIONS, MOVEMENTS = 10.0, 60.0


async def catch_up(engine: "Engine", view: MarketView, *, whole: bool = True) -> None:
    """Book everything that the broker knows and we do not; raises RetryError when it does not answer completely.

    Parameters
    ----------
    whole : bool
        False: only what is due by now.
    """
    watch, now = engine.books.watch, engine.clock.monotonic()
    whole = whole or not engine.audited
    if whole or watch.due("movements", MOVEMENTS, now):
        await movements(engine)
        watch.done["movements"] = now
    await _orders(engine, view)
    if whole or engine.books.orders or watch.due("executions", EXECUTIONS, now):
        await _executions(engine, view)
        watch.done["executions"] = now


async def movements(engine: "Engine") -> None:
    """Book what moved the account without a fill: splits, dividends, expiries, deliveries. One that makes no sense halts."""
    since = (engine.books.movements_since or engine.clock.now()) - LOOK_BACK
    for movement in await ask(engine.broker.transactions(since)):
        if movement.id in engine.books.movements | engine.books.frozen:
            continue
        try:
            await _move(engine, movement)
        except BadDataError as error:
            engine.books.frozen.add(movement.id)
            await halt.alarm(engine, f"movement {movement.id}: {error}")


async def _move(engine: "Engine", movement: Transaction) -> None:
    before = sorted(engine.books.positions.values(), key=lambda position: (position.opened_at, position.id))
    changed = [after for was, after in zip(before, settle_all(before, movement), strict=True) if after != was]
    if await engine.journal.record_transaction(movement, changed, [tell.movement_note(movement)]):
        engine.books.book_movement(movement)
        for position in changed:
            engine.books.keep(position)
        engine.notifier.wake()


async def _orders(engine: "Engine", view: MarketView) -> None:
    """Reports on the orders that are open at the broker."""
    begun = [order.created_at for order in engine.books.orders.values() if order.state not in DOUBTFUL]
    if not begun:
        return
    since = min(*begun, engine.clock.now())  # an order may be younger than now where the clock was set back
    told = await ask(engine.broker.reports(since - SKEW))
    twice = await twins(engine, told)
    for report in told:
        if report.key in engine.books.orders and report.key not in twice:
            await reports.apply(engine, report, view)


async def twins(engine: "Engine", told: Sequence[Report]) -> frozenset[str]:
    """Keys of ours under which the broker shows two orders: the desk halts, asks to cancel, and books their executions alone."""
    ids: dict[str, set[str]] = {}
    for report in told:
        if report.key is not None:
            ids.setdefault(report.key, set()).add(report.broker_order_id)
    found = frozenset(key for key, numbers in ids.items() if len(numbers) > 1)
    for key in sorted(found):
        await withdraw(engine, key, f"the broker has two orders under the one key {key}")
    return found


async def alarm(engine: "Engine", key: str, reason: str) -> bool:
    """Halt because of an order, once for its key in this run; False when that was done."""
    if f"open {key}" in engine.books.frozen:
        return False
    engine.books.frozen.add(f"open {key}")
    await halt.alarm(engine, reason)
    return True


async def withdraw(engine: "Engine", key: str, reason: str) -> None:
    """Halt, once for a key in this run, and ask the broker to cancel what must not be there."""
    if not await alarm(engine, key, reason):
        return
    try:
        await ask(engine.broker.cancel(key))
    except QuantMatrixError as error:
        engine.page(f"Order {key} could not be cancelled", f"{error}. Cancel it at the broker by hand.")


async def _executions(engine: "Engine", view: MarketView) -> None:
    """Executions that no report brought: of orders that have ended, of orders whose report lost them, of somebody else."""
    now = engine.clock.now()
    told = await ask(engine.broker.fills(min(now, engine.books.watch.compared_at or now) - FILLS_BACK))
    missed = await later.sift(engine, told)
    foreign: list[Fill] = []
    for key in dict.fromkeys(fill.order_key for fill in missed):
        mine = [fill for fill in missed if fill.order_key == key]
        order = engine.books.orders.get(key) or (await engine.journal.order(key) if key else None)
        if order is None:
            foreign += mine
        elif order.key not in engine.books.frozen:
            await _missed(engine, order, mine, view)
    if foreign:
        await external.traded(engine, foreign, view)


async def _missed(engine: "Engine", order: Order, fills: Sequence[Fill], view: MarketView) -> None:
    """Where the order stands, with executions that its report may not hold."""
    report = await find(engine, order.key)
    if report is not None:
        await reports.apply(engine, report, view)
    if left := [fill for fill in fills if fill.exec_id not in engine.books.fills]:
        await reports.apply(engine, of_fills(left, order), view)


async def find(engine: "Engine", key: str) -> Report | None:
    """Look an order up; two orders under its key halt the desk, and answer nothing about either."""
    try:
        return await ask(engine.broker.find(key))
    except IllegalEventError as error:
        await withdraw(engine, key, str(error))
        return None


def of_fills(fills: Sequence[Fill], order: Order) -> Report:
    """Executions as a report on their order, which says nothing else about it."""
    return Report(order.key, order.broker_order_id or "", OrderEvent.PART_FILL, fills[-1].at, tuple(fills))
