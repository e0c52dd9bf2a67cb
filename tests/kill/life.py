"""One life of the desk, in a process that was forked for it: open the journal and the adapter, recover, go on with the road."""

import gc
import importlib
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Protocol, cast

from bot.clock import HandClock
from bot.settings import Settings, load
from bot.wiring import FAILPOINT, Adapters, build_engine, failpoint, surroundings
from core.engine.engine import Engine
from core.engine.settings import EngineSettings, Expression
from core.journal.bodies import _body_of
from core.journal.journal import SqlJournal, open_journal
from core.model.errors import OperatorError, RetryError
from core.model.notes import Note
from core.model.orders import Fill, Order, Transaction
from core.model.positions import Position
from core.model.proposals import Envelope, Proposal, ProposalState
from core.model.signals import Signal
from core.ports.journal import Journal
from tests.engine.rig import CALENDAR, ScriptedMarket
from tests.kill import broken
from tests.kill.hand import Ports
from tests.kill.venues import Venue
from tests.kill.world import JUMPS, SYMBOLS, Channel, Road, dice, judgement, jump, names, price

SETTINGS = EngineSettings(
    charts=False, expression=Expression.STOCK, walk=(0.5, 1.0), walk_seconds=8, card_seconds=3600, max_cards=len(SYMBOLS)
)
_STEP = timedelta(seconds=3)
TURNS, LAST_TURNS = 30, 120
#: Turns in a row in which nothing was left to do.
CALM = 3
#: Share of the notes that Discord drops.
DROPPED = 0.05
At = Callable[[str], None]
#: In the last life prices fall by then at the latest, so what is held so long stays.
PATIENCE_TURNS = 40
GAVE_UP, IDLE = 3, 4


@cache
def _settings() -> Settings:
    return load("", {})


def imported(venue: Venue) -> None:
    """Import everything that a life imports late, so that no child does it again."""
    venue.imported()
    _settings()
    for module in ("sqlalchemy.dialects.sqlite.aiosqlite", "sqlalchemy.dialects.sqlite.pysqlite", "concurrent.futures.thread"):
        importlib.import_module(module)
    for noun in (Signal, Proposal, Envelope, Order, Fill, Transaction, Position, Note):
        _body_of(noun)
    gc.collect()
    gc.freeze()


class Counts(Protocol):
    """What is counted in memory that outlives the process."""

    def count(self, point: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Life:
    """One life.

    Attributes
    ----------
    point : str
        ``W7:2``: it kills itself the second time it passes W7; empty: it does not.
    last : bool
        Nothing goes wrong any more; it lives until nothing is left to do.
    rule : str
        The rule that is broken on purpose (see `tests.kill.broken`); empty: none.
    """

    road: Road
    number: int
    ports: Ports
    point: str = ""
    last: bool = False
    rule: str = ""


@dataclass(slots=True)
class _Desk:
    life: Life
    venue: Venue
    engine: Engine
    adapters: Adapters
    dice: random.Random

    @property
    def clock(self) -> HandClock:
        return cast("HandClock", self.adapters.clock)

    @property
    def market(self) -> ScriptedMarket:
        return cast("ScriptedMarket", self.adapters.market)

    @property
    def channel(self) -> Channel:
        return cast("Channel", self.adapters.notifier)

    @property
    def journal(self) -> Journal:
        return self.adapters.journal


async def live(life: Life, venue: Venue, counts: Counts) -> int:
    """Live; answers 0 when nothing was left to do, IDLE when it waits for prices, GAVE_UP when the broker did not answer."""
    fatal = failpoint({FAILPOINT: life.point})

    def at(point: str) -> None:
        counts.count(point)
        fatal(point)

    if life.last:
        await venue.calm(life.ports)
    clock = HandClock(life.road.begins(life.number))
    market = ScriptedMarket(clock, names())
    journal = await open_journal(life.road.database, at=at)
    await journal.take_lease(f"life {life.number}", clock.now())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(journal.close)
        opening = venue.adapter(life.road, life.ports, surroundings(clock, market, CALENDAR))
        try:
            broker = await stack.enter_async_context(opening)
        except (RetryError, OperatorError):
            return GAVE_UP
        desk = _desk(life, venue, Adapters(clock, market, broker, journal, _channel(life, journal, clock, at), CALENDAR), at)
        try:
            return 0 if await _lives(desk) else IDLE
        except RetryError:
            return GAVE_UP


def _channel(life: Life, journal: SqlJournal, clock: HandClock, at: At) -> Channel:
    luck = dice(life.road.seed, life.number, "discord")
    return Channel(life.road.channel, journal, clock, at, lambda: life.last or luck.random() > DROPPED)


def _desk(life: Life, venue: Venue, adapters: Adapters, at: At) -> _Desk:
    engine = build_engine(_settings(), adapters, engine=SETTINGS, at=at)
    broken.break_rule(life.rule, engine)
    return _Desk(life, venue, engine, adapters, dice(life.road.seed, life.number))


async def _lives(desk: _Desk) -> bool:
    await _look(desk, 0)
    await desk.engine.start()
    await desk.engine.scan()
    await desk.engine.entries()
    calm = 0
    for turn in range(1, LAST_TURNS if desk.life.last else TURNS):
        await _look(desk, turn)
        await desk.engine.tick()
        await desk.channel.deliver()
        await _vote(desk)
        calm = calm + 1 if await _quiet(desk) else 0
        if calm >= CALM and not (desk.life.last and desk.engine.books.positions and turn < PATIENCE_TURNS):
            break
    return calm >= CALM and not _held(desk)


async def _look(desk: _Desk, turn: int) -> None:
    """Time passes, prices move, and now and then somebody sets the wall clock."""
    life = desk.life
    desk.clock.turn_to(desk.clock.now() + _STEP)
    if not life.last and desk.dice.random() < 0.02:
        jump(desk.clock, desk.dice.choice(JUMPS))
    moment = (life.number, turn)
    prices = {symbol: price(life.road, symbol, moment, last=life.last) for symbol in SYMBOLS}
    desk.market.prices.update(prices)
    await desk.venue.look(life.ports, life.road.begins(life.number) + turn * _STEP, prices)


async def _vote(desk: _Desk) -> None:
    for stored in await desk.journal.proposals([ProposalState.OPEN]):
        proposal = stored.proposal
        vote, evidence = judgement(desk.life.road, proposal.id, proposal.signal.symbol, desk.clock.now())
        await desk.engine.vote(vote, evidence)


async def _quiet(desk: _Desk) -> bool:
    """Whether nothing is under way: what is in doubt stays so, and what nobody approves stays open."""
    books = desk.engine.books
    waits = [stored for stored in books.pending.values() if stored.state is not ProposalState.OPEN]
    return not (set(books.envelopes) - _doubtful(desk) or waits or await desk.journal.pending_notes(1))


def _held(desk: _Desk) -> set[str]:
    """Positions that wait for their price; those with an order in doubt wait for people."""
    stuck = {one.position_id for one in desk.engine.books.envelopes.values() if one.id in _doubtful(desk)}
    return set(desk.engine.books.positions) - stuck


def _doubtful(desk: _Desk) -> set[str]:
    return {order.envelope_id for order in desk.engine.books.doubtful()}
