"""Where whole programs are killed: on the way in, on the way out, and again during recovery; and which write points there are."""

import re
from dataclasses import dataclass, field

from tests.kill.stage import ROOT, Script

#: Executions in parts, an order that is walked over two children.
PARTS = Script(engine={"walk": [0.0, 1.0], "walk_seconds": 2}, ledger=("--partial", "1"))


@dataclass(frozen=True, slots=True)
class Case:
    """One road.

    Attributes
    ----------
    failpoints : tuple of str
        ``W7:2``: this life of the desk kills itself the second time it passes W7.
    left : str
        What becomes of the order that was struck: "" (filled in the end), "denied" (never sent), "doubtful" (loudly unknown).
    lost : tuple of (verb, when)
        The ledger hangs up on the first such question, "before" or "after" doing it.
    """

    failpoints: tuple[str, ...]
    left: str = ""
    script: Script = field(default_factory=Script)
    lost: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """For reports."""
        return "-".join([*self.failpoints, *(self.lost or ())])


#: Whole programs over a loopback Discord, a few of each kind: the many kills are those of `python -m tests.kill`.
CASES = (
    Case(("W2",)), Case(("W2+",)), Case(("W4",)), Case(("W5+",), "denied"), Case(("W7+",), "doubtful"), Case(("W12+:8",)),
    Case(("W8+", "W10")),
    Case(("W10+:3", "W10"), script=PARTS),
    Case((), lost=("submit", "after")),
)  # fmt: skip


def named() -> frozenset[str]:
    """Every write point that the code passes, with the variants after the commit."""
    found: set[str] = set()
    for path in (file for room in ("bot", "core") for file in (ROOT / room).rglob("*.py")):
        text = path.read_text()
        found |= set(re.findall(r'\bat\("(W\d+\+?)"\)', text))
        for point in re.findall(r'\bwrite\(\s*"(W\d+)"', text):
            found |= {point, f"{point}+"}
    return frozenset(found)
