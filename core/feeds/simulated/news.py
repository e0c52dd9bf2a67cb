"""Headlines of the simulated market: templates filled with what happened in its sessions."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from core.feeds.simulated.companies import NOTICE
from core.feeds.simulated.days import Day
from core.feeds.simulated.names import SECTORS, Traits
from core.feeds.simulated.quotes import early_price
from core.model.market import ActionKind, Headline

SOURCE = "simulated news"
BIG_MOVE = 0.06
SECTOR_MOVE = 0.012


def headlines(place: int, traits: Traits, days: Sequence[Day], now: datetime) -> tuple[Headline, ...]:
    """Give the news of one name up to the instant, newest first.

    Parameters
    ----------
    days : sequence of Day
        The sessions to tell of, oldest first; what happens in them after `now` stays untold.
    """
    told = [line for day in days for line in _of_day(place, traits, day) if line.at <= now]
    return tuple(sorted(told, key=lambda line: line.at, reverse=True))


def _of_day(place: int, traits: Traits, day: Day) -> list[Headline]:
    if np.isnan(day.close[place]):
        return []
    symbol = traits.symbols[place]
    return [*_report(symbol, place, day), *_company(symbol, place, day), *_session(symbol, place, traits, day)]


def _report(symbol: str, place: int, day: Day) -> list[Headline]:
    jump = float(day.jump[place])
    if jump == 0:
        return []
    at = day.session.open - timedelta(hours=2)
    gap = early_price(day, place, at) / float(day.prior[place]) - 1
    tone = max(-1.0, min(1.0, jump / 0.1))
    result = "beats" if jump > 0.01 else "misses" if jump < -0.01 else "meets"
    return [Headline(symbol, at, f"{symbol} {result} expectations; shares {gap:+.1%} in early trading", SOURCE, round(tone, 2))]


def _company(symbol: str, place: int, day: Day) -> list[Headline]:
    at = day.session.open - timedelta(hours=1)
    told = [
        Headline(symbol, at, _action_title(symbol, action.kind, float(action.value)), SOURCE)
        for action in day.actions
        if action.symbol == symbol
    ]
    if day.plans.split_in[place] == NOTICE:
        title = f"{symbol} announces a {_ratio(float(day.plans.split_ratio[place]))} split in {NOTICE} sessions"
        told.append(Headline(symbol, at, title, SOURCE))
    return told


def _session(symbol: str, place: int, traits: Traits, day: Day) -> list[Headline]:
    told = []
    sector = int(traits.sector[place])
    if place in day.halts:
        at = day.session.open + timedelta(minutes=day.halts[place][0])
        told.append(Headline(symbol, at, f"Trading in {symbol} is halted, news pending", SOURCE))
    move = float(day.close[place] / day.open[place]) - 1
    if abs(move) >= BIG_MOVE:
        word = "climbs" if move > 0 else "slides"
        at = day.session.close + timedelta(minutes=5)
        told.append(Headline(symbol, at, f"{symbol} {word} {abs(move):.1%} during the session", SOURCE, 0.5 if move > 0 else -0.5))
    common = float(day.weather.day[sector])
    if abs(common) >= SECTOR_MOVE:
        word = "leads" if common > 0 else "drags on"
        at = day.session.close + timedelta(minutes=10)
        told.append(Headline(symbol, at, f"{SECTORS[sector]} {word} the market, {common:+.1%} against it", SOURCE))
    return told


def _action_title(symbol: str, kind: ActionKind, value: float) -> str:
    if kind is ActionKind.SPLIT:
        return f"{symbol} begins to trade after its {_ratio(value)} split"
    return f"{symbol} trades without its dividend of ${value:.2f}"


def _ratio(value: float) -> str:
    return f"{value:g}-for-1" if value >= 1 else f"1-for-{1 / value:g}"
