"""The replay: a tape seen through the door of `MarketData`, one session after the other.

The clock is turned from outside; every instant here is computed from the sessions. The order of a session is

    begin(session)                     midnight: splits, dividends, delistings
    for instant in walk(session, …)    open, adverse touches, low, favourable touches, close
    complete(session)                  the bar joins the features

so that decisions stand on completed bars and, within a bar, the adverse event comes first.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from core.feeds.flatfiles.names import Ledger, Names
from core.feeds.flatfiles.reading import Prices, Snapshot
from core.feeds.flatfiles.tape import Tape
from core.feeds.flatfiles.walk import Walk
from core.market.features import Extras, FeatureState
from core.market.panel import CLOSE, VOLUME
from core.model.errors import BadDataError, RefusedError
from core.model.instruments import Instrument
from core.model.market import ActionKind, CorporateAction, Features, MarketView, Regime, Session
from core.ports.clock import Clock
from core.quant.indicators import total

Triggers = Callable[[], Mapping[str, Sequence[Decimal]]]


class ReplayMarket:
    """Market data from a tape.

    Parameters
    ----------
    tape : what the files say.
    clock : turned by hand to the instants that `walk` gives.

    Attributes
    ----------
    state : FeatureState
        Bars and indicators up to the last completed session.
    """

    def __init__(self, tape: Tape, clock: Clock) -> None:
        self.tape = tape
        self.state = FeatureState(tape.symbols)
        self._clock = clock
        self._columns = {symbol: column for column, symbol in enumerate(tape.symbols)}
        self._ledger = Ledger.of(tape)
        self._days = np.asarray(tape.days, dtype="datetime64[D]")
        self._completed, self._begun = -1, -1
        self._walking: Session | None = None
        self._features: Features | None = None
        self._reading: Snapshot | None = None
        self._names: Names
        self._prices = Prices(np.full(len(tape.symbols), math.nan), {}, tape.calendar.previous(tape.days[0]).close)
        self._settle()

    @property
    def completed(self) -> date:
        """Day of the last completed session; the one before the tape when there is none yet."""
        if self._completed < 0:
            return self.tape.calendar.previous(self.tape.days[0]).day
        return self.tape.days[self._completed]

    def begin(self, session: Session) -> tuple[CorporateAction, ...]:
        """Start the next session of the tape: its splits change the units of everything that came before.

        Raises
        ------
        BadDataError
            Another session is next, or the one before is not completed.
        """
        place = self._begun + 1
        if self._completed != self._begun or place >= len(self.tape.days) or self.tape.days[place] != session.day:
            raise BadDataError(f"the session of {session.day} is not the next one of the tape after {self.completed}")
        self._begun = place
        actions = self.tape.actions.get(place, ())
        ratios: dict[str, float] = {}
        for action in actions:
            if action.kind is ActionKind.SPLIT:
                ratios[action.symbol] = ratios.get(action.symbol, 1.0) * float(action.value)
        if not ratios:
            self._names, self._reading = replace(self._names, units=place), None
            return actions
        self.state.split(ratios)
        row = self._prices.row.copy()
        for symbol, ratio in ratios.items():
            row[self._columns[symbol]] /= ratio
        self._prices = Prices(row, {}, self._prices.as_of)
        self._settle()
        return actions

    def walk(self, session: Session, triggers: Triggers) -> Iterator[datetime]:
        """Move every price through the session and give each instant at which something is to be looked at.

        The open comes first, five minutes into the session. Then, for symbols with triggers, each level below the open that
        the day's low reached, downward; the lows; each level above the open that the day's high reached, upward; and the
        close, a minute before the bell. At a level the price is exactly that level. `triggers` is asked again after each
        instant; its levels are in the units of the session.

        Raises
        ------
        BadDataError
            The session was not begun.
        """
        if self._completed == self._begun or self.tape.days[self._begun] != session.day:
            raise BadDataError(f"the session of {session.day} must begin before prices can move")
        bars, self._walking = self.tape.bars[:, self._begun], session
        for instant, row, exact in Walk(bars, self._columns, session, triggers).steps():
            self._prices = Prices(row, exact, instant)
            yield instant

    def complete(self, session: Session) -> None:
        """Let the session's bar join the features.

        Raises
        ------
        BadDataError
            The session was not begun, or is completed already.
        """
        if self._completed == self._begun or self.tape.days[self._begun] != session.day:
            raise BadDataError(f"the session of {session.day} must begin before it can be completed")
        self._walking = None
        self._completed = self._begun
        bars = self.tape.bars[:, self._completed]
        self.state.update(session.day, bars)
        self._prices = Prices(bars[CLOSE].copy(), {}, session.close)
        self._settle()

    def advance(self, session: Session) -> tuple[CorporateAction, ...]:
        """Pass a session without walking it: to warm up."""
        actions = self.begin(session)
        self.complete(session)
        return actions

    async def past(self, day: date) -> MarketView:
        """Give the market as it stood after a past session; the tape is walked again from the beginning."""
        if day not in self.tape.days[: self._completed + 1]:
            raise RefusedError(f"{day} is no completed session of the tape, which knows {self.tape.days[0]} to {self.completed}")
        earlier = ReplayMarket(self.tape.until(day), self._clock)
        for passed in earlier.tape.days:
            earlier.advance(self.tape.calendar.between(passed, passed)[0])
        return await earlier.view()

    async def view(self, *, quotes: Collection[Instrument] = (), chains: Collection[str] = ()) -> MarketView:  # noqa: ARG002 - all quotes are fresh
        """Give the whole market at the clock's instant; see the port."""
        now = self._clock.now()
        reading = self._snapshot(now)
        return MarketView(
            as_of=now,
            session=self.tape.calendar.at(now),
            completed=self.completed,
            symbols=self.tape.symbols,
            features=reading.features,
            regime=self._regime,
            vix=self.tape.vix.at(self.completed) if self.tape.vix else None,
            source="flat files",
            reading=replace(reading, chains=frozenset(chains)) if chains else reading,
            raw=self.tape.raw,
            rate=self._rate,
        )

    def _snapshot(self, now: datetime) -> Snapshot:
        """What can be read at this instant; the same one until time or prices move, so that nothing is modelled twice."""
        if self._walking is not None and self._walking.holds(now) and self._prices.as_of != now:
            self._prices = Prices(self._prices.row, self._prices.exact, now)
        if self._reading is None or self._reading.prices is not self._prices:
            if self._features is None:
                self._features = self.state.features(_extras(self.tape, self._completed, self._regime))
            self._reading = Snapshot(self._names, self._columns, self._features, self._prices, self._rate)
        return self._reading

    def _settle(self) -> None:
        """Renew what stands between sessions; features wait until somebody looks."""
        tape = self.tape
        self._regime = tape.regimes.get(self.completed) if tape.regimes is not None else None
        self._rate = (tape.rates.at(self.completed) if tape.rates else None) or 0.0
        self._features, self._reading = None, None
        traded, bars = total(self.state.panel.rows(VOLUME, 20))
        volume = traded / np.maximum(bars, 1.0)
        self._names = Names(tape, self._ledger, self._days, self._completed, self._begun, volume)


def _extras(tape: Tape, completed: int, regime: Regime | None) -> Extras:
    above = None if regime is None else math.nan if regime.above_sma200 is None else float(regime.above_sma200)
    ahead = None
    if tape.reports is not None and completed >= 0:
        row = tape.reports[completed].astype(np.float64)
        ahead = np.where(row < 0, math.nan, row)
    return Extras(regime=above, sessions_to_earnings=ahead, optionable=None, raw=tape.raw)
