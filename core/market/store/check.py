"""Looking through a store for defects, and holding back what must not be read. Nothing is repaired."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zlib import crc32

import numpy as np

from core.market.store.defects import Defect, Kind, Limits, of_bars
from core.market.store.fields import FIELDS
from core.market.store.matrices import Store, Window
from core.market.store.quarantine import ALL, Held
from core.model.market import Floats

#: Columns that are looked at together.
BLOCK = 1_024
IsSession = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found; `fresh`: how many bars went into quarantine that were not there before."""

    defects: tuple[Defect, ...]
    fresh: int

    @property
    def counts(self) -> dict[Kind, int]:
        """How many of each kind."""
        return dict(Counter(defect.kind for defect in self.defects))


def look(store: Store, limits: Limits | None = None, is_session: IsSession | None = None) -> tuple[Defect, ...]:
    """Find every defect of the store, by day and column; changes nothing.

    Parameters
    ----------
    is_session : whether the exchange was open on a day; None: every weekday counts.
    """
    known = limits or Limits()
    found = [Defect(Kind.DAMAGED, one.day, ALL) for one in store.verify()]
    damaged = {defect.day for defect in found}
    found += [Defect(Kind.NOT_A_SESSION, day, ALL) for day in store.days if not _open(day, is_session)]
    for first in range(0, len(store.universe), BLOCK):
        window = _block(store, slice(first, min(first + BLOCK, len(store.universe))), damaged)
        found += [replace(defect, column=defect.column + first) for defect in of_bars(window.days, window.bars, known)]
    found += [*_copied_days(store), *_twins(store, known)]
    return tuple(sorted(found, key=lambda defect: (defect.day, defect.column, defect.kind)))


def hold_back(store: Store, limits: Limits | None = None, is_session: IsSession | None = None) -> Report:
    """Find every defect and put into quarantine what must not be read.

    Raises
    ------
    RefusedError
        The store is open for reading.
    """
    defects = look(store, limits, is_session)
    fresh = store.quarantine.hold([Held(one.day, one.column, one.kind.value) for one in defects if one.held])
    return Report(defects, fresh)


def _open(day: date, is_session: IsSession | None) -> bool:
    return day.weekday() < 5 and (is_session is None or is_session(day))


def _block(store: Store, columns: slice, damaged: set[date]) -> Window:
    """Bars of some columns in the units of the last day, damaged days left out, quarantined bars in: they are found again."""
    bars = np.stack([store.raw(field)[:, columns] for field in FIELDS])
    bars[:, [row for row, day in enumerate(store.days) if day in damaged]] = np.nan
    window = Window(tuple(store.days), bars)
    store.adjust(window, columns)
    return window


def _copied_days(store: Store) -> Iterator[Defect]:
    """Days on which every bar is that of the day before: a file that was delivered twice."""
    closes, volumes = store.raw("close"), store.raw("volume")
    for row in range(1, len(store.days)):
        there = ~np.isnan(closes[row])
        same = (closes[row] == closes[row - 1]) & (volumes[row] == volumes[row - 1])
        if np.count_nonzero(there) > 1 and same[there].all() and (volumes[row][there] > 0).any():
            yield Defect(Kind.REPEATED_DAY, store.days[row], ALL)


def _twins(store: Store, limits: Limits) -> Iterator[Defect]:
    """Columns with the closes and volumes of an earlier column on every day: one company under two symbols."""
    closes, volumes = store.raw("close"), store.raw("volume")
    seen: dict[int, list[int]] = defaultdict(list)
    for first in range(0, len(store.universe), BLOCK):
        block = np.ascontiguousarray(np.concatenate([closes[:, first : first + BLOCK], volumes[:, first : first + BLOCK]]).T)
        for column, series in enumerate(block, start=first):
            bars = np.flatnonzero(~np.isnan(series[: len(closes)]))
            if len(bars) < limits.twins or not (series[len(closes) :] > 0).any():
                continue
            key = crc32(series.tobytes())
            if any(_same(closes, volumes, column, other) for other in seen[key]):
                yield Defect(Kind.DUPLICATE, store.days[bars[0]], column, len(bars))
            seen[key].append(column)


def _same(closes: Floats, volumes: Floats, column: int, other: int) -> bool:
    matrices: Sequence[Floats] = (closes, volumes)
    return all(np.array_equal(matrix[:, column], matrix[:, other], equal_nan=True) for matrix in matrices)
