"""Balances: the book of the account at current prices, and what the broker says we may spend."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.engine import standing
from core.engine.wire import ask
from core.market.sessions import NEW_YORK
from core.model.errors import RetryError
from core.model.market import MarketView
from core.model.money import ZERO
from core.model.positions import Book
from core.portfolio import marks, performance

if TYPE_CHECKING:
    from core.engine.engine import Engine

#: Balances older than this are asked for again before anything is decided on them.
FRESH = timedelta(minutes=5)


async def book(engine: "Engine", view: MarketView) -> Book:
    """Give the account at current prices."""
    power = await buying_power(engine)
    books, settings = engine.books, engine.settings
    looked_at = _last_trading(engine, view)
    marked = [marks.mark(position, view, looked_at, engine.max_age) for _, position in sorted(books.positions.items())]
    books.marks.update({mark.position.id: mark.value for mark in marked if mark.value is not None})
    today = view.session.day if view.session else view.completed
    memory = marks.Memory(
        day_start=performance.day_start(books.equity, today, settings.start_cash),
        peak=performance.peak(books.equity, settings.start_cash),
        consecutive_losses=books.losing_streak,
        paused_session=books.paused_session,
        values=books.marks,
    )
    commitments = marks.Commitments(
        reserved=sum((envelope.reserved for envelope in books.envelopes.values()), ZERO),
        reserved_cash=sum((proposal.cash_need for proposal in books.granted.values()), ZERO),
        buying_power=power,
        trades_today=books.trades_today if books.session == today else 0,
        busy=books.busy(),
    )
    made = marks.book(engine.account, view.as_of, books.cash, marked, memory, commitments)
    return await standing.complete(engine, made, view)


def _last_trading(engine: "Engine", view: MarketView) -> datetime:
    """Instant that marks are measured against: now, or the last close while the market is shut, whose quotes then stand."""
    if view.is_open:
        return view.as_of
    today = engine.sessions.at(view.as_of)
    last = today if today and today.close <= view.as_of else engine.sessions.previous(view.as_of.astimezone(NEW_YORK).date())
    return min(view.as_of, last.close)


async def buying_power(engine: "Engine") -> Decimal | None:
    """Dollars that new orders may take: the smaller of the broker's word and our cash. None: the broker does not say.

    The broker's word already leaves out what working orders need. An engine that is not audited (a replay) has its own word alone.
    """
    watch = engine.books.watch
    if not engine.audited:
        return engine.books.cash
    if watch.account is None or engine.clock.now() - watch.account.as_of > FRESH:
        if engine.books.silent:
            return None
        try:
            await refresh(engine)
        except RetryError:
            return None
    return None if watch.account is None else min(engine.books.cash, watch.account.buying_power)


async def refresh(engine: "Engine") -> None:
    """Ask for the balances; raises RetryError when the broker does not answer."""
    engine.books.watch.account = await ask(engine.broker.account())
