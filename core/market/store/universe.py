"""Listings: which column belongs to which symbol on which day.

A column is given once and never again: a delisted company keeps it, a renamed one too, and a ticker that a second company
takes up later gets a second column. So the symbol of a column, and the column of a symbol, depend on the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from core.market.store import files
from core.model.errors import RefusedError, UnknownSymbolError


@dataclass(frozen=True, slots=True)
class Listing:
    """One security for its whole life.

    Attributes
    ----------
    names : tuple of (date, str)
        Symbol from that day on, oldest first; at least one.
    last : date or None
        Last day it was seen; None while it is listed.
    """

    column: int
    names: tuple[tuple[date, str], ...]
    last: date | None = None
    kind: str = ""
    exchange: str = ""

    @property
    def symbol(self) -> str:
        """The latest symbol."""
        return self.names[-1][1]

    @property
    def first(self) -> date:
        """First day it was seen."""
        return self.names[0][0]

    def named(self, day: date) -> str | None:
        """Symbol on that day; None when it was not listed then."""
        if day < self.first or (self.last is not None and day > self.last):
            return None
        return next(symbol for since, symbol in reversed(self.names) if since <= day)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What is known of a security on its first day."""

    symbol: str
    first: date
    kind: str = ""
    exchange: str = ""


class Universe:
    """Every listing, in the order of its column."""

    def __init__(self, path: Path) -> None:
        self.log = files.Log(path)
        self._listings: list[Listing] = []
        self._columns: dict[str, list[int]] = {}
        for record in self.log.found:
            self._take(record)

    def __len__(self) -> int:
        return len(self._listings)

    def __getitem__(self, column: int) -> Listing:
        return self._listings[column]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Latest symbol of each column; one that was re-used stands in two columns."""
        return tuple(listing.symbol for listing in self._listings)

    def members(self, day: date) -> tuple[Listing, ...]:
        """Listings of that day, the later delisted ones included: no look ahead, no survivors' bias."""
        return tuple(listing for listing in self._listings if listing.named(day) is not None)

    def column(self, symbol: str, day: date | None = None) -> int:
        """Column that bore the symbol on that day, or that bore it last.

        Raises
        ------
        UnknownSymbolError
            None did.
        """
        for column in reversed(self._columns.get(symbol, ())):
            listing = self._listings[column]
            if listing.named(day) == symbol if day else listing.symbol == symbol:
                return column
        raise UnknownSymbolError(f"no listing is named {symbol}{f' on {day}' if day else ''}")

    def enlist(self, newcomers: Sequence[Newcomer]) -> tuple[int, ...]:
        """Give each newcomer the next free column.

        Raises
        ------
        RefusedError
            The symbol already belongs to a living listing; say first that this one is gone or renamed.
        """
        living = {listing.symbol for listing in self._listings if listing.last is None}
        for newcomer in newcomers:
            if newcomer.symbol in living:
                raise RefusedError(f"{newcomer.symbol} is already listed; delist or rename the old listing before the new one")
            living.add(newcomer.symbol)
        start = len(self)
        self._write([_first(column, newcomer) for column, newcomer in enumerate(newcomers, start)])
        return tuple(range(start, len(self)))

    def rename(self, column: int, symbol: str, day: date) -> None:
        """Give a listing a new symbol from that day on.

        Raises
        ------
        RefusedError
            The day is not after the last change, or another living listing has the symbol.
        """
        if day <= self._listings[column].names[-1][0]:
            raise RefusedError(f"{self._listings[column].symbol} cannot become {symbol} on {day}: its name is younger than that")
        if any(
            self._listings[other].last is None and self._listings[other].symbol == symbol for other in self._columns.get(symbol, ())
        ):
            raise RefusedError(f"{symbol} is already listed; delist or rename the old listing before the new one")
        self._write([{"column": column, "symbol": symbol, "from": day.isoformat()}])

    def delist(self, column: int, last: date | None) -> None:
        """Say on which day a listing was last seen; None when it has come back."""
        self._write([{"column": column, "last": last.isoformat() if last else None}])

    def _write(self, records: Sequence[files.Record]) -> None:
        self.log.append(records)
        for record in records:
            self._take(record)

    def _take(self, record: files.Record) -> None:
        column: int = record["column"]
        if "symbol" in record:
            name = (date.fromisoformat(record["from"]), record["symbol"])
            self._columns.setdefault(name[1], []).append(column)
            if column == len(self._listings):
                self._listings.append(Listing(column, (name,), None, record["kind"], record["exchange"]))
            else:
                listing = self._listings[column]
                self._listings[column] = replace(listing, names=(*listing.names, name))
        else:
            last = record["last"]
            self._listings[column] = replace(self._listings[column], last=date.fromisoformat(last) if last else None)


def _first(column: int, newcomer: Newcomer) -> files.Record:
    since = newcomer.first.isoformat()
    return {"column": column, "symbol": newcomer.symbol, "from": since, "kind": newcomer.kind, "exchange": newcomer.exchange}
