"""Standing: whether this desk trades real money, since when, and what its broker allows it."""

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from core.engine.settings import GateSettings
from core.market.sessions import NEW_YORK
from core.model.market import MarketView
from core.model.positions import Book
from core.model.standing import Standing
from core.risk.live_ramp import LiveRamp

if TYPE_CHECKING:
    from core.engine.engine import Engine

LIVE, PAPER = "live", "paper"


def mode(*, live: bool) -> str:
    """Real money or not, as a word."""
    return LIVE if live else PAPER


async def modes(engine: "Engine") -> tuple[str, str, str]:
    """Real money or not, as the settings, the broker and the journal say; a new journal takes the settings' word."""
    books = engine.books
    if not books.mode:
        books.mode = await engine.journal.setting(f"mode:{engine.account}") or ""
    if not books.mode:
        books.mode = mode(live=engine.live)
        await engine.journal.set_setting(f"mode:{engine.account}", books.mode)
    return mode(live=engine.live), mode(live=engine.broker.capabilities.live), books.mode


async def limits(engine: "Engine") -> GateSettings:
    """Limits of the gate: the settings', or the tighter ones of an account's first live days."""
    chosen = engine.settings.gate
    ramp = ramp_of(engine)
    if ramp is None or not engine.broker.capabilities.live or await live_day(engine) > ramp.days:
        return chosen
    return replace(
        chosen,
        per_minute=min(chosen.per_minute, ramp.per_minute),
        per_day=min(chosen.per_day, ramp.per_day),
        per_underlying=min(chosen.per_underlying, ramp.per_underlying),
    )


def ramp_of(engine: "Engine") -> LiveRamp | None:
    """The profile of the first live days; None when it is switched off."""
    return next((rule for rule in engine.rules if isinstance(rule, LiveRamp)), None)


async def live_day(engine: "Engine") -> int:
    """Sessions since the account first traded real money, this one included; the first day is written down when it is asked for."""
    books, today = engine.books, engine.clock.now().astimezone(NEW_YORK).date()
    if books.live_since is None:
        name = f"live_since:{engine.account}"
        known = await engine.journal.setting(name)
        if known is None:
            await engine.journal.set_setting(name, today.isoformat())
        books.live_since = date.fromisoformat(known) if known else today
    return 1 + engine.sessions.count(books.live_since, today)


async def complete(engine: "Engine", book: Book, view: MarketView) -> Book:
    """The book of a live account with its standing; any other book as it is."""
    if not engine.broker.capabilities.live:
        return book
    balances = engine.books.watch.account
    today = view.session.day if view.session else view.completed
    closed = await engine.journal.positions(engine.account, closed_since=today)
    stops = tuple(
        (one.closed_at, one.symbol) for one in closed if one.closed_at and one.closed_session == today and one.close_cause == "stop"
    )
    made = Standing(live_day=await live_day(engine), stops=stops)
    if balances is None:
        return replace(book, standing=made)
    made = replace(
        made,
        stated=True,
        day_trades_left=balances.day_trades_left,
        intraday_excess=balances.intraday_excess,
        settled_cash=balances.settled_cash,
        closing_only=balances.closing_only,
    )
    return replace(book, standing=made)
