"""The archive gives one name's history as the matrices would, days newer than itself included."""

import resource
from pathlib import Path

import numpy as np
import pytest

from core.market.store import archive
from core.market.store.actions import Action
from core.market.store.matrices import Store
from core.market.store.quarantine import Held
from core.market.store.universe import Newcomer
from core.model.errors import OperatorError
from core.model.market import ActionKind, Floats
from tests.market.store.build import filled, walk, weekday

COLUMNS = 2 * archive.GROUP + 5


def holed() -> Floats:
    bars = walk(40, COLUMNS)
    bars[:, :15, 3] = np.nan
    bars[:, 20:, 4] = np.nan
    bars[:, :, 6] = np.nan
    bars[:, 10:14, COLUMNS - 1] = np.nan
    return bars


def check(store: Store) -> None:
    window = store.window(len(store.days))
    for column in range(len(store.universe)):
        found = archive.history(store, column)
        there = ~np.isnan(window.bars[3, :, column])
        np.testing.assert_array_equal(found.day, np.array(window.days, dtype="datetime64[D]")[there])
        for field, values in zip((found.open, found.high, found.low, found.close, found.volume), window.bars, strict=True):
            np.testing.assert_array_equal(values[there, column], field)


@pytest.mark.parametrize("archived", [0, 1, 25, 40])
def test_a_history_equals_the_window_whatever_is_archived(tmp_path: Path, archived: int) -> None:
    bars = holed()
    with filled(tmp_path, bars[:, : max(archived, 1)]) as store:
        if archived:
            archive.rebuild(store)
        store.extend([weekday(place) for place in range(max(archived, 1), 40)], bars[:, max(archived, 1) :])
        store.actions.add([Action(column, weekday(30), ActionKind.SPLIT, 3.0) for column in (3, 4, COLUMNS - 1)])
        store.quarantine.hold([Held(weekday(8), 2, "for the test"), Held(weekday(35), 2, "for the test")])
        check(store)
        archive.rebuild(store)
        check(store)


def test_a_listing_younger_than_the_archive_has_its_history(tmp_path: Path) -> None:
    with filled(tmp_path, walk(10, archive.GROUP)) as store:
        archive.rebuild(store)
        store.universe.enlist([Newcomer("NEW", weekday(10))])
        store.append(weekday(10), walk(1, archive.GROUP + 1)[:, 0])
        check(store)


def test_a_rebuild_that_fails_leaves_the_old_archive(tmp_path: Path) -> None:
    with filled(tmp_path, walk(10, 3)) as store:
        before = archive.rebuild(store).read_bytes()
        store.append(weekday(10), walk(1, 3)[:, 0])
        kept = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, kept[1]))
        try:
            with pytest.raises(OperatorError, match=r"archive\.parquet cannot be written"):
                archive.rebuild(store)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        assert [path.name for path in tmp_path.glob("*.new")] == []
        assert (tmp_path / "archive.parquet").read_bytes() == before
