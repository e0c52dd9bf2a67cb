"""Whole programs killed by SIGKILL on the road; everybody else lives in other processes."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.kill.case import Outcome, play_all
from tests.kill.lane import POINTS
from tests.kill.points import CASES, Case, named


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    """Every case that was asked for, played side by side."""
    here = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    cases = [item.callspec.params["case"] for item in here]
    return asyncio.run(play_all(cases, tmp_path_factory.mktemp("kill")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_killed_desk_sends_nothing_unapproved_or_twice_and_loses_nothing(case: Case, outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes[case.name]
    assert not outcome.wrong, "\n".join([*outcome.wrong, outcome.logs])


def test_every_write_point_of_the_code_has_a_kill() -> None:
    assert named() == set(POINTS)
