"""The file of used order ids: what survives a death, and what stops the desk."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.ibkr.sent import Sent, SentLeg, SentOrder
from core.model.errors import OperatorError, RefusedError
from core.model.instruments import Side
from tests.brokers import ibkr_rig
from tests.brokers.bench import approved

LEGS = (SentLeg(11, "LEAD  240719C00100000", Side.BUY, 1), SentLeg(12, "LEAD  240719C00110000", Side.SELL, 2))


def filled(path: Path, numbers: Sequence[int]) -> Sent:
    sent = Sent.open(path)
    for number in numbers:
        sent.note(SentOrder(f"qm1-{number}-1", number, 3, LEGS))
    sent.acknowledge(5, 900)
    sent.close()
    return sent


def test_what_was_noted_is_there_after_a_death(tmp_path: Path) -> None:
    before = filled(tmp_path / "sent.jsonl", [3, 7])
    after = Sent.open(tmp_path / "sent.jsonl")
    assert (after.orders, after.keys, after.highest, after.seen) == (before.orders, before.keys, 7, 5)
    assert (after.key_of(7, 0), after.key_of(0, 900), after.key_of(0, 901)) == ("qm1-7-1", "", "")
    assert after.orders["qm1-7-1"].legs == LEGS
    after.close()


@given(cut=st.integers(0, 400))
def test_a_file_cut_anywhere_gives_back_the_whole_lines_before(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "sent.jsonl"
    filled(path, [3, 7])
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    sent = Sent.open(path)
    assert path.read_bytes() == whole[: whole[:cut].rfind(b"\n") + 1]
    assert set(sent.keys) <= {3, 7}
    sent.note(SentOrder("qm1-8-1", 8, 1, LEGS))
    sent.close()
    assert 8 in Sent.open(path).keys


def test_a_damaged_line_stops_the_start(tmp_path: Path) -> None:
    filled(tmp_path / "sent.jsonl", [3, 7])
    text = (tmp_path / "sent.jsonl").read_bytes()
    (tmp_path / "sent.jsonl").write_bytes(text.replace(b'"id":3', b'"id":"x"'))
    with pytest.raises(OperatorError, match=r"line 1 .* is damaged"):
        Sent.open(tmp_path / "sent.jsonl")


def test_a_folder_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match="cannot be opened"):
        Sent.open(tmp_path / "file" / "sent.jsonl")


async def test_f026_an_order_that_cannot_be_noted_is_not_sent(tmp_path: Path) -> None:
    async with ibkr_rig.up(tmp_path) as rig:
        sent = rig.broker._telling.sent
        reading, writing = os.pipe()
        os.close(reading)
        sent.close()
        sent.file = os.fdopen(writing, "wb", 0)
        with pytest.raises(RefusedError, match=r"not sent: broker\.sent: .* cannot be written"):
            await rig.broker.submit(approved("-100.05"))
        assert rig.do("taken") == []
