"""Doubt: what becomes of an order whose outcome nobody knows. It is never sent again, and time alone never ends it.

UNKNOWN past its time budget becomes ESCALATED: people are told, the underlying is held back, its risk stays reserved, and the
broker is asked on. ESCALATED becomes ABSENT only with the proof that `core.model.doubts.lacking` asks for, and on the word of
people or, without them, in the next session; a trace that appears after that halts the desk.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.engine import follow, locks, poll, reports, tell
from core.engine.wire import ask
from core.model.doubts import APART, LOOKS, Hold, Look, lacking
from core.model.errors import RetryError
from core.model.market import MarketView
from core.model.notes import Tone
from core.model.orders import Order, OrderEvent, OrderState, Report, advance
from core.ports.broker import Renewable
from core.ports.doubts import Proof

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: After the close of a session its brokers need so long to end every day order and to tell it.
AFTER_CLOSE = timedelta(minutes=30)


async def escalate(engine: "Engine", order: Order, waited: float) -> None:
    """Keep an order as ESCALATED: people look, the underlying is held back, polling goes on."""
    body = (
        f"{order.key} was not found at the broker for {waited:.0f} s. Look there yourself; it is not sent again. Its symbol is "
        f"held back until it is found, or `/trades resolve order:{order.key}` after the close."
    )
    note = tell.desk_note(f"escalated-{order.key}", "Please look at the broker", body, engine.clock.now(), Tone.BAD)
    await engine.journal.record_order(order, notes=[note])
    engine.books.orders[order.key] = order
    symbol = locks.symbol_of(engine, order.envelope_id)
    await locks.hold(engine, symbol, Hold.DOUBT, f"what became of order {order.key} is not known")
    engine.notifier.wake()


def cutoff(engine: "Engine", order: Order) -> datetime:
    """When the broker has ended every order of the session that this one was sent in."""
    sent = order.sent_at or order.created_at
    session = engine.sessions.at(sent) or engine.sessions.next(sent)
    envelope = engine.books.envelopes.get(order.envelope_id)
    return max(session.close + AFTER_CLOSE, envelope.deadline if envelope else sent)


async def seek(engine: "Engine", order: Order, view: MarketView) -> None:
    """Look at everything that the broker tells, when a look is due; with a whole proof the order ends.

    Raises
    ------
    RetryError
        The broker did not answer completely, which says nothing.
    """
    end, now = cutoff(engine, order), engine.clock.now()
    if now <= end:
        return
    kept = [look for look in await engine.journal.doubts.looks(order.key) if look.at > end]
    opens = engine.sessions.next(end).open
    if not kept or (now - kept[-1].at >= APART and (len(kept) < LOOKS or kept[-1].at < opens <= now)):
        look = await _look(engine, order, view)
        if look is None or not await engine.journal.doubts.record_look(look):
            return
        kept.append(look)
    if lacking(kept, end) is not None:
        return
    word = await _word(engine, order.key)
    if word.enough:
        await _prove(engine, order, view, word.by, f"{' and '.join(word.by)} looked at the broker")
    elif kept[-1].at >= opens:
        await _prove(engine, order, view, ("engine",), "the next session has begun without a trace of it")


async def _look(engine: "Engine", order: Order, view: MarketView) -> Look | None:
    """One complete look from a fresh session; None when there is a trace."""
    if isinstance(engine.broker, Renewable):
        await ask(engine.broker.renew())
    since = (order.sent_at or order.created_at) - poll.SKEW
    found = await poll.find(engine, order.key)
    listed = (*await ask(engine.broker.reports(since)), *await ask(engine.broker.open_orders()))
    traded = await ask(engine.broker.fills(since))
    moved = await ask(engine.broker.transactions(since))
    held = await ask(engine.broker.positions())
    trace: Report | None = found or next((report for report in listed if report.key == order.key), None)
    if trace is not None or any(fill.order_key == order.key for fill in traded):
        trace = trace or poll.of_fills([fill for fill in traded if fill.order_key == order.key], order)
        await reports.apply(engine, trace, view)
        return None
    mine = {leg.instrument.key: leg.side for leg in order.legs}
    alike = [fill for fill in traded if mine.get(fill.instrument_key) is fill.side and fill.at >= since]
    strange = [fill.exec_id for fill in alike if not await _ours(engine, fill.order_key)]
    ours = Counter[str]()
    for position in engine.books.positions.values():
        ours.update({holding.instrument.key: holding.quantity for holding in position.holdings})
    differ = [key for key in sorted(mine) if held.get(key, 0) != ours.get(key, 0)]
    if strange or differ:
        return None
    read = {
        "find": None, "orders": len(listed), "executions": len(traded), "movements": len(moved),
        "held": {key: held.get(key, 0) for key in sorted(mine)},
    }  # fmt: skip
    return Look(order.key, engine.clock.now(), fresh=True, evidence=json.dumps(read, sort_keys=True))


async def _ours(engine: "Engine", key: str) -> bool:
    return bool(key) and await engine.journal.order(key) is not None


async def _prove(engine: "Engine", order: Order, view: MarketView, by: tuple[str, ...], reason: str) -> None:
    """ABSENT, with its evidence in the audit; the envelope ends and the underlying is free again."""
    now = engine.clock.now()
    absent = replace(order, state=advance(order.state, OrderEvent.ABSENCE), reason="it never was at the broker", updated_at=now)
    body = f"{order.key} never was at the broker: {reason}. {LOOKS} complete looks and the account show no trace of it."
    note = tell.desk_note(f"absent-{order.key}", "An order is proved absent", body, now, Tone.WARN)
    await engine.journal.doubts.record_absence(Proof(absent, cutoff(engine, order), by, reason), [note])
    await follow.settle(engine, absent, view, stored=True)
    await locks.sweep(engine)
    engine.notifier.wake()


@dataclass(frozen=True, slots=True)
class Word:
    """Who said that an order never was there, and how many persons it takes."""

    by: tuple[str, ...] = ()
    people: int = 1

    @property
    def enough(self) -> bool:
        """Whether as many persons said so as it takes."""
        return len(self.by) >= self.people


async def _word(engine: "Engine", key: str) -> Word:
    stored = await engine.journal.setting(f"resolve:{key}")
    if stored is None:
        return Word()
    said = json.loads(stored)
    return Word(tuple(said["by"]), int(said["people"]))


async def resolve(engine: "Engine", key: str, by: str, people: int) -> str:
    """A person says that an order in doubt never was at the broker; answers one sentence.

    Parameters
    ----------
    people : how many persons may approve on this desk; where two or more may, two must say so.
    """
    order = engine.books.orders.get(key)
    if order is None or order.state is not OrderState.ESCALATED:
        state = f"is {order.state}" if order else "is not in doubt"
        return f"Order {key[:60]!r} {state}; only an escalated order can be resolved. /trades open lists them."
    before = await _word(engine, key)
    word = Word(tuple(dict.fromkeys((*before.by, by))), min(2, max(1, people)))
    await engine.journal.set_setting(f"resolve:{key}", json.dumps(asdict(word)))
    await engine.journal.audit(by, "resolve", {"order": key, "outcome": "absent"}, engine.clock.now())
    try:
        await seek(engine, order, await engine.view())
    except RetryError as error:
        return f"Noted, but the broker cannot be asked right now: {error}."
    now_is = engine.books.orders.get(key)
    if now_is is None:
        stored = await engine.journal.order(key)
        return f"Order {key} is {stored.state if stored else 'gone'}."
    missing = lacking(await engine.journal.doubts.looks(key), cutoff(engine, now_is))
    heard = "" if word.enough else f" {len(word.by)} of {word.people} persons said so; another one must say it too."
    return f"Noted.{heard}{f' Not proved yet: {missing}; the desk looks on.' if missing else ''}"
