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
KILLS = {"paper": 320, "tastytrade": 100, "ibkr": 100}
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
    struck_at = {point if broker == "paper" else point.rstrip("+") for point in POINTS if found["points"][point]}
    assert {point if broker == "paper" else point.rstrip("+") for point in POINTS} == struck_at
    assert found["at random"] >= KILLS[broker] // 10
    assert found["ambiguous share"] >= 0.15


def test_the_harness_kills_more_than_five_hundred_times() -> None:
    assert sum(KILLS.values()) >= 500
    assert set(KILLS) == set(NAMES)


def struck(*points: str) -> None:
    """Desks were killed there, and nothing was wrong afterwards at any broker."""
    assert sum(killed(broker)["points"][point] for broker in NAMES for point in points) > len(NAMES)
    assert {broker: killed(broker)["wrong"] for broker in NAMES} == {broker: [] for broker in NAMES}


def test_f001_a_kill_before_the_proposal_is_stored() -> None:
    struck("W1")


def test_f002_a_kill_between_the_proposal_and_its_card() -> None:
    struck("W1+", "W2")


def test_f003_a_kill_after_discord_took_the_card() -> None:
    struck("W2+", "W3")


def test_f004_a_kill_while_a_vote_is_stored() -> None:
    struck("W4", "W4+")


def test_f005_a_kill_inside_the_claim() -> None:
    struck("W5")


def test_f006_a_kill_after_the_claim_and_before_the_marker() -> None:
    struck("W5+", "W6", "W7")


def test_f007_a_kill_after_the_marker_and_before_the_socket() -> None:
    struck("W7+", "W8")


def test_f009_a_kill_after_the_broker_took_the_order() -> None:
    struck("W8+")


def test_f010_a_kill_before_the_answer_is_stored() -> None:
    struck("W9")


def test_f011_a_kill_between_a_fill_and_its_commit() -> None:
    struck("W10")


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_broken_rule_is_noticed(rule: str) -> None:
    found = told("--kills", "600", "--lanes", "1", "--seed", "3", "--break", rule)
    assert sum(found[kind] for kind in ("duplicate", "false terminal", "overfill", "lost", "different", "halted")) > 0


def test_an_unknown_broker_is_refused_with_the_known_ones() -> None:
    command = [sys.executable, "-m", "tests.kill", "--broker", "nobody"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert all(name in done.stderr for name in NAMES)
