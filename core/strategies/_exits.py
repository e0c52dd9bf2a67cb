"""When a position with a plan is closed: stop, premium, expiry, trend, time, ladder. Shared by strategies that write such plans.

All prices of the underlying are middles of its quote; a quote that is crossed or one-sided decides nothing. The trend and the
time look at completed bars from the session of the entry on, so nothing that happened before the entry closes a position.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isfinite

import numpy as np

from core.market.sessions import NEW_YORK
from core.model.errors import UnknownSymbolError
from core.model.market import MarketView, Quote, SymbolView
from core.model.money import ZERO, price
from core.model.positions import Position
from core.model.signals import Intent, Rung, Signal


@dataclass(frozen=True, slots=True)
class Reason:
    """Why to close now: cause, one sentence with its numbers, and the level that was touched."""

    cause: str
    sentence: str
    trigger: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Instant:
    """What the exits of one position look at."""

    position: Position
    view: MarketView
    name: SymbolView
    spot: Decimal


def signal_id(strategy: str, symbol: str, session: date, intent: Intent, cause: str, position_id: str = "") -> str:
    """Id of an idea: the same idea in the same session has the same id, whoever asks and how often."""
    text = f"{strategy}|{symbol}|{session.isoformat()}|{intent}|{cause}|{position_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def exits(position: Position, view: MarketView) -> tuple[Signal, ...]:
    """One signal that closes the whole position, for its most protective cause; else one for each rung that was reached."""
    now = _instant(position, view)
    if now is None:
        return ()
    for check in (_stop, _premium, _expiry, _trend, _time):
        reason = check(now)
        if reason is not None:
            return (_closing(now, reason, position.units),)
    return _ladder(now)


def rungs_left(position: Position, features: Mapping[str, float]) -> tuple[Rung, ...]:
    """Rungs still to fire with their price now and their units, lowest first; the highest takes whatever is left.

    Empty when SMA50 or ATR14 of the completed bar is unknown.
    """
    sma50, atr = features["sma50"], features["atr14"]
    if not (isfinite(sma50) and isfinite(atr) and atr > 0):
        return ()
    left, found = position.units, []
    waiting = [(multiple, units) for multiple, units in position.plan.ladder if multiple not in position.fired]
    for place, (multiple, planned) in enumerate(waiting):
        units = left if place == len(waiting) - 1 else min(planned, left)
        if units:
            found.append(Rung(multiple, price(sma50 + multiple * atr), units))
        left -= units
    return tuple(found)


def _instant(position: Position, view: MarketView) -> Instant | None:
    if position.units < 1:
        return None
    try:
        name = view.symbol(position.symbol)
    except UnknownSymbolError:
        return None
    quote = name.quote
    if quote is None or not 0 < quote.bid <= quote.ask:
        return None
    return Instant(position, view, name, quote.mid)


def _stop(now: Instant) -> Reason | None:
    stop = now.position.plan.stop
    if now.spot > stop:
        return None
    return Reason("stop", f"{now.name.symbol} trades at {now.spot:.2f}, at or below its stop of {stop:.2f}.", stop)


def _premium(now: Instant) -> Reason | None:
    share = now.position.plan.premium_stop
    paid = sum((holding.cost for holding in now.position.holdings), ZERO)
    if share is None or paid <= 0:
        return None
    value = ZERO
    for holding in now.position.holdings:
        quote = now.view.quote(holding.instrument)
        if quote is None or not _sound(quote):
            return None
        value += holding.quantity * quote.mid * holding.instrument.multiplier
    lost = 1 - value / paid
    if lost < Decimal(str(share)):
        return None
    sentence = (
        f"{now.name.symbol}: {100 * lost:.0f} % of the premium of {paid:.2f} dollars is lost, at most {100 * share:.0f} % may be."
    )
    return Reason("premium", sentence)


def _sound(quote: Quote) -> bool:
    return quote.ask > 0 and quote.bid <= quote.ask


def _expiry(now: Instant) -> Reason | None:
    days = now.position.plan.exit_days_to_expiry
    expiries = [expiry for holding in now.position.holdings if (expiry := getattr(holding.instrument, "expiry", None)) is not None]
    if days is None or not expiries:
        return None
    left = (min(expiries) - _day(now.view)).days
    if left > days:
        return None
    return Reason("expiry", f"{now.name.symbol}: {left} days to expiry, options are closed at {days}.")


def _trend(now: Instant) -> Reason | None:
    close, sma50 = now.name.features["close"], now.name.features["sma50"]
    if now.view.completed < now.position.opened_session or not close < sma50:
        return None
    return Reason("trend", f"{now.name.symbol} closed at {close:.2f} on {now.view.completed}, below its SMA50 of {sma50:.2f}.")


def _time(now: Instant) -> Reason | None:
    opened, limit = now.position.opened_session, now.position.plan.max_sessions
    if (now.view.completed - opened).days + 1 < limit:
        return None
    held = int(np.count_nonzero(now.name.bars.day >= np.datetime64(opened)))
    if held < limit:
        return None
    return Reason("time", f"{now.name.symbol} was held for {held} sessions, at most {limit} are allowed.")


def _ladder(now: Instant) -> tuple[Signal, ...]:
    found = []
    for rung in rungs_left(now.position, now.name.features):
        if now.spot < rung.price:
            break
        sentence = (
            f"{now.name.symbol} trades at {now.spot:.2f}, at or above {rung.multiple:g} ATR over its SMA50 ({rung.price:.2f}); "
            f"{rung.units} of {now.position.units} units are sold there."
        )
        reason = Reason(f"ladder-{rung.multiple:g}", sentence, rung.price)
        found.append(_closing(now, reason, rung.units, rung.multiple))
    return tuple(found)


def _closing(now: Instant, reason: Reason, units: int, multiple: float | None = None) -> Signal:
    position, session = now.position, _day(now.view)
    return Signal(
        id=signal_id(position.strategy, position.symbol, session, Intent.CLOSE, reason.cause, position.id),
        strategy=position.strategy,
        symbol=position.symbol,
        intent=Intent.CLOSE,
        cause=reason.cause,
        session=session,
        as_of=now.view.as_of,
        price=now.spot,
        reason=reason.sentence,
        position_id=position.id,
        quantity=units,
        trigger=reason.trigger,
        multiple=multiple,
    )


def _day(view: MarketView) -> date:
    return view.session.day if view.session else view.as_of.astimezone(NEW_YORK).date()
