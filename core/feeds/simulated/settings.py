"""Settings of the simulated market: every field is a key under `feed:` in config.yaml, beside `name: simulated`."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from core.feeds.simulated.market import SimulatedMarket
from core.feeds.simulated.names import MOST_SYMBOLS, traits
from core.feeds.simulated.reading import World
from core.market.sessions import Sessions
from core.model.errors import OperatorError
from core.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class SimulatedSettings:
    """A market that follows from its seed: same settings, same market, on every machine and after every restart.

    Attributes
    ----------
    seed : int
        Which market.
    symbols : int
        Size of the universe.
    start : date
        The day that the desk opens. Never change it while positions are open: it moves the whole market in time.
    history : int
        Sessions before `start` that exist already, so that averages are warm.
    rate : float
        Risk-free rate, as an annual fraction.
    """

    name: ClassVar[str] = "simulated"

    seed: Annotated[int, Ge(0), Le(2**63 - 1)] = 7
    symbols: Annotated[int, Ge(1), Le(MOST_SYMBOLS)] = 500
    start: date = date(2026, 1, 5)
    history: Annotated[int, Ge(1), Le(2000)] = 300
    rate: Annotated[float, Ge(-0.05), Le(0.25)] = 0.04

    def open(self, clock: Clock, sessions: Sessions) -> SimulatedMarket:
        """Build the market up to the clock's instant.

        Raises
        ------
        OperatorError
            The calendar does not reach back to the first session, or the clock stands before the second one.
        """
        try:
            origin = sessions.ahead(self.start, -self.history)
        except OperatorError as error:
            raise OperatorError(
                f"the simulated market needs {self.history} sessions before its start on {self.start}; {error}"
            ) from error
        calendar = sessions.between(origin, sessions.end)
        names = traits(self.seed, self.symbols, self.history)
        places = {symbol: place for place, symbol in enumerate(names.symbols)}
        return SimulatedMarket(World(self.seed, self.rate, names, places, calendar, sessions), clock)
