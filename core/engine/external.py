"""External: trades that somebody else made on this account.

They are true, so they are booked, shown and counted at once; they are never touched, and the account is never repaired to match
the books.

Where one closes or shrinks a position of ours, its open exits are cancelled (they would turn it round), and no strategy acts on
that underlying until a person says `/trades adopt` or `/trades ignore`.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from core.engine import approve, follow, halt, later, locks, tell
from core.model.doubts import Hold, Lock
from core.model.instruments import instrument
from core.model.market import MarketView
from core.model.notes import Tone
from core.model.orders import Fill, Report
from core.model.positions import Position
from core.model.proposals import Plan, ProposalState
from core.model.signals import Intent
from core.portfolio.outside import absorb
from core.ports.doubts import Outside

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: Keys of our orders begin so.
OURS = "qm1-"
#: How long an adopted position is kept when its strategy names no limit.
SESSIONS = 60


async def traded(engine: "Engine", fills: Sequence[Fill], view: MarketView) -> None:
    """Book executions that no order of ours explains; one under a key of ours that was never granted halts the desk too."""
    books = engine.books
    before = dict(books.positions)
    changed: dict[str, Position] = {}
    shrunk: dict[str, Position] = {}
    for fill in fills:
        held = sorted(
            (one for one in {**before, **changed}.values() if one.is_open), key=lambda position: (position.opened_at, position.id)
        )
        absorbed = absorb(held, fill)
        changed.update({position.id: position for position in absorbed.changed})
        shrunk.update({position.id: position for position in absorbed.shrunk})
    now = engine.clock.now()
    held_back = [Lock(engine.account, one.symbol, Hold.OUTSIDE, "somebody else traded it", now) for one in shrunk.values()]
    title, body = "Somebody else traded on this account", _words(engine, fills, shrunk)
    note = tell.desk_note(f"outside-{fills[0].exec_id}", title, body, now, Tone.BAD if shrunk else Tone.WARN)
    if not await engine.journal.doubts.record_outside(Outside(fills, list(changed.values()), held_back, now), [note]):
        return
    books.book_fills(fills)
    for position in changed.values():
        books.keep(position)
    for lock in held_back:
        books.watch.locks.setdefault((lock.symbol, lock.kind), lock)
    engine.notifier.wake()
    if shrunk:
        engine.page(title, body)
    for position in shrunk.values():
        await _call_off(engine, position, view)
    if strange := [fill.order_key for fill in fills if fill.order_key.startswith(OURS)]:
        await halt.alarm(engine, f"an execution carries the key {strange[0]}, which this journal never granted")


def _words(engine: "Engine", fills: Sequence[Fill], shrunk: dict[str, Position]) -> str:
    names = {fill.instrument_key: tell.instrument_text(instrument(fill.instrument_key)) for fill in fills}
    lines = [
        f"{fill.side.upper()} {fill.quantity} × {names[fill.instrument_key]} at {tell.per_share(fill.price)}" for fill in fills
    ]
    for position in shrunk.values():
        left = f"{position.units} are left" if position.is_open else "nothing is left"
        lines.append(
            f"It took from our {position.symbol}: {left}. Its exits are called off, and no strategy acts on {position.symbol} "
            f"until `/trades adopt what:{position.symbol}` or `/trades ignore symbol:{position.symbol}`."
        )
    for order in engine.books.doubtful():
        alike = [
            fill for fill in fills if any((leg.instrument.key, leg.side) == (fill.instrument_key, fill.side) for leg in order.legs)
        ]
        if alike:
            lines.append(f"It looks like order {order.key}, whose outcome is unknown. Compare them at the broker.")
    if not shrunk:
        lines.append("It is shown and counted from now on, and never touched.")
    return "\n".join(lines)


async def _call_off(engine: "Engine", position: Position, view: MarketView) -> None:
    """Exits of a position that somebody else shrank must not go on: its cards end, its orders are cancelled."""
    books = engine.books
    for stored in list(books.pending.values()):
        if stored.proposal.signal.position_id == position.id:
            await approve.end(engine, stored, ProposalState.SUPERSEDED, "somebody else traded the position")
    closing = {one.id for one in books.envelopes.values() if one.position_id == position.id and one.intent is Intent.CLOSE}
    for order in list(books.orders.values()):
        if order.envelope_id in closing:
            await follow.call_off(engine, order, view)


async def order(engine: "Engine", report: Report) -> None:
    """An open order of somebody else: noted once, never touched."""
    outside = engine.books.watch.outside
    if report.broker_order_id in outside:
        return
    now = outside[report.broker_order_id] = engine.clock.now()
    body = f"Order {report.broker_order_id} is open at the broker and not ours. It is never touched; what it trades is counted."
    await engine.journal.audit("somebody else", "order outside", {"order": report.broker_order_id, "raw": report.raw}, now)
    await engine.journal.put_notes(
        [tell.desk_note(f"order-{report.broker_order_id}", "Somebody else has an order on this account", body, now, Tone.WARN)]
    )
    engine.notifier.wake()


async def adopt(engine: "Engine", what: str, by: str, stop: Decimal | None) -> str:
    """A person takes what happened outside as ours; answers one sentence.

    Parameters
    ----------
    what : an underlying that is held back or that somebody else bought, or an execution that the broker corrected.
    stop : price of the underlying at which shares that somebody else bought are to be sold; without it they stay theirs.
    """
    ruled = await later.rule(engine, what, by)
    if ruled is not None:
        return ruled
    symbol = what.strip().upper()
    freed = await _free(engine, symbol, by)
    theirs = [one for one in engine.books.positions.values() if one.is_external and one.symbol == symbol]
    if not freed and not theirs:
        return f"Nothing about {symbol[:20]!r} waits for a word; /status show lists what is held back."
    if not theirs or stop is None:
        left = f" What somebody else holds of {symbol} stays theirs; give a stop to take shares over." if theirs else ""
        return f"{symbol}: what happened outside counts as ours; its strategy acts again.{left}"
    return await _take_over(engine, theirs, by, stop)


async def _take_over(engine: "Engine", theirs: Sequence[Position], by: str, stop: Decimal) -> str:
    symbol = theirs[0].symbol
    shares = [one for one in theirs if one.is_stock and one.holdings[0].quantity > 0]
    if not shares:
        return f"{symbol}: only shares that were bought can be taken over; close options and short shares where they were opened."
    (name, strategy), *_ = engine.strategies.items()
    plan = Plan(stop, (), int(getattr(strategy, "max_sessions", SESSIONS)))
    for one in shares:
        ours = replace(one, strategy=name, plan=plan)
        await engine.journal.save_position(ours)
        engine.books.positions[ours.id] = ours
    taken = sum(one.units for one in shares)
    await engine.journal.audit(by, "adopt", {"symbol": symbol, "units": taken, "stop": stop}, engine.clock.now())
    return f"{symbol}: {taken} shares are ours now, managed by {tell.strategy_name(name)} with a stop at {tell.per_share(stop)}."


async def ignore(engine: "Engine", symbol: str, by: str) -> str:
    """A person lets an underlying go without taking anything over; answers one sentence."""
    name = symbol.strip().upper()
    if not await _free(engine, name, by):
        return f"{name[:20]!r} is not held back; /status show lists what is."
    return f"{name}: what happened outside stays outside; its strategy acts again."


async def _free(engine: "Engine", symbol: str, by: str) -> bool:
    for position in engine.books.positions.values():
        if position.symbol == symbol:
            engine.books.watch.uneven.pop(position.id, None)
    freed = [await locks.let_go(engine, symbol, kind, by, f"{by} looked at it.") for kind in (Hold.OUTSIDE, Hold.LEGS)]
    return any(freed)
