"""What the tests of the simulated market share: opening one, and a digest of everything that a view says."""

import hashlib
import json
from datetime import UTC, date, datetime
from functools import cache

import numpy as np

from bot.clock import HandClock
from core.feeds.simulated import SimulatedSettings
from core.feeds.simulated.market import SimulatedMarket
from core.market.sessions import Sessions
from core.model.market import MarketView

NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
SMALL = SimulatedSettings(symbols=40, history=270)


@cache
def calendar() -> Sessions:
    return Sessions.open(date(2024, 1, 2), date(2027, 1, 29))


def opened(instant: datetime, settings: SimulatedSettings = SMALL) -> tuple[SimulatedMarket, HandClock]:
    clock = HandClock(instant)
    return settings.open(clock, calendar()), clock


def seen(view: MarketView, symbols: tuple[str, ...]) -> str:
    """Digest of everything that a view says about some names."""
    told: list[object] = [str(view.as_of), str(view.completed), str(view.regime), view.vix]
    for symbol in symbols:
        one = view.symbol(symbol)
        bars = [row.tobytes().hex() for row in (one.bars.open, one.bars.high, one.bars.low, one.bars.close, one.bars.volume)]
        told += [symbol, str(one.quote), str(one.events), str(one.news), {k: repr(v) for k, v in one.features.items()}, bars]
        if one.chain is not None:
            told += [contract.key for contract in one.chain.contracts]
            told += [one.chain.bid.tolist(), one.chain.ask.tolist(), repr(one.chain.iv_rank)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


async def digest_at(instant: datetime) -> str:
    """What a fresh process answers; the child of the test below calls it."""
    market, _ = opened(instant)
    view = await market.view(chains=(await market.view()).symbols)
    return seen(view, view.symbols)


def optionable(view: MarketView) -> list[str]:
    column = view.features.columns["optionable"]
    young = np.isnan(view.features.columns["sma200"])
    return [symbol for symbol, has, new in zip(view.symbols, column, young, strict=True) if has and not new]


def listed(view: MarketView) -> tuple[str, ...]:
    young = np.isnan(view.features.columns["close"])
    return tuple(symbol for symbol, new in zip(view.symbols, young, strict=True) if not new)[:5]
