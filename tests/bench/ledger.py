"""Part 2, the order ledger: claim to first byte, halt to silence, restart with a full book, a missed fill."""

from collections.abc import Iterator

from tests.bench import _claim, _halt, _restart
from tests.bench.report import Row


def rows(quick: bool) -> Iterator[Row]:
    """Every promise of the ledger, one after the other."""
    for measure in (_claim.claim_rows, _halt.halt_rows, _restart.restart_rows):
        yield from measure(quick)
