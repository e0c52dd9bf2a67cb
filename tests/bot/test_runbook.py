"""The page for bad days names what there is."""

from pathlib import Path

import pytest

from bot.app_kit import SIGNALS
from core.engine.breakers import BREAKERS
from core.model.kill import Level

TEXT = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [breaker.__name__ for breaker in BREAKERS])
def test_every_breaker_stands_in_the_runbook(name: str) -> None:
    assert f"`{name}`" in TEXT


def test_every_level_and_signal_stands_in_the_runbook() -> None:
    for level in Level:
        assert f"| {level:d} {level.words} |" in TEXT
    for name in SIGNALS:
        assert f"-{name.name.removeprefix('SIG')} " in TEXT
