"""The page that maps the issue to its tests: every name on it exists, every row has evidence or says what is missing."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.house import ROOT

PAGE = ROOT / "tests" / "ACCEPTANCE.md"
HEADINGS = (
    "What a user gets", "The parts", "The house", "Settings", "Market", "Indicators", "Strategy", "Option choice", "Risk",
    "Approval", "Sending and following", "Journal", "Discord", "Posts", "What bad input gets", "Speed", "Tests that must exist",
    "Done when",
    *(f"Part 2: {part}" for part in (
        "What a user gets", "The guarantee, and how it is shown", "The parts", "What bad input gets", "Speed", "Done when",
    )),
)  # fmt: skip
COMMANDS = ("make ", "python -m bot ", "python -m tests.bench ", ".ci/run")


@dataclass(frozen=True, slots=True)
class Row:
    """One claim, the tests and commands beside it, and whether it is shown."""

    claim: str
    shown_by: str
    state: str

    @property
    def evidence(self) -> list[str]:
        """Names of tests, and commands."""
        return re.findall(r"`([^`]+)`", self.shown_by)


def rows() -> Iterator[Row]:
    """Every row of every table, headings left out."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and cells != ["claim", "shown by", "state"]:
            assert len(cells) == 3, line
            yield Row(*(cell.strip("| ") for cell in cells))


@cache
def names(path: Path) -> frozenset[str]:
    """Functions of a file, those of classes too, and names that stand for a state machine."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assigned = {
        target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)
    }
    return frozenset(made | {name for name in assigned if name.lower().startswith("test")})


def exists(name: str) -> bool:
    path, _, function = name.partition("::")
    return (ROOT / path).is_file() and function in names(ROOT / path)


def test_every_named_test_exists() -> None:
    named = [name for row in rows() for name in row.evidence if "::" in name]
    assert len(named) > 100
    assert sorted({name for name in named if not exists(name)}) == []


def test_every_row_names_what_shows_it() -> None:
    wrong = [
        row.claim
        for row in rows()
        if not (row.state == "shown" and row.evidence) and not (row.state.startswith("open: ") and len(row.state) > len("open: "))
    ]
    assert wrong == []


def test_what_is_named_is_a_test_or_a_command() -> None:
    strange = [thing for row in rows() for thing in row.evidence if not thing.startswith(COMMANDS) and "::" not in thing]
    assert strange == []


def test_no_claim_stands_twice() -> None:
    claims = [row.claim for row in rows()]
    assert sorted({claim for claim in claims if claims.count(claim) > 1}) == []


def test_the_headings_are_those_of_the_issue_in_its_order() -> None:
    found = re.findall(r"^##+ (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(found) == HEADINGS
