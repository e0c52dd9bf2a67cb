"""What comes beside the bars: corporate actions, earnings, VIX, rates, sectors and the index, each from its own file."""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from core.feeds.flatfiles.tables import read_table
from core.market.sessions import Sessions
from core.model.errors import OperatorError
from core.model.market import ActionKind, CorporateAction, Regime
from core.quant.indicators import simple_means

SPLITS = ("split", "reverse_split", "")
INDEX_NAMES = ("SPY", "^GSPC", "SPX", "$SPX")
RATES = ("dgs3mo", "dff")
STALE = timedelta(days=7)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values by day, oldest first."""

    days: tuple[date, ...]
    values: tuple[float, ...]

    def at(self, day: date) -> float | None:
        """Give the last value on or before the day; None when there is none within a week."""
        place = bisect_left(self.days, day + timedelta(days=1)) - 1
        return self.values[place] if place >= 0 and day - self.days[place] <= STALE else None


@dataclass(frozen=True, slots=True)
class Report:
    """One earnings report: its day, and whether it came before the open."""

    day: date
    before_open: bool

    def heard_by(self, day: date) -> bool:
        """Whether the report was out when the session of the day closed."""
        return self.day < day or (self.day == day and self.before_open)


def read_actions(path: Path, defects: Counter[str]) -> tuple[CorporateAction, ...]:
    """Read splits, dividends and delistings, ordered by day and symbol.

    Columns: symbol, ex_date, and of kind, split_ratio (new shares for each old one, 0 for none), dividend or
    dividend_split_adj (dollars per share held), confirmed (False: prices did not follow) those that there are. A row of kind
    "delisting" ends the symbol on that day, its dividend column being what a share is then worth (0 when empty).

    Raises
    ------
    OperatorError
        The file cannot be read or lacks a column.
    """
    rows = read_table(
        path, ("symbol", "ex_date"), ("kind", "split_ratio", "dividend", "dividend_split_adj", "confirmed")
    ).to_pylist()
    found: list[CorporateAction] = []
    for row in rows:
        if not row["symbol"] or row["ex_date"] is None:
            defects["corporate action without symbol or date"] += 1
            continue
        found += _actions_of(row, defects)
    return tuple(sorted(found, key=lambda action: (action.day, action.symbol, action.kind)))


def _actions_of(row: Mapping[str, object], defects: Counter[str]) -> list[CorporateAction]:
    symbol, day, kind = str(row["symbol"]), row["ex_date"], str(row.get("kind") or "").lower()
    assert isinstance(day, date)
    ratio = _number(row.get("split_ratio"))
    amount = _number(row.get("dividend")) or _number(row.get("dividend_split_adj"))
    if kind == ActionKind.DELISTING:
        return [CorporateAction(symbol, day, ActionKind.DELISTING, _decimal(amount))]
    found = []
    if ratio > 0 and ratio != 1:
        if kind not in SPLITS:
            defects["split of an unclear kind, left out"] += 1
        elif str(row.get("confirmed") or "true").lower() in {"false", "0", "no"}:
            defects["split that prices did not follow, left out"] += 1
        else:
            found.append(CorporateAction(symbol, day, ActionKind.SPLIT, _ratio(ratio)))
    if amount > 0:
        found.append(CorporateAction(symbol, day, ActionKind.DIVIDEND, _decimal(amount)))
    return found


def read_earnings(path: Path) -> Mapping[str, tuple[Report, ...]]:
    """Read the report days of each symbol, oldest first; `release_time` "pre" means before the open."""
    table = read_table(path, ("symbol", "date"), ("release_time",))
    reports: dict[str, set[Report]] = defaultdict(set)
    for row in table.to_pylist():
        if row["symbol"] and row["date"] is not None:
            early = str(row.get("release_time") or "").lower().startswith("pre")
            reports[row["symbol"]].add(Report(row["date"], early))
    return {symbol: tuple(sorted(found, key=lambda report: report.day)) for symbol, found in sorted(reports.items())}


def read_vix(path: Path) -> Series:
    """Read the closes of the volatility index, in points."""
    return _series(path, ("close",), 1.0)


def read_rates(path: Path) -> Series:
    """Read the three-month Treasury rate, the federal funds rate where it is missing; percent in the file, fractions here."""
    return _series(path, RATES, 100.0)


def read_sectors(path: Path) -> Mapping[str, str]:
    """Read the sector of each symbol; a blank one is left out."""
    rows = read_table(path, ("symbol", "sector")).to_pylist()
    return {row["symbol"]: row["sector"] for row in rows if row["symbol"] and row["sector"]}


def read_regimes(paths: Sequence[Path]) -> Mapping[date, Regime]:
    """Read the index from files joined one after the other, and measure it on every session that has a close.

    Where two files overlap the earlier one stands, and the later one is scaled to meet it on their last common day, because
    files may be adjusted differently.

    Raises
    ------
    OperatorError
        A file cannot be read, or its rows hold several symbols and none is a known name of the index.
    """
    pieces = sorted((_index_closes(path) for path in paths), key=lambda piece: min(piece[1]))
    name, closes = pieces[0][0], dict(pieces[0][1])
    for _, later in pieces[1:]:
        common = [day for day in later if day in closes]
        scale = closes[max(common)] / later[max(common)] if common else 1.0
        end = max(closes)
        closes |= {day: close * scale for day, close in later.items() if day > end}
    return _regimes(name, closes)


def _regimes(name: str, closes: Mapping[date, float]) -> Mapping[date, Regime]:
    first, last = min(closes), max(closes)
    days = [session.day for session in Sessions.open(first, last + timedelta(days=7)).between(first, last)]
    rows = np.asarray([[closes.get(day, math.nan)] for day in days])
    regimes, before = {}, math.nan
    for place, day in enumerate(days):
        close = float(rows[place, 0])
        if math.isnan(close):
            continue
        means = simple_means(rows[max(place - 199, 0) : place + 1], np.asarray([place + 1.0]), (50, 200))
        sma50, sma200 = (None if math.isnan(mean[0]) else float(mean[0]) for mean in means)
        change = None if math.isnan(before) else close / before - 1.0
        regimes[day] = Regime(name, close, sma50, sma200, change, None if sma200 is None else close > sma200)
        before = close
    return regimes


def _index_closes(path: Path) -> tuple[str, Mapping[date, float]]:
    rows = read_table(path, ("date", "close"), ("symbol",)).to_pylist()
    rows = [row for row in rows if row["date"] is not None and _number(row["close"]) > 0]
    symbols = sorted({row.get("symbol") or "" for row in rows})
    if not symbols:
        raise OperatorError(f"{path} holds no closes: give a file with date and close of the index")
    known = [name for name in INDEX_NAMES if name in symbols]
    if len(symbols) > 1 and not known:
        raise OperatorError(f"{path} holds several symbols ({', '.join(symbols[:5])}): give a file with one index, such as SPY")
    name = known[0] if known else symbols[0]
    return name or "index", {row["date"]: row["close"] for row in rows if (row.get("symbol") or "") == name}


def _series(path: Path, columns: Sequence[str], divisor: float) -> Series:
    rows = read_table(path, ("date",), columns).to_pylist()
    if rows and not any(column in rows[0] for column in columns):
        raise OperatorError(f"{path} has no column {' or '.join(columns)}: give a file with date and one of them")
    found: dict[date, float] = {}
    for row in rows:
        values = [row[column] for column in columns if column in row and row[column] is not None]
        if row["date"] is not None and values and math.isfinite(values[0]):
            found[row["date"]] = values[0] / divisor
    days = tuple(sorted(found))
    if not days:
        raise OperatorError(f"{path} holds no values: give a file with date and {' or '.join(columns)}")
    return Series(days, tuple(found[day] for day in days))


def _number(value: object) -> float:
    return value if isinstance(value, float) and math.isfinite(value) else 0.0


def _ratio(value: float) -> Decimal:
    """One for three arrives as 0.333333; give it as a third."""
    inverse = round(1 / value)
    return Decimal(1) / inverse if inverse > 1 and abs(value * inverse - 1) < 1e-4 else _decimal(value)


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))
