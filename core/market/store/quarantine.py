"""What must not be read: damaged days and implausible bars, each with its reason. Nothing is repaired in silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from core.market.store import files
from core.model.errors import RefusedError

#: Column that stands for the whole day.
ALL = -1


@dataclass(frozen=True, slots=True)
class Held:
    """One bar (or with `column` ALL a day) that reads as if it were not there."""

    day: date
    column: int
    reason: str


class Quarantine:
    """The bars that are held back; each word is a line of a log, also that one is free again."""

    def __init__(self, path: Path) -> None:
        self.log = files.Log(path)
        self._held: dict[tuple[date, int], Held] = {}
        for record in self.log.found:
            self._take(record)

    def __len__(self) -> int:
        return len(self._held)

    def held(self, day: date | None = None) -> tuple[Held, ...]:
        """Everything held back, or of one day, by day and column."""
        found = (held for held in self._held.values() if day is None or held.day == day)
        return tuple(sorted(found, key=lambda held: (held.day, held.column)))

    def hold(self, bars: Sequence[Held]) -> int:
        """Hold bars back, each for the first reason that is given; answers how many were not held before."""
        fresh = list({(one.day, one.column): one for one in reversed(bars) if (one.day, one.column) not in self._held}.values())
        if fresh:
            self._write([{"day": one.day.isoformat(), "column": one.column, "reason": one.reason} for one in fresh])
        return len(fresh)

    def release(self, day: date, column: int, why: str) -> None:
        """Let a bar be read again.

        Raises
        ------
        RefusedError
            It is not held.
        """
        if (day, column) not in self._held:
            raise RefusedError(f"column {column} of {day} is not in quarantine")
        self._write([{"day": day.isoformat(), "column": column, "released": why}])

    def _write(self, records: Sequence[files.Record]) -> None:
        self.log.append(records)
        for record in records:
            self._take(record)

    def _take(self, record: files.Record) -> None:
        key = (date.fromisoformat(record["day"]), record["column"])
        if "released" in record:
            self._held.pop(key, None)
        else:
            self._held[key] = Held(*key, record["reason"])
