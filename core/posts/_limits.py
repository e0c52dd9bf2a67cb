"""How much of each limit is used: the rules' own settings beside what is measured now; for the digest and for people who ask."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from core.engine.engine import Engine
from core.engine.tell import rule_name, strategy_name
from core.model.market import MarketView
from core.model.positions import Book
from core.portfolio import performance
from core.ports.rule import RiskRule
from core.posts._text import ABSENT, new_york_day, number, part, percent, ratio

#: Rules whose use `usage` tells.
_OF_THE_ACCOUNT = frozenset({"strategy_heat", "cash_reserve", "daily_loss", "drawdown", "trades_per_day", "losing_streak", "vix"})
#: What the other rules ask of a trade, with their settings; a rule that is not here is told by its name and settings.
_OF_A_TRADE = {
    "trade_risk": "maximum loss at most {limit:.1%} of net liquidation",
    "symbol_exposure": "at most {limit:.1%} of net liquidation in one symbol",
    "sector": "at most {limit:.1%} of net liquidation in one sector",
    "correlation": "correlation with what is held at most {limit:g} over {days} sessions",
    "buying_power": "at most {limit:.1%} of the buying power",
    "price_drift": "price within {limit:g} ATR of the signal's",
    "stale_quote": "quotes at most {limit:g} s old",
    "duplicate": "one position in a symbol",
    "market_closed": "the exchange is open",
    "account_limits": "{keep} day trades stay for exits",
    "assignment": "no short call {days} days before a dividend",
    "contract": "{days_low}-{days_high} days to expiry",
    "cool_down": "entries rest after {stops} stops (0: never)",
    "corporate_action": "no option across a split",
    "data_health": "signals at most {limit} bars old",
    "earnings": "no entry {days} days before a report",
    "halted": "{limit:g} minutes after a halt",
    "live_ramp": "tighter in the first {days} live days",
    "open_risk": "open risk at most {limit:.0%}, {symbol:.0%} a symbol",
    "order_shape": "at most {contracts} contracts (0: any)",
    "price_sane": "limit within {limit:g} spreads of the market",
    "quote_width": "option spread at most {share:.0%} of mid",
    "restricted": "no leveraged or volatility funds",
    "second_quote": "two sources at most {limit:.0%} apart",
    "session_window": "no entry {after_open:g} minutes after the open, {before_close:g} before the close",
}


def usage(engine: Engine, book: Book, view: MarketView) -> list[str]:
    """One line for each limit that is switched on."""
    return [*_account(engine, book), *_counts(engine, book, view), *_vix(engine, view)]


def of_each_trade(engine: Engine) -> list[str]:
    """One line for each rule that looks at a trade: every rule that is on stands here or in `usage`."""
    return [_asked(rule) for rule in engine.rules if rule.name not in _OF_THE_ACCOUNT]


def _asked(rule: RiskRule) -> str:
    settings: dict[str, object] = {field.name: getattr(rule, field.name) for field in fields(rule)} if is_dataclass(rule) else {}
    if rule.name in _OF_A_TRADE:
        return _OF_A_TRADE[rule.name].format(**settings).replace("%", " %")
    return ", ".join([rule_name(rule.name), *(f"{name} {value}" for name, value in settings.items())])


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
        yield f"heat of {strategy_name(strategy)} {part(share)} of {part(heat)}"
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
