"""What the desk measures about itself."""

from pathlib import Path

import pytest

from bot.clock import SimulatedClock
from core.engine.measures import Measures
from tests.engine.rig import desk
from tests.kit import nouns


async def test_each_target_is_fed_by_what_it_names(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        card = await one.begin()
        one.engine.clock = SimulatedClock(tmp_path / "clock.json", nouns.NOW)
        one.engine.books.seen.clear()  # the card was seen on the other clock
        await one.react(card, read_at=one.engine.clock.now())
        await one.engine.tick()
        one.engine.measures.count("ticks", good=True)
        one.engine.measures.count("answers", good=True)
        found = {target.name: target for target in one.engine.measures.targets()}
    assert {name: target.samples for name, target in found.items()} == {
        "receive to state": 1,
        "claim to first byte": 1,
        "uptime": 1,
        "cache hits": 0,
        "error rate": 1,
    }
    for name in ("receive to state", "claim to first byte"):
        measured = found[name].measured
        assert measured is not None
        assert 0 < measured < 60_000
    assert (found["uptime"].measured, found["error rate"].measured) == (100.0, 0.0)
    assert found["cache hits"].measured is None
    assert found["cache hits"].holds is None


async def test_a_clock_that_is_turned_by_hand_measures_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.buy()
        await one.tick()
        assert [target.measured for target in one.engine.measures.targets()] == [None] * 5


@pytest.mark.parametrize(("milliseconds", "holds"), [(49.0, True), (51.0, False)])
def test_a_duration_holds_up_to_its_limit(milliseconds: float, holds: bool) -> None:
    measures = Measures()
    for _ in range(200):
        measures.time("receive", milliseconds / 1000)
    (receive, *_) = measures.targets()
    assert receive.measured == pytest.approx(milliseconds)
    assert receive.holds is holds


def test_one_failure_in_a_thousand_is_the_limit() -> None:
    measures = Measures()
    for number in range(1000):
        measures.count("ticks", good=number > 0)
        measures.count("answers", good=number > 1)
    found = {target.name: target for target in measures.targets()}
    assert (found["uptime"].measured, found["uptime"].holds) == (99.9, True)
    assert found["error rate"].measured == pytest.approx(0.2)
    assert found["error rate"].holds is False
