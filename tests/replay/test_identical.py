"""The same command twice: the same files, bit for bit."""

import hashlib
from pathlib import Path

from tests.replay import slices
from tests.replay.books import dump
from tests.replay.slices import Run

WRITTEN = {"summary.json", "notes.jsonl", "journal.db", "equity.png"}


def digests(out: Path, *names: str) -> dict[str, str]:
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names}


def test_two_runs_leave_the_same_summary_notes_and_picture_bit_for_bit(adjusted: Run, tmp_path: Path) -> None:
    second = slices.again(adjusted, tmp_path / "somewhere else" / "second")
    assert second.summary == adjusted.summary
    compared = ("summary.json", "notes.jsonl", "equity.png")
    assert digests(second.out, *compared) == digests(adjusted.out, *compared)
    assert dump(second.out) == dump(adjusted.out)


def test_a_second_run_into_the_same_folder_replaces_the_first(adjusted: Run, tmp_path: Path) -> None:
    days = adjusted.request.first, adjusted.request.first.replace(day=30)
    long = slices.again(adjusted, tmp_path / "out", last=days[1])
    before = digests(long.out, "summary.json", "notes.jsonl")
    slices.again(adjusted, tmp_path / "out", last=days[0])
    slices.again(adjusted, tmp_path / "out", last=days[1])
    assert digests(long.out, "summary.json", "notes.jsonl") == before
    assert {path.name for path in long.out.iterdir()} - {"journal.db.lock"} == WRITTEN


def test_the_slice_is_worth_replaying(adjusted: Run) -> None:
    """Without entries, exits of several kinds and options the other tests would prove nothing."""
    assert adjusted.summary["positions"]["opened"] > 30
    assert len(adjusted.summary["positions"]["closed_by"]) >= 4
    assert adjusted.summary["positions"]["modelled"] == adjusted.summary["positions"]["opened"]
