"""Compiled loops work where nothing can be cached, and are cached where they can."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = """
from core.quant.compiled import compiled

@compiled
def half(value: float) -> float:
    return value / 2.0

@compiled
def inverse(value: float) -> float:
    return 1.0 / value

print(half(3.0), inverse(0.0))
"""


@pytest.mark.parametrize(("checkout", "user"), [(True, True), (False, True), (False, False)])
def test_a_kernel_runs_and_is_cached_wherever_a_folder_can_be_written(tmp_path: Path, checkout: bool, user: bool) -> None:
    folder, home = tmp_path / "checkout", tmp_path / "home"
    folder.mkdir()
    module = folder / "kernel_half.py"
    module.write_text(SOURCE)
    if not checkout:
        (folder / "__pycache__").write_text("a file where the folder would be")
    if not user:
        home.write_text("a file where the folder would be")
    environment = {name: text for name, text in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"PYTHONPATH": str(ROOT), "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    done = subprocess.run([sys.executable, str(module)], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "1.5 inf\n", done.stderr
    where = folder if checkout else home
    cached = where.is_dir() and any(where.rglob("*.nbi"))
    assert cached is (checkout or user)
