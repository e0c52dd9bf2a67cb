"""What posts say about open positions: results, and why one needs a look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.engine.engine import Engine
from core.engine.tell import per_share
from core.market.sessions import Sessions
from core.model.errors import UnknownSymbolError
from core.model.instruments import Option
from core.model.market import MarketView, SymbolView
from core.model.money import ZERO
from core.model.positions import Marked, Position
from core.portfolio import performance
from core.portfolio.holdings import cost
from core.posts._text import count, gain, percent, ratio

NEAR_SESSIONS = 5
NEAR_DAYS = 5


@dataclass(frozen=True, slots=True)
class Today:
    """What a position is looked at with."""

    view: MarketView
    sessions: Sessions
    day: date


def result_line(marked: Marked) -> str:
    """Units, and profit of what is held and realised so far, after known fees."""
    position = marked.position
    if marked.unrealised is None:
        return f"**{position.symbol}** {units(position)} · no sound quote, profit n/a"
    share = ratio(marked.unrealised, abs(cost(position.holdings)))
    model = " · modelled" if marked.modelled else ""
    return f"**{position.symbol}** {units(position)} · {gain(result(marked))} ({percent(share)} unrealised){model}"


def result(marked: Marked) -> Decimal:
    """Dollars earned by a position: realised so far after known fees, and unrealised as far as it is marked."""
    return performance.net(marked.position) + (marked.unrealised or ZERO)


def units(position: Position) -> str:
    """How much is held: 100 shares, 2 × call debit spread."""
    return count(position.units, "share") if position.is_stock else f"{position.units} × {position.structure}"


def exits_due(engine: Engine, marked: Marked, today: Today) -> list[str]:
    """Closing signals that its strategy gives at this instant, and exits by time that come within a few sessions."""
    position = marked.position
    strategy = engine.strategies.get(position.strategy)
    now = strategy.manage(position, today.view) if strategy else ()
    if now:
        return [f"**{position.symbol}** {signal.cause}: {signal.reason}" for signal in now]
    return [f"**{position.symbol}** {reason}" for reason in _coming(position, today)]


def attention(marked: Marked, today: Today) -> list[str]:
    """Why a position needs a look now: near its stop, earnings close, time running out, no sound quote."""
    position, reasons = marked.position, []
    if marked.value is None:
        reasons.append("no sound quote")
    name = symbol_view(today.view, position.symbol)
    if name is None:
        return [f"**{position.symbol}** not in the universe any more"]
    reasons += _near_stop(position, name) + _earnings(name, today) + _coming(position, today)
    return [f"**{position.symbol}** {' · '.join(reasons)}"] if reasons else []


def symbol_view(view: MarketView, symbol: str) -> SymbolView | None:
    """One name, or None when it left the universe."""
    try:
        return view.symbol(symbol)
    except UnknownSymbolError:
        return None


def _near_stop(position: Position, name: SymbolView) -> list[str]:
    close, atr = _feature(name.features, "close"), _feature(name.features, "atr14")
    if close is None:
        return ["no completed bar"]
    room = close - float(position.plan.stop)
    if room <= 0:
        return [f"closed at {close:,.2f}, at or below its stop {per_share(position.plan.stop)}"]
    return [f"{room / atr:.1f} ATR above its stop {per_share(position.plan.stop)}"] if atr and room < atr else []


def _earnings(name: SymbolView, today: Today) -> list[str]:
    report = name.events.next_earnings
    if report is None or report < today.day or report > today.sessions.ahead(today.day, NEAR_SESSIONS):
        return []
    return [f"earnings {'today' if report == today.day else f'on {report:%a} {report.day} {report:%b}'}"]


def _coming(position: Position, today: Today) -> list[str]:
    """Time limits that are near."""
    found = []
    left = position.plan.max_sessions - today.sessions.count(position.opened_session, today.day)
    if left <= NEAR_SESSIONS:
        found.append(f"time exit in {count(left, 'session')}" if left > 0 else "time exit is due")
    expiries = [holding.instrument.expiry for holding in position.holdings if isinstance(holding.instrument, Option)]
    if expiries and position.plan.exit_days_to_expiry is not None:
        days = (min(expiries) - today.day).days - position.plan.exit_days_to_expiry
        if days <= NEAR_DAYS:
            found.append(f"expiry exit in {count(days, 'day')}" if days > 0 else "expiry exit is due")
    return found


def _feature(features: Mapping[str, float], name: str) -> float | None:
    value = features.get(name)
    return value if value is not None and value == value else None  # noqa: PLR0124 - NaN is the only value that differs from itself
