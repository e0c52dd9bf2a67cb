"""``python -m tests.faults``: write beside each fault of `tests/FAULTS.md` up to three tests that carry its number."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tests.house import ROOT
from tests.test_acceptance import names
from tests.test_faults import PAGE, numbers

MOST = 3


def found() -> Mapping[int, Sequence[str]]:
    """Tests by the numbers in their names, read without running anything."""
    tests: defaultdict[int, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in sorted(names(path)):
            for number in numbers(name):
                tests[number].append(f"{path.relative_to(ROOT)}::{name}")
    return tests


def renewed(line: str, tests: Mapping[int, Sequence[str]]) -> str:
    """The line with the tests of today; a fault that is shown now needs no excuse any more."""
    row = re.match(r"\| F(\d{3}) \| ([^|]+) \| [^|]*\| (.+) \|$", line)
    if row is None:
        return line
    number, fault, state = int(row[1]), row[2], row[3]
    shown_by = " ".join(f"`{test}`" for test in tests[number][:MOST])
    state = "shown" if shown_by else state.replace("shown", "open: no test carries its number")
    return f"| F{number:03d} | {fault} | {shown_by} | {state} |"


def main() -> None:
    tests = found()
    PAGE.write_text(
        "".join(f"{renewed(line, tests)}\n" for line in PAGE.read_text(encoding="utf-8").splitlines()), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
