"""Whether the day has stopped us out too often."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar

from annotated_types import Ge

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed

UNIT = "stops in this session"


@dataclass(frozen=True, slots=True)
class CoolDown:
    """After `stops` positions stopped out in a session entries rest for `lock_minutes`; each underlying rests for `rest_minutes`.

    0 switches either off. Only live accounts know their stops.
    """

    name: ClassVar[str] = "cool_down"

    stops: Annotated[int, Ge(0)] = 0
    lock_minutes: Annotated[float, Ge(0)] = 60.0
    rest_minutes: Annotated[float, Ge(0)] = 0.0

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:
        """Compare the stops of the session with the limit, and the last one on the underlying with its rest."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        stops = book.standing.stops if book.standing else ()
        count, limit, symbol = float(len(stops)), float(self.stops), proposal.signal.symbol
        last = max((at for at, _ in stops), default=None)
        if last and self.stops and count >= self.stops and view.as_of - last < timedelta(minutes=self.lock_minutes):
            sentence = f"{len(stops)} positions stopped out in this session; entries rest for {self.lock_minutes:g} minutes."
            return blocked(self.name, count, limit, UNIT, sentence)
        own = max((at for at, name in stops if name == symbol), default=None)
        if own and view.as_of - own < timedelta(minutes=self.rest_minutes):
            sentence = f"{symbol} stopped out at {own:%H:%M} UTC and rests for {self.rest_minutes:g} minutes."
            return blocked(self.name, count, limit, UNIT, sentence)
        return passed(self.name, count, limit, UNIT, f"{len(stops)} positions stopped out in this session.")
