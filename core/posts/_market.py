"""What posts say about the market: the index, movers, and the events of a day."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from math import isfinite

import numpy as np

from core.engine.engine import Engine
from core.model.instruments import Stock
from core.model.market import MarketView, Regime
from core.posts._held import symbol_view
from core.posts._text import ABSENT, clock_time, number, outside, percent

FRESH = timedelta(minutes=15)
WATCHED = 50
LEAST_DOLLARS = 20e6
NEAR = 2.0


def regime_lines(view: MarketView) -> list[str]:
    """The index against its averages, with the numbers, and VIX."""
    regime = view.regime
    if regime is None:
        return [f"Regime {ABSENT}: this run has no index."]
    above = regime.above_sma200
    says = (
        f"regime {ABSENT}, its history is too short"
        if above is None
        else ("entries allowed" if above else "no entries: below its SMA200")
    )
    return [
        f"**{outside(regime.name)}** closed at {number(regime.close)} ({percent(regime.day_change)}): {says}.",
        f"SMA200 {_against(regime, regime.sma200)} · SMA50 {_against(regime, regime.sma50)} · VIX {number(view.vix, 1)}",
    ]


def last_movers(view: MarketView, count: int = 3) -> list[str]:
    """Largest changes of the last completed session among liquid names."""
    change, traded = (view.features.columns.get(name) for name in ("change_1d", "dollar_volume"))
    if change is None or traded is None:
        return []
    liquid = np.flatnonzero(np.isfinite(change) & (np.nan_to_num(traded) >= LEAST_DOLLARS))
    return _ups_and_downs([(view.symbols[place], float(change[place])) for place in liquid.tolist()], count)


def overnight(view: MarketView, names: Iterable[str], closed_at: datetime, count: int = 3) -> list[str]:
    """Largest changes since the close of the last session, from fresh quotes of a market; quotes of a model say nothing here."""
    close = view.features.columns.get("close")
    if close is None:
        return []
    places = {symbol: place for place, symbol in enumerate(view.symbols)}
    changes = []
    for symbol in names:
        quote = view.quote(Stock(symbol))
        if quote is not None and quote.modelled:
            return []
        if quote is None or quote.as_of <= closed_at or quote.defect(view.as_of, FRESH) or quote.bid <= 0:
            continue
        last = float(close[places[symbol]])
        if isfinite(last) and last > 0:
            changes.append((symbol, float(quote.mid) / last - 1))
    return _ups_and_downs(changes, count)


def watched(view: MarketView, first: Iterable[str]) -> list[str]:
    """The given names that are in the universe, then the most traded ones."""
    traded = view.features.columns.get("dollar_volume")
    known = set(view.symbols)
    most = np.argsort(-np.nan_to_num(traded), kind="stable")[:WATCHED].tolist() if traded is not None else []
    return list(dict.fromkeys([*(name for name in first if name in known), *(view.symbols[place] for place in most)]))


def events_of(engine: Engine, view: MarketView, day: date, names: Iterable[str]) -> list[str]:
    """Session hours, who reports today (most traded first), and dividends and splits of the given names."""
    return [*_hours(engine, day), _reports(view, day), *_corporate(view, day, names)]


def _hours(engine: Engine, day: date) -> Iterator[str]:
    session = engine.sessions.on(day)
    if session is None:
        yield "The market is closed today."
    elif session.early:
        yield f"The market closes early, at {clock_time(session.close)} New York time."


def _reports(view: MarketView, day: date, count: int = 12) -> str:
    column, absent = view.features.columns.get("sessions_to_earnings"), view.features.absent.get("sessions_to_earnings")
    if column is None or (absent is not None and bool(absent.all())):
        return f"Earnings: {ABSENT}, this run has no calendar of reports"
    near = np.flatnonzero(np.isfinite(column) & (column <= NEAR))
    traded = np.nan_to_num(view.features.columns.get("dollar_volume", np.zeros(len(column))))
    likely = [view.symbols[place] for place in near[np.argsort(-traded[near], kind="stable")].tolist()]
    reporting = [name for name in likely if (one := symbol_view(view, name)) is not None and one.events.next_earnings == day]
    more = f" and {len(reporting) - count} more" if len(reporting) > count else ""
    return f"Earnings: {', '.join(reporting[:count]) or 'none that the calendar knows'}{more}"


def _corporate(view: MarketView, day: date, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        one = symbol_view(view, name)
        if one is None:
            continue
        yield from (f"{name} trades ex-dividend, {amount:.4g} a share" for when, amount in one.events.dividends if when == day)
        yield from (f"{name} splits, {made:g} new for 1 old" for when, made in one.events.splits if when == day)


def _against(regime: Regime, average: float | None) -> str:
    if average is None or not average > 0:
        return ABSENT
    return f"{number(average)} ({percent(regime.close / average - 1)})"


def _ups_and_downs(changes: list[tuple[str, float]], count: int) -> list[str]:
    """The largest gains and the largest losses, a line each."""
    ordered = sorted(changes, key=lambda row: (-row[1], row[0]))
    up, down = [row for row in ordered[:count] if row[1] > 0], [row for row in ordered[::-1][:count] if row[1] < 0]
    said = (("up", up), ("down", down))
    return [f"{name}: " + " · ".join(f"{symbol} {percent(change)}" for symbol, change in some) for name, some in said if some]
