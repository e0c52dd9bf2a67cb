"""Fixtures that every room's tests may use."""

import os
from pathlib import Path

import pytest

VARIABLE = "QUANTMATRIX_SHARED"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with `data/` and `reference/`; without it the test is skipped loudly, and in CI it fails."""
    folder = os.environ.get(VARIABLE, "")
    if folder and Path(folder).is_dir():
        return Path(folder)
    missing = f"{VARIABLE} is {folder!r}, not a folder" if folder else f"{VARIABLE} is not set"
    sentence = f"NOT TESTED ON REAL DATA: {missing}; point it at the folder that holds data/ and reference/"
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
