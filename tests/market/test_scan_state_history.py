"""A cold start: from the saved recursions or, when they do not fit, from the bars; both say the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.market.scan_state import ScanState
from core.market.scan_state_history import open_state, save_state
from core.market.store.actions import Action
from core.market.store.matrices import Store
from core.market.store.quarantine import Held
from core.market.store.universe import Newcomer
from core.model.market import ActionKind, Floats
from tests.market.store.build import filled, walk, weekday


def lived(bars: Floats, splits: dict[int, tuple[str, float]]) -> ScanState:
    """A state that has seen every session as it came."""
    scan = ScanState([f"S{column}" for column in range(bars.shape[2])])
    for place in range(bars.shape[1]):
        if place in splits:
            scan.split(dict([splits[place]]))
        scan.commit(weekday(place), bars[:, place])
    return scan


def features(scan: ScanState, bar: Floats) -> dict[str, Floats]:
    scan.take(range(bar.shape[1]), bar)
    scan.refresh(strengths=True)
    return dict(scan.features().columns)


def bars_with_holes() -> Floats:
    bars = walk(331, 8)
    bars[:, 40:60, 1] = np.nan
    bars[:, :100, 2] = np.nan
    bars[:4, 250:, 3] /= 3.0
    bars[:4, 270:, 3] *= 10.0
    return bars


def stored(folder: Path, bars: Floats) -> Store:
    store = filled(folder, bars[:, :330])
    store.actions.add([Action(3, weekday(250), ActionKind.SPLIT, 3.0), Action(3, weekday(270), ActionKind.SPLIT, 0.1)])
    return store


def same(found: dict[str, Floats], expected: dict[str, Floats]) -> None:
    for name, row in expected.items():
        np.testing.assert_array_equal(found[name], row, err_msg=name)


def test_a_rebuild_equals_a_state_that_has_lived(tmp_path: Path) -> None:
    bars = bars_with_holes()
    expected = lived(bars[:, :330], {250: ("S3", 3.0), 270: ("S3", 0.1)})
    with stored(tmp_path, bars) as store:
        found = open_state(store)
        np.testing.assert_array_equal(found.state, expected.state)
        same(features(found, bars[:, 330]), features(expected, bars[:, 330]))


def late_split(store: Store) -> None:
    store.actions.add([Action(5, weekday(200), ActionKind.SPLIT, 2.0)])


def held_bar(store: Store) -> None:
    store.quarantine.hold([Held(weekday(200), 5, "for the test")])


def damaged(store: Store) -> None:
    path = store.folder / "recursions.bin"
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def cut_off(store: Store) -> None:
    path = store.folder / "recursions.bin"
    path.write_bytes(path.read_bytes()[:20])


def nothing(store: Store) -> None:
    pass


@pytest.mark.parametrize("change", [nothing, late_split, held_bar, damaged, cut_off])
def test_saved_recursions_are_used_only_while_they_fit(tmp_path: Path, change: Callable[[Store], None]) -> None:
    bars = bars_with_holes()
    with stored(tmp_path, bars) as store:
        save_state(store, open_state(store))
        change(store)
        found = open_state(store)
        (store.folder / "recursions.bin").unlink()
        np.testing.assert_array_equal(found.state, open_state(store).state)


def test_days_and_listings_after_the_save_are_caught_up(tmp_path: Path) -> None:
    bars = walk(340, 9)
    bars[:, :332, 8] = np.nan
    with filled(tmp_path, bars[:, :330, :8]) as store:
        first = open_state(store)
        save_state(store, first)
        store.universe.enlist([Newcomer("S8", weekday(332))])
        store.extend([weekday(place) for place in range(330, 340)], bars[:, 330:])
        found = open_state(store, sessions=5)
        np.testing.assert_array_equal(found.state, lived(bars, {}).state)
        assert first.symbols == found.symbols[:8]


def test_a_gone_listing_keeps_its_column_under_a_name_of_its_own(tmp_path: Path) -> None:
    with filled(tmp_path, walk(5, 3)) as store:
        store.universe.delist(1, weekday(3))
        store.universe.enlist([Newcomer("S1", weekday(5))])
        assert open_state(store).symbols == ("S0", f"S1@{weekday(3)}.1", "S2", "S1")
