"""The check finds what was planted, what real sources have wrong, and nothing in sound bars."""

import csv
import gzip
import math
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.market.store.actions import Action
from core.market.store.check import hold_back, look
from core.market.store.defects import HELD, Defect, Kind, Limits, of_bars
from core.market.store.matrices import Store
from core.market.store.quarantine import ALL
from core.market.store.universe import Newcomer
from core.model.market import ActionKind, Floats
from tests.market.store.build import MONDAY, filled, walk, weekday

#: Which kinds stand for a defect of the real sources.
REAL = {
    "high_below_low": {Kind.HIGH_BELOW_LOW},
    "high_below_open_or_close": {Kind.HIGH_TOO_LOW},
    "low_above_open_or_close": {Kind.LOW_TOO_HIGH},
    "nonpositive_close": {Kind.NOT_POSITIVE},
    "open_zero": {Kind.NOT_POSITIVE},
    "spike_and_revert": {Kind.SPIKE},
    "zero_volume_move": {Kind.ZERO_VOLUME_MOVE},
    "missing_close": {Kind.GAP},
    "weekend": {Kind.NOT_A_SESSION},
}


def planted(bars: Floats) -> dict[Kind, tuple[int, int, int]]:
    """Put one defect of each kind into sound bars; row, column and length of each."""
    bars[1, 10, 0] = bars[2, 10, 0] * 0.99
    bars[1, 12, 1] = max(bars[0, 12, 1], bars[3, 12, 1]) * 0.99
    bars[2, 12, 1] = bars[1, 12, 1] * 0.5
    bars[2, 14, 2] = min(bars[0, 14, 2], bars[3, 14, 2]) * 1.01
    bars[1, 14, 2] = bars[2, 14, 2] * 2
    bars[0, 16, 3] = 0.0
    bars[0, 18, 4] = np.nan
    bars[:4, 20, 5] *= 10
    bars[:, 22, 6] = bars[:, 21, 6] * [1.2, 1.2, 1.2, 1.2, 0]
    bars[4, 24, 7] = 0
    bars[3, 24, 7] = bars[3, 23, 7]
    bars[1, 24, 7], bars[2, 24, 7] = bars[:4, 24, 7].max(), bars[:4, 24, 7].min()
    bars[:4, 26:, 8] *= 4
    bars[:, 28:31, 9] = np.nan
    bars[:, 33:38, 10] = bars[:, 32:33, 10]
    bars[:, :, 12] = bars[:, :, 11]
    kinds = {Kind.HIGH_BELOW_LOW: (10, 0), Kind.HIGH_TOO_LOW: (12, 1), Kind.LOW_TOO_HIGH: (14, 2), Kind.NOT_POSITIVE: (16, 3)}
    kinds |= {Kind.PARTIAL: (18, 4), Kind.SPIKE: (20, 5), Kind.ZERO_VOLUME_MOVE: (22, 6), Kind.ZERO_VOLUME: (24, 7)}
    lengths = {Kind.GAP: (28, 9, 3), Kind.STALE: (33, 10, 5), Kind.DUPLICATE: (0, 12, 50)}
    return {kind: (*place, 1) for kind, place in (kinds | {Kind.JUMP: (26, 8)}).items()} | lengths


def test_sound_bars_have_no_defects(tmp_path: Path) -> None:
    with filled(tmp_path, walk(200, 40)) as store:
        assert look(store) == ()


def test_every_planted_defect_is_found_where_it_is(tmp_path: Path) -> None:
    bars = walk(50, 20)
    places = planted(bars)
    bars[:, 45] = bars[:, 44]
    with filled(tmp_path, bars) as store:
        found = look(store)
        for kind, (row, column, length) in places.items():
            assert Defect(kind, weekday(row), column, length) in found
        assert Defect(Kind.REPEATED_DAY, weekday(45), ALL) in found
        # a zero open also lies below the low, a bad high or a lone move may show twice; nothing else is found
        assert {(one.column, one.day) for one in found} == {(column, weekday(row)) for row, column, _ in places.values()} | {
            (ALL, weekday(45))
        }


def test_what_must_not_be_read_is_held_back_and_nothing_is_repaired(tmp_path: Path) -> None:
    bars = walk(50, 20)
    places = planted(bars)
    with filled(tmp_path, bars) as store:
        before = {path.name: path.read_bytes() for path in store.folder.glob("*.f8")}
        report = hold_back(store)
        assert report.fresh == len(store.quarantine) > 0
        assert hold_back(store).fresh == 0
        assert {path.name: path.read_bytes() for path in store.folder.glob("*.f8")} == before
        window = store.window(50).bars
        for kind, (row, column, _) in places.items():
            assert math.isnan(window[3, row, column]) == (kind in HELD | {Kind.GAP})
    with Store(tmp_path, write=False) as store:
        np.testing.assert_array_equal(store.window(50).bars, window)


def test_a_move_with_its_split_is_no_jump(tmp_path: Path) -> None:
    bars = walk(50, 3)
    bars[:4, 20:, 1] /= 10
    with filled(tmp_path, bars) as store:
        assert [defect.kind for defect in look(store)] == [Kind.JUMP]
        store.actions.add([Action(1, weekday(20), ActionKind.SPLIT, 10.0)])
        assert look(store) == ()


def test_days_on_which_the_exchange_was_shut_are_named(tmp_path: Path) -> None:
    with filled(tmp_path, walk(10, 3)) as store:
        store.append(weekday(9) + timedelta(days=1), walk(11, 3)[:, 10])
        found = look(store, is_session=lambda day: day != weekday(4))
        assert [defect for defect in found if defect.kind is Kind.NOT_A_SESSION] == [
            Defect(Kind.NOT_A_SESSION, weekday(4), ALL),
            Defect(Kind.NOT_A_SESSION, weekday(9) + timedelta(days=1), ALL),
        ]


def number(text: str) -> float:
    return float(text) if text else math.nan


def neighbours(row: dict[str, str]) -> tuple[list[date], Floats]:
    """The bar before (or the bar itself without its flaw, where the source does not give one), the bar, the bar after."""
    day = date.fromisoformat(row["date"])
    bar = np.array([number(row[name]) for name in ("open", "high", "low", "close", "volume")])
    closes = [number(row["prev_close"]), number(row["next_close"])]
    known = next((close for close in closes if not math.isnan(close)), 10.0)
    around = [np.array([close, close, close, close, 1_000.0]) for close in (known if math.isnan(c) else c for c in closes)]
    return [day - timedelta(days=1), day, day + timedelta(days=1)], np.stack([around[0], bar, around[1]], axis=1)[:, :, None]


def test_every_real_defect_is_found(shared: Path) -> None:
    with gzip.open(shared / "data/daily/real_defects.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    missed: Counter[str] = Counter()
    for row in rows:
        days, bars = neighbours(row)
        found = {defect.kind for defect in of_bars(days, bars, Limits()) if defect.day == days[1]}
        found |= {Kind.NOT_A_SESSION} if days[1].weekday() > 4 else set()
        missed[row["defect"]] += not REAL[row["defect"]] & found
    assert len(rows) == 481
    assert set(REAL) == set(missed)
    assert missed.total() == 0, missed


@pytest.mark.parametrize("share", [0.004])
def test_real_panels_go_through_import_and_check(shared: Path, tmp_path: Path, share: float) -> None:
    """Three years of 400 names: the defects that the source documents are found, and few bars are held back."""
    frame = pd.read_parquet(shared / "data/daily/panel_2007_2023.parquet", filters=[("date", ">=", pd.Timestamp("2021-01-01"))])
    fields = [frame.pivot(index="date", columns="symbol", values=name) for name in ("open", "high", "low", "close", "volume")]
    bars = np.stack([field.to_numpy(np.float64) for field in fields])
    with Store(tmp_path, write=True) as store:
        store.universe.enlist([Newcomer(symbol, MONDAY) for symbol in fields[0].columns])
        store.extend([stamp.date() for stamp in fields[0].index], bars)
        report = hold_back(store)
        assert not report.counts.keys() & {Kind.NOT_A_SESSION, Kind.DAMAGED, Kind.REPEATED_DAY, Kind.PARTIAL}
        assert 0 < report.fresh < share * np.count_nonzero(~np.isnan(bars[3]))
        np.testing.assert_array_equal(store.window(len(store.days), adjust=False).bars[3][np.isnan(bars[3])], np.nan)
