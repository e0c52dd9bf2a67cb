"""How fast one person may ask: counted before anything else is done for that person."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from core.model.errors import OperatorError

#: Discord resets the token of a bot that identifies 1,000 times a day.
IDENTIFIES, DAY = 800, 86_400.0
BURST, PER_SECONDS, PEOPLE = 8, 10.0, 1_000


@dataclass(slots=True)
class Gate:
    """At most so many requests of one account in so many seconds; constant work, bounded memory."""

    recent: "OrderedDict[int, deque[float]]" = field(default_factory=OrderedDict)

    def admits(self, user_id: int, now: float) -> bool:
        """Count one request at a monotonic instant; False when it is one too many."""
        times = self.recent.setdefault(user_id, deque())
        self.recent.move_to_end(user_id)
        while len(self.recent) > PEOPLE:
            self.recent.popitem(last=False)
        while times and now - times[0] > PER_SECONDS:
            times.popleft()
        if len(times) >= BURST:
            return False
        times.append(now)
        return True


def within_budget(times: deque[float], now: float) -> None:
    """See that not too many sessions of Discord were asked for within a day.

    Raises
    ------
    OperatorError
        There were; another one could cost the token.
    """
    while times and now - times[0] > DAY:
        times.popleft()
    if len(times) >= IDENTIFIES:
        raise OperatorError(f"Discord was asked for a new session {IDENTIFIES} times in a day; find out why before a new start")
