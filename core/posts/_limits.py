"""How much of each account limit is used: the rules' own settings beside what is measured now."""

from collections.abc import Iterator

from core.engine.engine import Engine
from core.model.market import MarketView
from core.model.positions import Book
from core.portfolio import performance
from core.posts._text import ABSENT, new_york_day, number, part, percent, ratio


def usage(engine: Engine, book: Book, view: MarketView) -> list[str]:
    """One line for each limit that is switched on."""
    return [*_account(engine, book), *_counts(engine, book, view), *_vix(engine, view)]


def limit(engine: Engine, rule: str, setting: str = "limit") -> float | None:
    """A setting of a rule; None when the rule is switched off."""
    found = next((one for one in engine.rules if one.name == rule), None)
    value = getattr(found, setting, None)
    return None if value is None else float(value)


def _account(engine: Engine, book: Book) -> Iterator[str]:
    heat = limit(engine, "strategy_heat")
    for strategy in engine.strategies if heat is not None else ():
        risk = sum(position.max_loss for position in book.held if position.strategy == strategy)
        share = ratio(risk + book.reserved, book.net_liquidation)
        yield f"heat of {strategy} {part(share)} of {part(heat)}"
    reserve = limit(engine, "cash_reserve")
    if reserve is not None:
        free = ratio(book.cash - book.reserved_cash, book.net_liquidation)
        yield f"cash {part(free)}, at least {part(reserve)}"
    loss = limit(engine, "daily_loss")
    if loss is not None:
        day = ratio(book.net_liquidation - book.day_start, book.day_start)
        yield f"day {percent(day)}, entries stop at {percent(-loss)}"
    halve, stop = limit(engine, "drawdown", "halve"), limit(engine, "drawdown", "stop")
    if halve is not None:
        lost = performance.drawdown(book.net_liquidation, book.peak)
        yield f"drawdown {part(lost)}, half size above {part(halve)}, no entries above {part(stop)}"


def _counts(engine: Engine, book: Book, view: MarketView) -> Iterator[str]:
    trades, losses = limit(engine, "trades_per_day"), limit(engine, "losing_streak")
    if trades is not None:
        yield f"trades today {book.trades_today} of {trades:.0f}"
    if losses is not None:
        paused = book.paused_session is not None and book.paused_session >= new_york_day(view.as_of)
        pause = f", entries pause on {book.paused_session}" if paused else ""
        yield f"losses in a row {book.consecutive_losses} of {losses:.0f}{pause}"


def _vix(engine: Engine, view: MarketView) -> Iterator[str]:
    highest = limit(engine, "vix")
    if highest is not None:
        yield f"VIX {number(view.vix, 1) if view.vix is not None else ABSENT}, no entries above {highest:g}"
