"""The simulated market behind the door `core.ports.market.MarketData`."""

import asyncio
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import numpy as np

from core.feeds.simulated.board import Board, Memory, bar, board
from core.feeds.simulated.days import Day, before_first, next_day
from core.feeds.simulated.quotes import Tape
from core.feeds.simulated.reading import Reading, World
from core.market.features import FeatureState
from core.market.sessions import NEW_YORK
from core.model.errors import OperatorError, RefusedError
from core.model.instruments import Instrument
from core.model.market import ActionKind, Bars, CorporateAction, MarketView

TOLD = 10


class Now(Protocol):
    """All of a clock that a market needs."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...


@dataclass(frozen=True, slots=True)
class _Still:
    """A clock that stands still."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant


class SimulatedMarket:
    """A market that follows from its seed and the clock. It keeps nothing that it could not compute again.

    Raises
    ------
    OperatorError
        The clock stands before the second session of this market, or after its calendar.
    """

    def __init__(self, world: World, clock: Now) -> None:
        self._world = world
        self._clock = clock
        self._days = [session.day for session in world.calendar]
        self._dates = np.array(self._days, dtype="datetime64[D]")
        self._begin()
        self._move_to(clock.now())

    async def view(self, *, quotes: Collection[Instrument] = (), chains: Collection[str] = ()) -> MarketView:  # noqa: ARG002 - nothing to prefetch
        """Give the whole market at the clock's instant; `SymbolView.chain` is there for the underlyings named in `chains`."""
        now = self._clock.now()
        shown = self._move_to(now)
        world, today = self._world, self._tapes[-1]
        before = self._tapes[-2] if len(self._tapes) > 1 else None
        recent = [tape.day for tape in self._tapes]
        return MarketView(
            as_of=now,
            session=world.sessions.at(now),
            completed=self._days[shown.completed],
            symbols=world.traits.symbols,
            features=shown.features,
            regime=shown.regime,
            vix=self._day_of(shown.completed).vix,
            source=f"simulated market, seed {world.seed}",
            reading=Reading(world, shown, now, today, before, recent, frozenset(chains), self._bars),
            raw=True,
            rate=world.rate,
        )

    async def past(self, day: date) -> MarketView:
        """Give the market as it stood at the close of a past session; it is computed again from the beginning."""
        first, last = self._days[1], self._days[self._completed]
        session = self._world.sessions.on(day) if first <= day <= last else None
        if session is None:
            known = f"{first} to {last}"
            raise RefusedError(f"{day} is no completed session of this market, which knows those of {known}")
        earlier = await asyncio.to_thread(SimulatedMarket, self._world, _Still(session.close))
        return await earlier.view()

    def actions(self, day: date) -> tuple[CorporateAction, ...]:
        """Splits and dividends that take effect before the open of a session that has begun by the clock; none on other days."""
        self._move_to(self._clock.now())
        return self._actions.get(day, ())

    def _begin(self) -> None:
        traits = self._world.traits
        self._latest = before_first(traits, self._world.calendar[0])
        self._completed = -1
        self._tapes: list[Tape] = []
        self._actions: dict[date, tuple[CorporateAction, ...]] = {}
        self._state = FeatureState(traits.symbols)
        self._memory = Memory(len(traits.symbols))
        self._board: Board | None = None

    def _move_to(self, now: datetime) -> Board:
        """Bring the market to an instant: sessions begin on the morning of their date and are completed at their close."""
        began = bisect_right(self._days, now.astimezone(NEW_YORK).date()) - 1
        if began < 1 or began + 1 >= len(self._days):
            first, last = self._days[1], self._days[-2]
            raise OperatorError(f"the simulated market knows {first} to {last}, the clock says {now:%Y-%m-%d}: change its start")
        completed = began if now >= self._world.calendar[began].close else began - 1
        if began < self._latest.position or completed < self._completed:
            self._begin()
        while self._latest.position < began:
            if self._completed < self._latest.position:
                self._complete_session()
            self._start_session()
        if self._completed < completed:
            self._complete_session()
        if self._board is None:
            self._board = board(self._state, self._memory, self._world.traits, completed, began)
        return self._board

    def _start_session(self) -> None:
        world, position = self._world, self._latest.position + 1
        self._latest = next_day(self._latest, world.traits, world.seed, world.calendar[position])
        self._tapes = [*self._tapes[-TOLD:], Tape(world.seed, world.traits, self._latest, {})]
        if self._latest.actions:
            self._actions[self._latest.session.day] = self._latest.actions
        splits = {action.symbol: float(action.value) for action in self._latest.actions if action.kind is ActionKind.SPLIT}
        self._state.split(splits)
        self._board = None

    def _complete_session(self) -> None:
        self._state.update(self._latest.session.day, bar(self._latest))
        self._memory.complete(self._latest)
        self._completed = self._latest.position
        self._board = None

    def _day_of(self, position: int) -> Day:
        return next(tape.day for tape in reversed(self._tapes) if tape.day.position == position)

    def _bars(self, place: int, last: date, units: date) -> Bars:
        """Bars of one name up to a session, in the share units of another; also for views from before the latest session."""
        panel = self._state.panel
        count = bisect_right(panel.days, last)
        first = bisect_right(self._days, panel.days[0]) - 1
        table = panel.matrix(place, len(panel))[:, :count].copy()
        symbol = self._world.traits.symbols[place]
        for day in reversed(self._actions):
            if day <= units:
                break
            for action in self._actions[day]:
                if action.symbol == symbol and action.kind is ActionKind.SPLIT:
                    table[:4] *= float(action.value)
                    table[4] /= float(action.value)
        there = ~np.isnan(table[3])
        return Bars(self._dates[first : first + count][there], *(row[there] for row in table))
