"""What goes wrong before or during a replay is said in one sentence, ends it with a status, and leaves no result behind."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bot.__main__ import main
from tests.feeds.files import DAYS, day_file, flat, table
from tests.replay import slices
from tests.replay.books import dump, facts, notes
from tests.replay.slices import Run

FROM_TO = ("--from", "2024-01-03", "--to", "2024-01-10")


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    return table(tmp_path / "bars.csv", [*flat("A", DAYS), *flat("B", DAYS, 20.0)])


def command(*words: object) -> int:
    return main(["replay", *(str(word) for word in words)])


def refused(capsys: pytest.CaptureFixture[str], out: Path, *words: object) -> str:
    """Run it; it must fail with one sentence and leave no summary."""
    assert command(*words, "--out", out) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1, said
    assert said[0].startswith("quantmatrix: ")
    assert not (out / "summary.json").exists()
    return said[0]


def test_a_file_that_does_not_exist_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, tmp_path / "out", "--bars", tmp_path / "none.parquet", *FROM_TO)
    assert "none.parquet does not exist" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["index", "actions", "earnings", "vix", "rates", "sectors"])
def test_every_other_input_that_does_not_exist_is_named(
    option: str, bars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, tmp_path / "out", "--bars", bars, *FROM_TO, f"--{option}", tmp_path / "none.csv")
    assert "none.csv does not exist" in said


def test_a_truncated_parquet_file_is_named(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (shared / "data/daily/raw_unadjusted_2015_2017.parquet").read_bytes()
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(whole[: len(whole) // 2])
    assert "broken.parquet cannot be read" in refused(capsys, tmp_path / "out", "--bars", broken, *FROM_TO)


@pytest.mark.parametrize(("words", "named"), [(("--from", "2024-02-30"), "2024-02-30"), (("--from", "3 Jan 2024"), "3 Jan 2024")])
def test_a_malformed_date_is_named(
    words: Sequence[str], named: str, bars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command("--bars", bars, *words, "--to", "2024-01-10", "--out", tmp_path / "out")
    assert ended.value.code == 2
    assert f"{named!r} is no date; write it as YYYY-MM-DD" in capsys.readouterr().err.splitlines()[-1]


def test_dates_the_wrong_way_round(bars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, tmp_path / "out", "--bars", bars, "--from", "2024-01-10", "--to", "2024-01-03")
    assert "2024-01-10 lies after --to 2024-01-03" in said


@pytest.mark.parametrize("days", [("2020-01-02", "2020-12-31"), ("2030-01-02", "2030-12-31"), ("2024-01-06", "2024-01-07")])
def test_dates_without_bars_name_what_there_is(
    days: tuple[str, str], bars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, tmp_path / "out", "--bars", bars, "--from", days[0], "--to", days[1])
    assert f"the bars cover {DAYS[0]} to {DAYS[-1]}" in said


def test_a_missing_column_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "bars.csv", [f"A,{day},1,1,1,100" for day in DAYS], "symbol,date,open,high,low,volume")
    assert "has no column close" in refused(capsys, tmp_path / "out", "--bars", path, *FROM_TO)


def test_a_folder_that_cannot_be_written_is_named(bars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, bars / "out", "--bars", bars, *FROM_TO)
    assert "cannot be written" in said
    (tmp_path / "taken" / "summary.json").mkdir(parents=True)
    assert command("--bars", bars, *FROM_TO, "--out", tmp_path / "taken") == 1
    assert "cannot be written" in capsys.readouterr().err


def test_bars_without_numbers_are_dropped_counted_and_survived(tmp_path: Path) -> None:
    rows = [*flat("A", DAYS), *flat("B", DAYS[:8]), *(f"B,{day},nan,nan,nan,nan,nan" for day in DAYS[8:])]
    path, out = table(tmp_path / "bars.csv", rows), tmp_path / "out"
    assert command("--bars", path, "--from", DAYS[5], "--to", DAYS[12], "--out", out) == 0
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["symbol_bars"] == 8 + 3
    assert summary["sessions"] == 8


def test_bars_that_are_all_without_numbers_end_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "bars.csv", [f"A,{day},nan,nan,nan,nan,100" for day in DAYS])
    assert "no sound one lies between" in refused(capsys, tmp_path / "out", "--bars", path, *FROM_TO)


def test_a_run_that_fails_midway_leaves_no_summary_of_an_earlier_one(bars: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert command("--bars", bars, *FROM_TO, "--out", out) == 0
    assert (out / "summary.json").exists()
    settings = tmp_path / "config.yaml"
    settings.write_text("strategies: {}\n", encoding="utf-8")
    assert command("--bars", bars, *FROM_TO, "--out", out, "--config", settings) == 1
    assert not (out / "summary.json").exists()


def test_without_approval_every_card_expires_and_no_order_exists(adjusted: Run, tmp_path: Path) -> None:
    run = slices.again(adjusted, tmp_path / "out", approve=False, last=date(2014, 12, 31))
    found = facts(run.out)
    states = {stored.state.value for stored in found.proposals}
    assert "expired" in states
    assert states <= {"expired", "blocked"}
    assert not found.orders
    assert not found.fills
    assert not found.positions
    assert run.summary["money"]["net_liquidation"] == "100000.00"
    cards = [note for note in notes(run.out) if '"decidable": true' in note]
    assert len(cards) == run.summary["proposals"]["expired"]


def test_a_folder_of_polygon_flat_files_gives_the_same_trades_as_the_same_bars_in_a_table(shared: Path, tmp_path: Path) -> None:
    sources = slices.raw(shared, tmp_path)
    bars = slices.rows(sources.bars, date(2015, 3, 20), date(2016, 4, 29))
    pq.write_table(bars, tmp_path / "table.parquet")
    by_day: dict[date, list[str]] = {}
    for row in bars.to_pylist():
        words = [row["symbol"], row["volume"], *(row[name] for name in ("open", "close", "high", "low"))]
        by_day.setdefault(row["date"].date(), []).append(",".join(str(word) for word in words))
    for day, lines in by_day.items():
        day_file(tmp_path / "flat", day, lines)
    days, chosen = (date(2016, 1, 5), date(2016, 4, 29)), slices.loose("stock")
    runs = [
        slices.run(slices.request(replace(sources, bars=tmp_path / name), days, tmp_path / f"out {name}", chosen))
        for name in ("table.parquet", "flat")
    ]
    assert runs[0].summary["fills"] > 10
    assert notes(runs[0].out) == notes(runs[1].out)
    assert dump(runs[0].out) == dump(runs[1].out)
    differing = {name for name, value in runs[0].summary.items() if runs[1].summary[name] != value}
    assert differing == {"inputs_sha256"}
