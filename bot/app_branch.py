"""One account of the desk: its journal, broker, engine, outbox and approvals, opened in this order, closed in the other."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bot import street
from bot.access import Access
from bot.app_anchors import anchored
from bot.approvals import Approvals
from bot.client import Branch
from bot.clock import SystemClock
from bot.notifier import DiscordNotifier, Outlet, Posted
from bot.settings import Settings
from bot.streams import Streaming, TwoSources, tasks_of
from bot.wiring import Adapters, build_engine, surroundings
from brokers.paper import PaperBroker, PaperSettings
from core.charts import draw
from core.engine import quorum
from core.engine.engine import Engine
from core.engine.settings import EngineSettings
from core.feeds.simulated import SimulatedSettings
from core.feeds.simulated.market import SimulatedMarket
from core.journal.journal import SqlJournal, open_journal
from core.market.sessions import Sessions
from core.model.errors import OperatorError
from core.model.mask import Mask
from core.ports.broker import Broker, Opening
from core.ports.clock import Clock

#: Shorter secrets are not looked for in what is written down: they would be found inside of ids.
SHORTEST = 12


@dataclass(frozen=True, slots=True)
class Ground:
    """What all accounts share.

    Attributes
    ----------
    folder : Path
        Where paper accounts keep their ledgers.
    at : callable
        Called with the name of each write point; does nothing outside the kill tests.
    equip : callable
        Gives each engine its switches and gauges before it starts.
    """

    clock: Clock
    market: SimulatedMarket
    sessions: Sessions
    access: Access
    folder: Path
    at: Callable[[str], None]
    equip: Callable[[Engine], None] = lambda _engine: None


async def open_journal_of(chosen: Settings, stack: AsyncExitStack, at: Callable[[str], None]) -> SqlJournal:
    """Open the journal of an account and take its lease: nobody else works on it from now on."""
    if not chosen.database and not chosen.journal.url:
        chosen.journal.path.parent.mkdir(parents=True, exist_ok=True)
    journal = await open_journal(chosen.database_url, at=at, mask=Mask(chosen.secrets, shortest=SHORTEST))
    stack.push_async_callback(journal.close)
    await journal.take_lease(f"pid {os.getpid()}", SystemClock().now())
    return journal


async def open_branch(
    chosen: Settings, decided: EngineSettings, journal: SqlJournal, ground: Ground, stack: AsyncExitStack, *, label: str
) -> tuple[Branch, Broker]:
    """Open everything else of an account and start its engine; the stack closes it.

    Parameters
    ----------
    label : str
        Stands before the titles of its notes; empty when the desk has one account only.

    Raises
    ------
    OperatorError
        Broker, credentials, account or journal need the operator.
    """
    broker = await open_broker(chosen, decided, ground, ground.folder)
    stack.push_async_callback(broker.close)  # type: ignore[attr-defined]  # every adapter has it; the engine never closes one
    served: list[Approvals] = []

    async def posted(card: Posted) -> None:
        await served[0].posted(card)

    notifier = DiscordNotifier(Outlet(journal, ground.clock, chosen.discord.channels, draw, ground.at, posted, label=label))
    quotes = broker.quotes() if isinstance(broker, Streaming) else None
    market = ground.market if quotes is None else TwoSources(ground.market, quotes)
    adapters = Adapters(ground.clock, market, broker, journal, notifier, ground.sessions)
    engine = build_engine(chosen, adapters, engine=decided, at=ground.at)
    ground.equip(engine)
    if isinstance(broker, PaperBroker):
        await street.morning(broker, ground.market.actions(ground.clock.now().date()), await ground.market.view())
    stack.push_async_callback(engine.rest)
    if isinstance(broker, Streaming) and quotes is not None:
        _run(stack, *tasks_of(broker, quotes, engine.tick))
    await engine.start()
    await quorum.enlist(engine)
    _run(stack, *await anchored(engine, chosen.journal.path))
    approvals = Approvals(engine, ground.access, label=label)
    served.append(approvals)
    return Branch(engine, approvals, notifier), broker


def _run(stack: AsyncExitStack, *work: Coroutine[None, None, None]) -> None:
    """Run something as long as the account is open."""
    for one in work:
        stack.callback(asyncio.create_task(one).cancel)


async def open_broker(chosen: Settings, decided: EngineSettings, ground: Ground, folder: Path | None) -> Broker:
    """Open the broker of an account; without a folder a paper account leaves its ledger alone.

    Raises
    ------
    OperatorError
        A real broker would be sent orders that were decided on an invented market.
    """
    if isinstance(chosen.broker, PaperSettings):
        around = surroundings(ground.clock, ground.market, ground.sessions)
        name = "paper.jsonl" if decided.account == EngineSettings().account else f"paper-{decided.account}.jsonl"
        return await chosen.broker.open(decided.account, decided.start_cash, folder and folder / name, around)
    if isinstance(chosen.feed, SimulatedSettings) and not chosen.discord.loopback:
        raise OperatorError(
            f"feed.name: simulated invents its prices, so broker {chosen.broker.name} gets no orders from it; "
            "use broker paper, or a feed of real prices"
        )
    opened: Broker = await chosen.broker.open(Opening(decided.account, chosen.live, ground.clock, chosen.broker_secrets))
    return opened
