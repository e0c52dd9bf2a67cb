"""Skew: whether the clock can be trusted: it must keep pace with the monotonic one, and with a reference where there is one."""

from dataclasses import dataclass
from datetime import datetime

from core.ports.clock import Clock

#: A wall clock that jumped is believed again when it kept pace for so long.
CALM_SECONDS = 60.0
#: A comparison with the reference that is older than this says nothing any more.
OLD_SECONDS = 3600.0


@dataclass(slots=True)
class Skew:
    """What is known about the clock; mutable, kept in the books.

    Attributes
    ----------
    jump : float
        Seconds of the last jump that was seen; 0 when none was, or when it is long enough ago.
    offset : float or None
        Seconds by which the wall clock is ahead of a trusted reference; None when nothing was ever compared.
    """

    jump: float = 0.0
    offset: float | None = None
    _seen: tuple[datetime, float, float] | None = None
    _jumped: float = 0.0
    _compared: float = 0.0

    def look(self, clock: Clock, limit: float) -> None:
        """Compare how far both clocks went since the last look; what passed between reading the two is nobody's jump."""
        began, now, monotonic = clock.monotonic(), clock.now(), clock.monotonic()
        slack = monotonic - began
        if self._seen is not None:
            wall, before, loose = self._seen
            apart = (now - wall).total_seconds() - (monotonic - before)
            if abs(apart) > limit + slack + loose:
                self.jump, self._jumped = apart, monotonic
            elif self.jump and monotonic - self._jumped >= CALM_SECONDS:
                self.jump = 0.0
        self._seen = (now, monotonic, slack)

    def compared(self, offset: float, monotonic: float) -> None:
        """Take note of a comparison with a reference."""
        self.offset, self._compared = offset, monotonic

    def off(self, monotonic: float) -> float:
        """Seconds by which the clock may be off; infinite when the reference has been silent for too long."""
        if self.offset is None:
            return abs(self.jump)
        if monotonic - self._compared > OLD_SECONDS:
            return float("inf")
        return max(abs(self.offset), abs(self.jump))
