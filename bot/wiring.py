"""Putting an engine together from settings and opened adapters; the live desk, the demo and the replay share it."""

import os
import signal
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date

from bot.settings import Settings
from brokers.paper import Surroundings
from core.engine.books import Books
from core.engine.engine import Engine
from core.engine.quorum import Approver
from core.engine.settings import EngineSettings
from core.market.sessions import Sessions
from core.model.errors import OperatorError
from core.model.instruments import Instrument
from core.model.market import Quote
from core.ports.broker import Broker
from core.ports.clock import Clock
from core.ports.journal import Journal, Kill
from core.ports.market import MarketData
from core.ports.notifier import Notifier
from core.quant.fees import FeeSchedule

FAILPOINT = "QUANTMATRIX_FAILPOINT"


@dataclass(frozen=True, slots=True)
class Adapters:
    """What the composition root has opened."""

    clock: Clock
    market: MarketData
    broker: Broker
    journal: Journal
    notifier: Notifier
    sessions: Sessions


def build_engine(
    settings: Settings, adapters: Adapters, *, engine: EngineSettings | None = None, at: Callable[[str], None] = lambda _: None
) -> Engine:
    """Plug the adapters in. `engine` replaces the engine's settings (demo and replay change a few)."""
    chosen = engine or settings.engine
    if not settings.strategies:
        raise OperatorError("strategies: none is switched on; name at least one, such as atr_matrix")
    return Engine(
        clock=adapters.clock,
        market=adapters.market,
        broker=adapters.broker,
        journal=adapters.journal,
        notifier=adapters.notifier,
        strategies={strategy.name: strategy for strategy in settings.strategies},
        rules=settings.rules,
        settings=chosen,
        sessions=adapters.sessions,
        options=settings.options,
        fees=getattr(settings.broker, "fees", FeeSchedule()),
        config_hash=settings.config_hash,
        approvers=tuple(Approver(who.name, who.daily_loss, who.daily_count) for who in settings.discord.approvers),
        live=settings.live,
        at=at,
        books=Books(Kill(0, "start", "", adapters.clock.now())),
    )


def surroundings(clock: Clock, market: MarketData, sessions: Sessions) -> Surroundings:
    """What a paper broker sees of the world."""

    async def quotes(instruments: Collection[Instrument]) -> Mapping[str, Quote]:
        view = await market.view(quotes=instruments)
        found = {thing.key: view.quote(thing) for thing in instruments}
        return {key: quote for key, quote in found.items() if quote is not None}

    return Surroundings(clock, quotes, sessions.at)


def calendar(first: date, last: date) -> Sessions:
    """Sessions around the given dates: two and a half years before for warm-up, more than a year after."""
    return Sessions.open(date(first.year - 3, 1, 2), date(last.year + 2, 12, 31))


def failpoint(environment: Mapping[str, str]) -> Callable[[str], None]:
    """Give the callback of the write points. With ``QUANTMATRIX_FAILPOINT=W7:2`` the process kills itself there the second time."""
    wanted = environment.get(FAILPOINT, "")
    if not wanted:
        return lambda _: None
    name, _, times = wanted.partition(":")
    left = [int(times or 1)]

    def at(point: str) -> None:
        if point != name:
            return
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return at
