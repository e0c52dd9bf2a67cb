"""The ledger's file: torn lines, damage, two processes, a full disk."""

import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.paper import codec
from brokers.paper.ledger import Ledger, Terms
from brokers.paper.matching import FillModel
from brokers.paper.records import Moment, Ticket
from core.model.errors import BadDataError, OperatorError
from core.quant.fees import FeeSchedule
from tests.brokers.rig import BUY_LEAD, CASH, LEAD
from tests.kit.nouns import NOW, SESSION, quote

TERMS = Terms("paper", CASH, FillModel(), FeeSchedule())


def ticket(name: str = "one", limit: str = "-101.00") -> Ticket:
    return Ticket(name, BUY_LEAD, 10, Decimal(limit))


def moment(seconds: float = 0) -> Moment:
    at = NOW + timedelta(seconds=seconds)
    return Moment(at, SESSION, {LEAD.key: quote(as_of=at)})


def test_a_torn_last_line_is_cut_off_wherever_it_tore(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger.open(TERMS, path, NOW)
    ledger.submit(ticket(), moment())
    whole = path.read_bytes()
    known = ledger.account(NOW), ledger.reports(NOW)
    ledger.submit(ticket("two"), moment(1))
    more = path.read_bytes()
    ledger.close()
    for cut in range(len(whole), len(more)):
        path.write_bytes(more[:cut])
        again = Ledger.open(TERMS, path, NOW)
        assert (again.account(NOW), again.reports(NOW)) == known
        again.close()
        assert path.read_bytes() == whole


def test_after_a_torn_line_the_ledger_writes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger.open(TERMS, path, NOW).close()
    with path.open("ab") as file:
        file.write(b'[{"noun":"Acc')
    ledger = Ledger.open(TERMS, path, NOW)
    ledger.submit(ticket(), moment())
    ledger.close()
    again = Ledger.open(TERMS, path, NOW)
    assert again.positions() == {"LEAD": 10}
    again.close()


def test_damage_in_the_middle_stops_the_ledger_and_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger.open(TERMS, path, NOW)
    ledger.submit(ticket(), moment())
    ledger.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"{}\n" + b"".join(lines[1:]))
    with pytest.raises(OperatorError, match=r"line 1 of .* is damaged"):
        Ledger.open(TERMS, path, NOW)


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger.open(TERMS, path, NOW)
    with pytest.raises(OperatorError, match="in use"):
        Ledger.open(TERMS, path, NOW)
    ledger.close()
    Ledger.open(TERMS, path, NOW).close()


def test_a_file_of_another_account_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger.open(TERMS, path, NOW).close()
    with pytest.raises(OperatorError, match="belongs to account 'paper'"):
        Ledger.open(replace(TERMS, account="other"), path, NOW)


def test_the_start_cash_is_deposited_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for _ in range(3):
        ledger = Ledger.open(TERMS, path, NOW)
        assert ledger.account(NOW).cash == CASH
        assert [row.cash for row in ledger.transactions(NOW)] == [CASH]
        ledger.close()


def test_a_full_disk_takes_no_order_and_nothing_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger.open(TERMS, path, NOW)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OperatorError, match="No space left"):
            ledger.submit(ticket(), moment())
    assert ledger.reports(NOW) == ()
    with pytest.raises(OperatorError, match="start again"):
        ledger.submit(ticket(), moment(1))
    ledger.close()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match="cannot be opened"):
        Ledger.open(TERMS, tmp_path / "file" / "ledger.jsonl", NOW)


def test_a_clock_that_steps_back_hides_nothing_from_since() -> None:
    ledger = Ledger.open(TERMS, None, NOW)
    ledger.submit(ticket("one"), moment(60))
    ledger.submit(ticket("two", "-50.00"), moment(0))
    assert [row.key for row in ledger.reports(NOW + timedelta(seconds=60))] == ["one", "two"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "{}",
        '{"noun":"Ledger","has":{}}',
        '{"word":["Side","long"]}',
        '{"decimal":"x"}',
        '{"noun":"Leg","has":{"size":1}}',
        "[" * 5000,
    ],
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(BadDataError):
        codec.loads(text)


def test_every_record_comes_back_as_it_was() -> None:
    value = (ticket(), moment(), Decimal("-0.10"), NOW, SESSION.day, {"a": (1, None, True, 2.5)}, BUY_LEAD)
    assert codec.loads(codec.dumps(value)) == value
