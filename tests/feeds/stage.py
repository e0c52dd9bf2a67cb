"""A replayed market on its stage: a tape and a clock turned by hand."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.clock import HandClock
from core.feeds.flatfiles.market import ReplayMarket
from core.feeds.flatfiles.tape import Tape
from core.model.market import Session

Levels = Mapping[str, Sequence[Decimal]]


def levels(**given: Sequence[str]) -> Levels:
    return {symbol: [Decimal(level) for level in found] for symbol, found in given.items()}


def session_of(tape: Tape, day: date) -> Session:
    session = tape.calendar.on(day)
    assert session is not None
    return session


@dataclasses.dataclass
class Stage:
    tape: Tape
    clock: HandClock
    market: ReplayMarket

    @classmethod
    def on(cls, tape: Tape) -> "Stage":
        clock = HandClock(session_of(tape, tape.days[0]).open - timedelta(hours=6))
        return cls(tape, clock, ReplayMarket(tape, clock))

    def warm(self, sessions: int) -> None:
        for day in self.tape.days[:sessions]:
            self.market.advance(session_of(self.tape, day))

    async def walk(self, day: date, watched: Levels) -> list[tuple[datetime, dict[str, Decimal]]]:
        """Prices of all names at each instant of the session."""
        session, path = session_of(self.tape, day), []
        self.market.begin(session)
        for instant in self.market.walk(session, lambda: watched):
            self.clock.turn_to(instant)
            view = await self.market.view()
            assert view.as_of == instant
            path.append((instant, view.price(self.tape.symbols)))
        self.market.complete(session)
        return path
