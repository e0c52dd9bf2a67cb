"""``python -m brokers.paper``: its one line, its ends, and what it says when it cannot start."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brokers.paper.ledger import Ledger, Terms
from brokers.paper.matching import FillModel
from core.quant.fees import FeeSchedule
from tests.brokers.rig import CASH
from tests.kit.nouns import NOW

COMMAND = [sys.executable, "-m", "brokers.paper", "--account", "paper", "--ledger"]


def failing(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=20, check=False)


def test_a_ledger_that_is_in_use_ends_the_program_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger.open(Terms("paper", CASH, FillModel(), FeeSchedule()), path, NOW)
    ended = failing(str(path))
    ledger.close()
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "in use by another process" in ended.stderr


def test_a_port_in_use_ends_the_program_with_one_sentence(tmp_path: Path) -> None:
    with subprocess.Popen([*COMMAND, str(tmp_path / "one.jsonl")], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        port = json.loads(running.stdout.readline())["port"]
        ended = failing(str(tmp_path / "two.jsonl"), "--port", str(port))
        running.kill()
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert str(port) in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_it_is_told_to_and_frees_its_file(number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with subprocess.Popen([*COMMAND, str(path), "--cash", "1234.56"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        json.loads(running.stdout.readline())
        running.send_signal(number)
        assert running.wait(timeout=10) == 0
    again = Ledger.open(Terms("paper", CASH, FillModel(), FeeSchedule()), path, NOW)
    assert str(again.account(NOW).cash) == "1234.56"
    again.close()
