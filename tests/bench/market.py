"""Part 3, the market: scan of every symbol, bar store."""

from collections.abc import Iterator

from tests.bench import _market_scan, _market_store
from tests.bench.report import Row


def rows(quick: bool) -> Iterator[Row]:
    """Every promise of the market, one after the other."""
    for measure in (_market_scan.scan_rows, _market_store.store_rows, _market_scan.growth_rows):
        yield from measure(quick)
