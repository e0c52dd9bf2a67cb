"""The command line itself."""

import gc
from pathlib import Path

import pytest

from bot.__main__ import main


@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_start_that_fails_says_why_and_leaves_garbage_collection_on(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--config", str(tmp_path / "missing.yaml")]) == 1
    assert "missing.yaml" in capsys.readouterr().err
    assert gc.isenabled()
