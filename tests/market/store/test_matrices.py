"""The bar store keeps every day that it said it has, and nothing of one that it did not."""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from core.market.store.actions import Action
from core.market.store.matrices import Store
from core.market.store.quarantine import ALL, Held
from core.market.store.universe import Newcomer
from core.model.errors import AlreadyRunningError, BadDataError, NewerDatabaseError, OperatorError, RefusedError
from core.model.market import ActionKind
from tests.market.store.build import MONDAY, filled, walk, weekday

ROOT = Path(__file__).parents[3]
APPENDER = """
import sys
from pathlib import Path
from core.market.store.matrices import Store
from tests.market.store.build import walk, weekday
bars = walk(400, 40)
with Store(Path(sys.argv[1]), write=True) as store:
    for place in range(len(store.days), 400):
        store.append(weekday(place), bars[:, place])
        print(place, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with filled(tmp_path / "store", walk(30, 7)) as store:
        yield store


def test_what_went_in_comes_out_after_a_restart(tmp_path: Path) -> None:
    bars = walk(30, 7)
    bars[:, 5, 2] = np.nan
    filled(tmp_path, bars).close()
    with Store(tmp_path, write=False) as store:
        assert store.days == [weekday(place) for place in range(30)]
        np.testing.assert_array_equal(store.window(30).bars, bars)
        np.testing.assert_array_equal(store.window(4, weekday(9)).bars, bars[:, 6:10])
        np.testing.assert_array_equal(store.raw("close"), bars[3])
        assert store.verify() == ()


def test_late_symbols_get_the_next_column_and_history_is_empty_before_them(store: Store) -> None:
    before = store.window(30).bars
    assert store.universe.enlist([Newcomer(f"N{place}", weekday(30)) for place in range(300)]) == tuple(range(7, 307))
    store.append(weekday(30), walk(1, 307)[:, 0])
    after = store.window(31).bars
    np.testing.assert_array_equal(after[:, :30, :7], before)
    assert np.isnan(after[:, :30, 7:]).all()
    assert store.verify() == (), "the checksums of a widened row are those of its new width"


@pytest.mark.parametrize("wrong", ["shape", "order", "twice"])
def test_a_day_that_does_not_fit_is_refused(store: Store, wrong: str) -> None:
    columns, day = (8, weekday(30)) if wrong == "shape" else (7, weekday(29 if wrong == "twice" else 3))
    with pytest.raises(BadDataError, match="shape" if wrong == "shape" else "do not come after"):
        store.append(day, walk(1, columns)[:, 0])
    assert len(store.days) == 30


def test_a_reader_sees_the_days_while_another_process_writes_but_cannot_write(store: Store) -> None:
    with Store(store.folder, write=False) as reader:
        assert len(reader.days) == 30
        with pytest.raises(RefusedError, match="open for reading"):
            reader.append(weekday(30), walk(1, 7)[:, 0])


def test_a_second_writer_is_refused_with_one_sentence(store: Store) -> None:
    with pytest.raises(AlreadyRunningError, match=r"written by another process; stop that one first$"):
        Store(store.folder, write=True)


def test_a_store_of_a_newer_version_is_refused(store: Store) -> None:
    meta = store.folder / "meta.json"
    meta.write_text(json.dumps(json.loads(meta.read_text()) | {"format": 2}))
    with pytest.raises(NewerDatabaseError, match="has format 2 and this program knows 1; update the program first"):
        Store(store.folder, write=False)


def test_a_kill_at_any_point_leaves_whole_days(tmp_path: Path) -> None:
    """Ten times killed on the way, continued, and in the end every bar is there."""
    filled(tmp_path, walk(400, 40)[:, :1]).close()
    told = 1
    for life in range(11):
        child = subprocess.Popen([sys.executable, "-c", APPENDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for line in child.stdout:
            told = int(line) + 1
            if told % 11 == 0 and life < 10:
                child.send_signal(signal.SIGKILL)
        child.wait()
        with Store(tmp_path, write=False) as store:
            assert len(store.days) >= told
            assert store.verify() == ()
            np.testing.assert_array_equal(store.window(400).bars, walk(400, 40)[:, : len(store.days)])
    assert told == 400


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_a_log_line_that_was_cut_off_is_a_day_that_never_was(tmp_path: Path, cut: int) -> None:
    bars = walk(3, 5)
    filled(tmp_path, bars).close()
    log = tmp_path / "days.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:2]) + lines[2][: min(cut, len(lines[2]) - 1)])
    with Store(tmp_path, write=True) as store:
        assert store.days == [weekday(0), weekday(1)]
        store.append(weekday(2), bars[:, 2])
    with Store(tmp_path, write=False) as store:
        np.testing.assert_array_equal(store.window(3).bars, bars)


def test_a_damaged_line_inside_a_log_is_named(store: Store) -> None:
    store.close()
    log = store.folder / "days.jsonl"
    log.write_bytes(log.read_bytes().replace(b"2024-01-03", b"2024-01-04", 1))
    with pytest.raises(OperatorError, match=r"line 3 of .*days.jsonl is damaged"):
        Store(store.folder, write=False)


@pytest.mark.parametrize("room", [0, 500, 5_000])
def test_a_full_disk_is_one_sentence_and_nothing_half(store: Store, room: int) -> None:
    """A limit on file sizes stands for the full disk: the same failed write, at the first field or in the middle of a row."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (store.folder / "open.1.f8").stat().st_size
    bars = walk(31 + 12, 7)[:, 31:]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, kept[1]))
    try:
        with pytest.raises(OperatorError, match=r"cannot be written \(File too large\); make room and start again$"):
            store.extend([weekday(31 + place) for place in range(12)], bars)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert {path.stat().st_size for path in store.folder.glob("*.f8")} == {size}
    assert len(store.days) == 30
    store.extend([weekday(31 + place) for place in range(12)], bars)
    np.testing.assert_array_equal(store.window(12).bars, bars)


def test_a_full_disk_while_the_log_is_written_leaves_no_day(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = store.folder / "days.jsonl"
    before = log.read_bytes()
    monkeypatch.setattr(store._fields, "put", lambda *_: [[1] * 5])  # the rows find room, the line about them does not
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, kept[1]))
    try:
        with pytest.raises(OperatorError, match="make room and start again"):
            store.append(weekday(30), walk(1, 7)[:, 0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert log.read_bytes() == before
    assert len(store.days) == 30


def test_a_damaged_day_is_named_quarantined_and_may_be_written_anew(tmp_path: Path) -> None:
    bars = walk(9, 6)
    filled(tmp_path, bars).close()
    path = tmp_path / "high.1.f8"
    content = bytearray(path.read_bytes())
    width = len(content) // 9
    content[4 * width + 11] ^= 1
    path.write_bytes(content)
    with Store(tmp_path, write=True) as store:
        assert store.verify() == (Held(weekday(4), ALL, "damaged on disk: high"),)
        store.quarantine.hold(store.verify())
        assert np.isnan(store.window(9).bars[:, 4]).all()
        with pytest.raises(RefusedError, match="not a damaged day"):
            store.restore(weekday(3), bars[:, 3])
        store.restore(weekday(4), bars[:, 4])
        np.testing.assert_array_equal(store.window(9).bars, bars)
    with Store(tmp_path, write=False) as store:
        assert store.verify() == ()
        np.testing.assert_array_equal(store.window(9).bars, bars)


def test_a_field_file_that_is_too_short_is_named(store: Store) -> None:
    store.close()
    path = store.folder / "low.1.f8"
    path.write_bytes(path.read_bytes()[:-1])
    with Store(store.folder, write=False) as short, pytest.raises(OperatorError, match=r"low\.1\.f8 does not hold the 30 days"):
        short.window(2)


def test_a_split_never_rewrites_what_is_stored(store: Store) -> None:
    before = {path.name: path.read_bytes() for path in store.folder.glob("*.f8")}
    bars = store.window(30).bars
    store.actions.add([Action(2, weekday(10), ActionKind.SPLIT, 3.0), Action(2, weekday(20), ActionKind.SPLIT, 0.1)])
    adjusted = store.window(30).bars
    assert {path.name: path.read_bytes() for path in store.folder.glob("*.f8")} == before
    np.testing.assert_array_equal(adjusted[:4, :10, 2], bars[:4, :10, 2] / 3.0 / 0.1)
    np.testing.assert_array_equal(adjusted[4, 10:20, 2], bars[4, 10:20, 2] * 0.1)
    np.testing.assert_array_equal(adjusted[:, 20:], bars[:, 20:])
    np.testing.assert_array_equal(store.window(30, adjust=False).bars, bars)


def test_a_split_that_is_still_to_come_changes_nothing(store: Store) -> None:
    bars = store.window(12, weekday(11)).bars
    store.actions.add([Action(1, weekday(12), ActionKind.SPLIT, 2.0)])
    np.testing.assert_array_equal(store.window(12, weekday(11)).bars, bars)
    assert store.window(13, weekday(12)).bars[3, 0, 1] == bars[3, 0, 1] / 2.0


def test_a_dividend_is_taken_out_by_the_close_before_it(store: Store) -> None:
    bars = store.window(30).bars
    store.actions.add([Action(3, weekday(10), ActionKind.DIVIDEND, 1.5), Action(3, weekday(20), ActionKind.SPLIT, 2.0)])
    found = store.window(30, dividends=True).bars[3, :, 3]
    np.testing.assert_allclose(found[:10], bars[3, :10, 3] / 2.0 * (1 - 1.5 / bars[3, 9, 3]), rtol=1e-14)
    np.testing.assert_array_equal(found[20:], bars[3, 20:, 3])


def test_actions_are_known_after_a_restart_and_a_correction_counts(store: Store) -> None:
    first = Action(0, weekday(5), ActionKind.SPLIT, 2.0)
    store.actions.add([first, first])
    store.actions.add([Action(0, weekday(5), ActionKind.SPLIT, 4.0)])
    store.close()
    with Store(store.folder, write=False) as again:
        found = again.actions.between(weekday(0), weekday(29), ActionKind.SPLIT, slice(0, 7))
        assert found == (Action(0, weekday(5), ActionKind.SPLIT, 4.0),)
        with pytest.raises(BadDataError, match=r"a split of 0\.0 for column 1 on 2024-01-01 is not possible"):
            again.actions.add([Action(1, MONDAY, ActionKind.SPLIT, 0.0)])


def test_a_ticker_taken_up_again_gets_a_column_of_its_own(store: Store) -> None:
    """Washington Mutual was WM until 26 September 2008, Waste Management from 5 August 2009."""
    universe = store.universe
    (bank,) = universe.enlist([Newcomer("WM", date(1998, 1, 2))])
    (waste,) = universe.enlist([Newcomer("WMI", date(1998, 1, 2))])
    with pytest.raises(RefusedError, match="WM is already listed"):
        universe.rename(waste, "WM", date(2009, 8, 5))
    universe.delist(bank, date(2008, 9, 26))
    universe.rename(waste, "WM", date(2009, 8, 5))
    assert universe.column("WM", date(2005, 1, 3)) == bank
    assert universe.column("WM", date(2010, 1, 4)) == waste
    assert universe.column("WM") == waste
    assert {listing.column for listing in universe.members(date(2005, 1, 3))} == {bank, waste}
    store.close()
    with Store(store.folder, write=False) as again:
        assert again.universe[waste].names == universe[waste].names
        assert again.universe[bank].last == date(2008, 9, 26)
