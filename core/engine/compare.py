"""Compare: what the broker holds against what the journal explains. One look proves nothing; two that agree do.

Option positions that shrank without an order are first taken for an assignment or exercise, which the broker's statement confirms
later: the underlying is held back meanwhile. Anything else that two looks find halts the desk; a difference in cash alone lets
exits through.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.engine import balances, halt, locks, poll
from core.engine.watch import CASH, Difference
from core.engine.wire import ask
from core.model.doubts import Hold
from core.model.instruments import Option, instrument
from core.model.market import MarketView
from core.model.money import ZERO, cents
from core.model.orders import Fill

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: Seconds between two looks that are to confirm each other.
APART = 2.0
#: How far apart an option's change and an order of ours may lie and still belong together.
BESIDE = timedelta(seconds=10)
#: How long the broker's statement of an assignment may take before nobody knows what happened.
STATEMENT_SECONDS = 900.0
REDUCE_ONLY = 1


async def differences(engine: "Engine", *, cash: bool = True) -> list[Difference]:
    """What broker and journal disagree on now; what an order in doubt may have changed is left out."""
    ours = Counter[str]()
    for position in engine.books.positions.values():
        ours.update({holding.instrument.key: holding.quantity for holding in position.holdings})
    theirs = await ask(engine.broker.positions())
    doubtful = {leg.instrument.key for order in engine.books.doubtful() for leg in order.legs}
    found = [
        Difference(key, str(theirs.get(key, 0)), str(ours.get(key, 0)))
        for key in sorted({*theirs, *ours} - doubtful)
        if theirs.get(key, 0) != ours.get(key, 0)
    ]
    if cash and not doubtful:
        await balances.refresh(engine)
        found += _cash(engine)
    return found


def _cash(engine: "Engine") -> list[Difference]:
    """Cash may differ by a dollar, by a two-thousandth, and by the fees that nobody knows yet."""
    account, ours = engine.books.watch.account, engine.books.cash
    assert account is not None
    feeless = [engine.books.fills[exec_id] for exec_id in engine.books.watch.feeless if exec_id in engine.books.fills]
    unknown = sum((_fee(engine, fill) for fill in feeless), ZERO)
    allowed = max(Decimal(1), abs(account.cash) * Decimal("0.0005")) + 2 * unknown
    agree = abs(account.cash - ours) <= allowed
    return [] if agree else [Difference(CASH, str(cents(account.cash)), str(cents(ours)))]


def _fee(engine: "Engine", fill: Fill) -> Decimal:
    return engine.fees.of(instrument(fill.instrument_key), fill.quantity, fill.side, fill.price)


async def twice(engine: "Engine", view: MarketView) -> list[Difference]:
    """Two looks, and what both found. Where the first finds nothing and nothing is in doubt, there is nothing to wait for.

    Raises
    ------
    RetryError
        The broker did not answer completely.
    """
    first = await differences(engine)
    if not first and not engine.books.doubtful():
        return []
    await engine.clock.sleep(APART)
    await poll.catch_up(engine, view)
    second = await differences(engine)
    return [one for one in second if one in first]


async def look(engine: "Engine", view: MarketView, *, cash: bool) -> None:
    """One look of the continuous audit: what an earlier look found too is concluded, what is new is looked at again soon."""
    watch, now = engine.books.watch, engine.clock.monotonic()
    found = await differences(engine, cash=cash)
    if any(one not in watch.suspects for one in found):
        await poll.catch_up(engine, view)
        found = await differences(engine, cash=cash)
    old = [one for one in watch.suspects if one.what == CASH and not cash]
    watch.suspects = {one: watch.suspects.get(one, now) for one in (*found, *old)}
    await conclude(engine, [one for one in found if now - watch.suspects[one] >= APART])


async def conclude(engine: "Engine", found: Sequence[Difference]) -> list[Difference]:
    """Explain what can be explained and halt for the rest; answers the rest."""
    unexplained = await _statements(engine, found)
    held = [one for one in unexplained if one.what != CASH]
    if held:
        await halt.alarm(engine, f"the broker and the journal disagree: {held[0]}")
    elif unexplained:
        await halt.alarm(engine, f"the broker and the journal disagree: {unexplained[0]}", REDUCE_ONLY)
    return unexplained


async def _statements(engine: "Engine", found: Sequence[Difference]) -> list[Difference]:
    """Take away what looks like an assignment or exercise that the broker has not stated yet; after a while it is a difference."""
    watch, now = engine.books.watch, engine.clock.monotonic()
    underlyings = {instrument(one.what).underlying for one in found if one.what != CASH and _delivered(engine, one)}
    for symbol in set(watch.candidates) - underlyings:
        del watch.candidates[symbol]
    for symbol in underlyings:
        if symbol not in watch.candidates:
            engine.page(f"{symbol}: assigned or exercised?", "Options on it changed without an order; the broker has not said why.")
        watch.candidates.setdefault(symbol, now)
        reason = (
            "options on it changed without an order; it looks like an assignment or exercise that the broker has not stated yet"
        )
        await locks.hold(engine, symbol, Hold.DOUBT, reason, [locks.held_note(engine, symbol, reason)])
    await locks.sweep(engine)
    waiting = {symbol for symbol, since in watch.candidates.items() if now - since < STATEMENT_SECONDS}
    return [one for one in found if not (waiting if one.what == CASH else instrument(one.what).underlying in waiting)]


def _delivered(engine: "Engine", one: Difference) -> bool:
    """Whether fewer of an option are left than the journal holds, and no execution of it lies close by."""
    thing, theirs, ours = instrument(one.what), int(one.theirs), int(one.ours)
    if not isinstance(thing, Option) or theirs * ours < 0 or abs(theirs) >= abs(ours):
        return False
    now = engine.clock.now()
    return not any(fill.instrument_key == one.what and now - fill.at <= BESIDE for fill in engine.books.fills.values())
