"""The tape: everything that the files say, cleaned, on one axis of sessions."""

import dataclasses
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.feeds.flatfiles import inputs
from core.feeds.flatfiles.clean import clean
from core.feeds.flatfiles.grid import Grid, place_of, to_grid
from core.feeds.flatfiles.inputs import Report, Series
from core.feeds.flatfiles.tables import read_bars
from core.market.panel import CLOSE
from core.market.sessions import Sessions
from core.model.errors import OperatorError
from core.model.market import ActionKind, CorporateAction, Floats, Regime
from core.model.money import price

DELISTED_AFTER = 10
SOON, RECENT, FAR = 70, 50, 999
UNCOVERED = -1


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of a replay; `bars` is a table or a folder of flat files, the index may come in several files."""

    bars: Path
    index: tuple[Path, ...] = ()
    actions: Path | None = None
    earnings: Path | None = None
    vix: Path | None = None
    rates: Path | None = None
    sectors: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Cleaned bars and what belongs to them.

    Attributes
    ----------
    days : tuple of date
        The sessions of the tape; `calendar` goes on beyond them.
    bars : array of shape (5, sessions, symbols)
        Open, high, low, close, volume; as traded when `raw`. NaN: no bar.
    raw : bool
        Prices are as traded and the splits are known.
    actions : mapping of session number to what takes effect before its open
        A symbol without a bar for `DELISTED_AFTER` sessions counts as delisted on the next one.
    reports : array of shape (sessions, symbols) or None
        Sessions until the next earnings report, 999 when none is near, -1 where no calendar covers the symbol.
    regimes : mapping of day to the index, or None
    defects : mapping of what was found in the files to how often
    fingerprint : str
        SHA-256 over the content of all files, not over their names.
    """

    symbols: tuple[str, ...]
    days: tuple[date, ...]
    calendar: Sessions
    bars: Floats
    raw: bool
    actions: Mapping[int, tuple[CorporateAction, ...]]
    earnings: Mapping[str, tuple[Report, ...]]
    reports: NDArray[np.int16] | None
    regimes: Mapping[date, Regime] | None
    vix: Series | None
    rates: Series | None
    sectors: Mapping[str, str]
    defects: Mapping[str, int]
    fingerprint: str

    def until(self, day: date) -> "Tape":
        """Cut the tape after the session of `day` (or the last one before it).

        Raises
        ------
        OperatorError
            Nothing would be left.
        """
        count = sum(session <= day for session in self.days)
        if not count:
            raise OperatorError(f"the bars begin on {self.days[0]}, after {day}: choose a later day")
        return dataclasses.replace(
            self,
            days=self.days[:count],
            bars=self.bars[:, :count],
            actions={place: found for place, found in self.actions.items() if place < count},
            reports=None if self.reports is None else self.reports[:count],
        )


def load(sources: Sources) -> Tape:
    """Read and clean everything.

    Raises
    ------
    OperatorError
        A file is missing, cannot be read, or does not hold what it should; the sentence names file, column and remedy.
    """
    defects: Counter[str] = Counter()
    table = read_bars(sources.bars)
    grid = to_grid(table.table, sources.bars, defects)
    given = inputs.read_actions(sources.actions, defects) if sources.actions else ()
    raw = not table.adjusted and (table.as_traded or any(action.kind is ActionKind.SPLIT for action in given))
    actions = _placed(given, grid, defects, raw=raw)
    clean(grid.bars, _split_cells(actions, grid), defects)
    earnings = inputs.read_earnings(sources.earnings) if sources.earnings else {}
    return Tape(
        symbols=grid.symbols,
        days=grid.days,
        calendar=grid.calendar,
        bars=grid.bars,
        raw=raw,
        actions=_with_delistings(actions, grid),
        earnings=earnings,
        reports=_reports(earnings, grid) if sources.earnings else None,
        regimes=inputs.read_regimes(sources.index) if sources.index else None,
        vix=inputs.read_vix(sources.vix) if sources.vix else None,
        rates=inputs.read_rates(sources.rates) if sources.rates else None,
        sectors=inputs.read_sectors(sources.sectors) if sources.sectors else {},
        defects={name: count for name, count in sorted(defects.items()) if count},
        fingerprint=_fingerprint(sources),
    )


Actions = dict[int, tuple[CorporateAction, ...]]


def _placed(given: Iterable[CorporateAction], grid: Grid, defects: Counter[str], *, raw: bool) -> Actions:
    """Give each action its session: that of its day, or the next one."""
    known, placed = set(grid.symbols), defaultdict(list)
    for action in given:
        if action.symbol not in known or not grid.days[0] < action.day <= grid.days[-1]:
            defects["corporate action outside of the bars, left out"] += 1
        elif action.kind is ActionKind.SPLIT and not raw:
            defects["split left out because prices are adjusted already"] += 1
        else:
            place = place_of(grid.days, action.day)
            placed[place].append(dataclasses.replace(action, day=grid.days[place]))
    return {place: tuple(found) for place, found in sorted(placed.items())}


def _split_cells(actions: Actions, grid: Grid) -> dict[tuple[int, int], float]:
    column = {symbol: number for number, symbol in enumerate(grid.symbols)}
    cells: dict[tuple[int, int], float] = defaultdict(lambda: 1.0)
    for place, found in actions.items():
        for action in found:
            if action.kind is ActionKind.SPLIT:
                cells[place, column[action.symbol]] *= float(action.value)
    return cells


def _with_delistings(actions: Actions, grid: Grid) -> Actions:
    """Add a delisting where a symbol had no bar for `DELISTED_AFTER` sessions and no file told its end before."""
    told = {action.symbol: place for place, found in actions.items() for action in found if action.kind is ActionKind.DELISTING}
    cells, result = _split_cells(actions, grid), defaultdict(list, {place: list(found) for place, found in actions.items()})
    close = grid.bars[CLOSE]
    numbers = np.arange(len(close))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(close), -1, numbers), axis=0)
    for before, column in np.argwhere((last >= 0) & (numbers - last == DELISTED_AFTER)).tolist():
        place, symbol = before + 1, grid.symbols[column]
        if place >= len(close) or told.get(symbol, place) <= before:
            continue
        end = int(last[before, column])
        value = float(close[end, column])
        for split in range(end + 1, place + 1):
            value /= cells.get((split, column), 1.0)
        result[place].append(CorporateAction(symbol, grid.days[place], ActionKind.DELISTING, price(value)))
    return {place: tuple(found) for place, found in sorted(result.items())}


def _reports(earnings: Mapping[str, tuple[Report, ...]], grid: Grid) -> NDArray[np.int16]:
    """Sessions until the next report of every symbol on every session."""
    horizon = grid.calendar.days
    today = np.arange(len(grid.days)) + place_of(horizon, grid.days[0])
    table = np.full((len(grid.days), len(grid.symbols)), UNCOVERED, dtype=np.int16)
    for column, symbol in enumerate(grid.symbols):
        found = [report for report in earnings.get(symbol, ()) if horizon[0] <= report.day <= horizon[-1]]
        if not found:
            continue
        place = np.asarray([place_of(horizon, report.day) for report in found])
        heard = place - np.asarray([report.before_open for report in found])
        following = np.searchsorted(heard, today)
        ahead = np.append(place, np.iinfo(np.int32).max)[following] - today
        since = today - np.append(np.iinfo(np.int32).min, place)[following]
        far = np.where(since <= RECENT, FAR, UNCOVERED)
        table[:, column] = np.where(ahead <= SOON, ahead, far)
    return table


def _fingerprint(sources: Sources) -> str:
    digest = hashlib.sha256()
    for name in [field.name for field in dataclasses.fields(sources)]:
        given = getattr(sources, name)
        for path in given if isinstance(given, tuple) else (given,):
            files = sorted(path.rglob("*.csv*"), key=lambda file: file.name) if path and path.is_dir() else [path]
            for file in files:
                digest.update(name.encode() + b"\0" + (hashlib.sha256(file.read_bytes()).digest() if file else b""))
    return digest.hexdigest()
