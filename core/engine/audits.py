"""Audits: the account is compared with the broker all the time, on the engine's clock. A replay leaves them off.

Orders under way are looked up by their own schedule and open ones polled in every turn; besides that, everything that is listed
as open every ten seconds, positions every minute, balances every five, and everything together every half hour and at the
times of `FIXED` (New York).
"""

from collections import defaultdict
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from core.engine import compare, external, follow, legs, locks, poll, reconcile, reports
from core.engine.wire import ask
from core.market.sessions import NEW_YORK
from core.model.errors import RetryError
from core.model.market import MarketView
from core.model.orders import OrderState, Report

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: Seconds between two audits of each kind.
ORDERS, POSITIONS, BALANCES, WHOLE = 10.0, 60.0, 300.0, 1800.0
FIXED = (time(9, 20), time(16, 5), time(20, 30))
_NEVER_THERE = frozenset({OrderState.DENIED, OrderState.REJECTED, OrderState.ABSENT})


async def turn(engine: "Engine", view: MarketView) -> None:
    """Do what is due. A broker that does not answer says nothing; the next turn asks again."""
    await legs.turn(engine, view)
    await locks.sweep(engine)
    watch, now = engine.books.watch, engine.clock.monotonic()
    try:
        if whole_due(engine):
            await whole(engine, view)
            return
        if watch.due("orders", ORDERS, now):
            await open_orders(engine, view)
            watch.done["orders"] = now
        cash = watch.due("balances", BALANCES, now)
        if cash or watch.due("positions", compare.APART if watch.suspects else POSITIONS, now):
            await compare.look(engine, view, cash=cash)
            watch.done["positions"] = now
            watch.done["balances"] = now if cash else watch.done.get("balances", now)
    except RetryError:
        return


def whole_due(engine: "Engine") -> bool:
    """Whether everything is to be compared together: half an hour is over, or a fixed time has passed since the last time."""
    last, now = engine.reconciled_at, engine.clock.now()
    if last is None:
        return True
    day = now.astimezone(NEW_YORK).date()
    if engine.sessions.on(day) is None:
        return False
    fixed = [datetime.combine(day, at, NEW_YORK) for at in FIXED]
    if any(last < at <= now for at in fixed):
        return True
    return fixed[0] <= now <= fixed[-1] and now - last >= timedelta(seconds=WHOLE)


def due(engine: "Engine") -> bool:
    """Whether something is to be done outside of a session: a whole comparison, a second look, a look for an order in doubt."""
    if not engine.audited:
        return False
    doubtful = any(follow.due(engine, order) for order in engine.books.doubtful())
    return doubtful or bool(engine.books.watch.suspects) or whole_due(engine)


async def whole(engine: "Engine", view: MarketView) -> None:
    """Compare everything; raises RetryError when the broker does not answer completely."""
    watch, now = engine.books.watch, engine.clock.monotonic()
    await poll.catch_up(engine, view)
    await open_orders(engine, view)
    await compare.look(engine, view, cash=True)
    watch.done.update(orders=now, positions=now, balances=now)
    await reconcile.compared(engine)
    engine.reconciled = f"{len(engine.books.positions)} positions, {len(watch.suspects)} differences"


async def open_orders(engine: "Engine", view: MarketView) -> None:
    """Every order that can still fill must be one that we know, once, and that we think open."""
    listed = await ask(engine.broker.open_orders())
    outside = {report.broker_order_id for report in listed if not _ours(report)}
    engine.books.watch.outside = {key: at for key, at in engine.books.watch.outside.items() if key in outside}
    by_key: dict[str, list[Report]] = defaultdict(list)
    for report in listed:
        if report.key is not None and _ours(report):
            by_key[report.key].append(report)
        else:
            await external.order(engine, report)
    strays: set[tuple[str, str]] = set()
    for key, told in by_key.items():
        strays |= await _one(engine, key, told, view)
    engine.books.watch.strays = frozenset(strays)


def _ours(report: Report) -> bool:
    return report.key is not None and report.key.startswith(external.OURS)


async def _one(engine: "Engine", key: str, told: list[Report], view: MarketView) -> set[tuple[str, str]]:
    """Judge what is listed under one key of ours; answers what is open there although it ended here."""
    order = engine.books.orders.get(key) or await engine.journal.order(key)
    if order is None:
        await poll.alarm(engine, key, f"an open order carries the key {key}, which this journal never granted")
        return set()
    if await poll.twins(engine, told):
        return set()
    if not order.terminal:
        await reports.apply(engine, told[0], view)
        return set()
    if order.state in _NEVER_THERE:
        await poll.withdraw(engine, key, f"order {key} is {order.state} and open at the broker all the same")
        return set()
    stray = (key, told[0].broker_order_id)
    if stray in engine.books.watch.strays:
        await poll.withdraw(engine, key, f"order {key} is {order.state} and still open at the broker")
    return {stray}
