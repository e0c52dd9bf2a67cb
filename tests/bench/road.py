"""Part 1, the road: reaction to order, a crowd, the whole road, start and memory of the demo, replay."""

from collections.abc import Iterator

from tests.bench import _demo, _journey, _reactions, _replay
from tests.bench.report import Row


def rows(quick: bool) -> Iterator[Row]:
    """Every promise of the road, one after the other."""
    for measure in (
        _reactions.reaction_rows,
        _reactions.crowd_rows,
        _journey.journey_rows,
        _demo.start_rows,
        _demo.memory_rows,
        _replay.replay_rows,
    ):
        yield from measure(quick)
