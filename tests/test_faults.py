"""The fault list: every row stands on it, what it says is shown has tests of that number, and little is excused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.house import ROOT
from tests.test_acceptance import exists

PAGE = ROOT / "tests" / "FAULTS.md"
LAST = 144
#: Rows that may not be excused.
NEEDED = 68
MOST_EXCUSED = 15


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: its number, the tests beside it, and whether it is shown."""

    number: int
    fault: str
    tests: tuple[str, ...]
    state: str


def rows() -> Iterator[Row]:
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| F"):
            number, fault, shown_by, state = (cell.strip() for cell in line.strip("|").split(" | "))
            yield Row(int(number.removeprefix("F")), fault, tuple(re.findall(r"`([^`]+)`", shown_by)), state.strip("| "))


def numbers(test: str) -> set[int]:
    """Numbers of the faults that a test carries in its name."""
    name = test.rpartition("::")[2].removeprefix("test_")
    carried = re.match(r"(?:f\d{3}_)+", name)
    return {int(found) for found in re.findall(r"f(\d{3})_", carried[0])} if carried else set()


def test_every_fault_has_its_row_in_order() -> None:
    assert [row.number for row in rows()] == list(range(1, LAST + 1))
    assert all(row.fault for row in rows())


def test_every_named_test_exists_and_carries_the_number_of_its_row() -> None:
    assert [test for row in rows() for test in row.tests if not exists(test)] == [], "python -m tests.faults writes them anew"
    assert [(row.number, test) for row in rows() for test in row.tests if row.number not in numbers(test)] == []


def test_what_is_shown_is_shown_by_a_test_and_nothing_else_is() -> None:
    assert [row.number for row in rows() if (row.state == "shown") != bool(row.tests)] == []


def test_little_is_excused_and_never_an_order() -> None:
    excused = [row for row in rows() if row.state.startswith("excused: ")]
    assert len(excused) <= MOST_EXCUSED
    assert [row.number for row in excused if row.number <= NEEDED] == []
    assert [row.number for row in excused if len(row.state) < 40] == [], "an excuse says why"


def test_only_market_data_and_contracts_are_shown_elsewhere() -> None:
    elsewhere = {row.number for row in rows() if row.state.startswith("elsewhere: ")}
    assert elsewhere <= {*range(88, 104), 111}


def test_no_row_is_open() -> None:
    known = ("shown", "excused: ", "elsewhere: ")
    assert [row.number for row in rows() if not row.state.startswith(known)] == []
