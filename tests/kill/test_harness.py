"""Hundreds of kills at every write point and at random instants leave nothing twice, lost or unapproved; a broken rule shows."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.kill.broken import RULES
from tests.kill.lane import POINTS
from tests.kill.venues import NAMES

ROOT = Path(__file__).parents[2]
#: More than five hundred together; `make kill` does thousands.
KILLS = {"paper": 340, "tastytrade": 90, "ibkr": 90}
WRONG = ("duplicate", "orphan", "unapproved", "false terminal", "overfill", "lost", "different", "note", "halted", "broken off")


@cache
def told(*arguments: str) -> dict[str, Any]:
    """What the harness says about a run."""
    command = [sys.executable, "-m", "tests.kill", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 1) == bool(found["wrong"])
    return found


@cache
def killed(broker: str) -> dict[str, Any]:
    return told("--kills", str(KILLS[broker]), "--seed", "20", "--broker", broker)


@pytest.mark.parametrize("broker", NAMES)
def test_hundreds_of_kills_leave_nothing_twice_lost_or_unapproved(broker: str) -> None:
    found = killed(broker)
    assert found["wrong"] == []
    assert {kind: found[kind] for kind in WRONG} == dict.fromkeys(WRONG, 0)
    assert found["kills"] >= KILLS[broker]
    assert found["orders"] >= KILLS[broker] // 4
    assert found["exits"] >= KILLS[broker] // 10


@pytest.mark.parametrize("broker", NAMES)
def test_every_write_point_was_struck_and_many_answers_were_lost(broker: str) -> None:
    found = killed(broker)
    assert {point for point in POINTS if not found["points"][point]} == set()
    assert found["at random"] >= KILLS[broker] // 10
    assert found["ambiguous share"] >= 0.15


def test_the_harness_kills_more_than_five_hundred_times() -> None:
    assert sum(KILLS.values()) >= 500
    assert set(KILLS) == set(NAMES)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_broken_rule_is_noticed(rule: str) -> None:
    found = told("--kills", "600", "--lanes", "1", "--seed", "3", "--break", rule)
    assert sum(found[kind] for kind in ("duplicate", "false terminal", "overfill", "lost", "different", "halted")) > 0


def test_an_unknown_broker_is_refused_with_the_known_ones() -> None:
    command = [sys.executable, "-m", "tests.kill", "--broker", "nobody"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert all(name in done.stderr for name in NAMES)
