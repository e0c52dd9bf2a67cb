"""Part 1, the road: reaction, whole road, replay, start, memory, crowd."""

from collections.abc import Iterator

from tests.bench import _reactions
from tests.bench.report import Row


def rows(quick: bool) -> Iterator[Row]:
    """Every promise of the road."""
    yield from _reactions.reaction_rows(quick)
    yield from _reactions.crowd_rows(quick)
