"""What the desk measures about itself, against the owner's service targets."""

from collections import deque
from dataclasses import dataclass, field

KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """One service target: what was measured (None: nothing fed it yet), over how many samples."""

    name: str
    measured: float | None
    limit: float
    unit: str
    samples: int
    higher_is_better: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether the target is met; None while nothing was measured."""
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.higher_is_better else self.measured <= self.limit


@dataclass(slots=True)
class Measures:
    """Recent samples. Durations in milliseconds; counts are (good, all).

    Fed are ``receive`` (a turn's question to the feed until its view can be decided on), ``claim`` (a yes until the order leaves),
    ``ticks`` (turns that did not fail) and ``answers`` (slash commands); ``cache`` waits for something that caches.
    """

    durations: dict[str, deque[float]] = field(default_factory=dict)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def time(self, name: str, seconds: float) -> None:
        """Keep one duration. None at all passes on a clock that is turned by hand, which measures nothing."""
        if seconds <= 0:
            return
        self.durations.setdefault(name, deque(maxlen=KEPT)).append(seconds * 1000)

    def count(self, name: str, *, good: bool) -> None:
        """Keep one outcome."""
        done, total = self.counts.get(name, (0, 0))
        self.counts[name] = (done + good, total + 1)

    def percentile(self, name: str, share: float) -> float | None:
        """Percentile of the kept durations in milliseconds; None without samples."""
        kept = sorted(self.durations.get(name, ()))
        return kept[min(len(kept) - 1, int(share * len(kept)))] if kept else None

    def percent(self, name: str) -> float | None:
        """Good outcomes in percent; None without samples."""
        good, total = self.counts.get(name, (0, 0))
        return 100 * good / total if total else None

    def targets(self) -> tuple[Target, ...]:
        """The owner's service targets; percentiles are the 99th."""
        samples = {name: len(kept) for name, kept in self.durations.items()}
        errors = self.percent("answers")
        return (
            Target("receive to state", self.percentile("receive", 0.99), 50, "ms", samples.get("receive", 0)),
            Target("claim to first byte", self.percentile("claim", 0.99), 200, "ms", samples.get("claim", 0)),
            Target("uptime", self.percent("ticks"), 99.9, "%", self.counts.get("ticks", (0, 0))[1], higher_is_better=True),
            Target("cache hits", self.percent("cache"), 80, "%", self.counts.get("cache", (0, 0))[1], higher_is_better=True),
            Target("error rate", None if errors is None else 100 - errors, 0.1, "%", self.counts.get("answers", (0, 0))[1]),
        )
