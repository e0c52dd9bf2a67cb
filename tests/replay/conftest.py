"""Replays that several tests look at; each is run once."""

from datetime import date
from pathlib import Path

import pytest

from tests.replay import slices
from tests.replay.slices import Run


@pytest.fixture(scope="session")
def adjusted(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The shipped settings on adjusted prices: options first."""
    folder = tmp_path_factory.mktemp("adjusted")
    days = date(2014, 9, 2), date(2015, 11, 30)
    return slices.run(slices.request(slices.panel(shared, folder), days, folder / "out"))


@pytest.fixture(scope="session", params=["stock", "options first"])
def raw(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Loose settings on prices as traded, through splits, dividends and delistings: once in shares, once in options."""
    folder = tmp_path_factory.mktemp("raw")
    days = date(2016, 1, 5), date(2017, 3, 31)
    return slices.run(slices.request(slices.raw(shared, folder), days, folder / "out", slices.loose(request.param)))
