"""Where the desk is killed: every write point that the code names, on the way in, on the way out, and again during recovery."""

import re
from dataclasses import dataclass, field

from tests.kill.stage import ROOT, Script

#: With these the paper ledger answers a submit before the order trades, so that the answer itself is stored (W9).
LATE = Script(ledger=("--latency", "1"))
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


#: The order of the first card that is claimed, on the way in.
ENTRY = (
    Case(("W1",)), Case(("W1+",)), Case(("W2",)), Case(("W2+",)), Case(("W2+:8",)),
    Case(("W3",)), Case(("W3+",)), Case(("W4",)), Case(("W4+",)),
    Case(("W5",)), Case(("W5+",), "denied"), Case(("W6",), "denied"), Case(("W7",), "denied"),
    Case(("W7+",), "doubtful"), Case(("W8",), "doubtful"), Case(("W8+",)),
    Case(("W9",), script=LATE), Case(("W9+",), script=LATE),
    Case(("W10",)), Case(("W10+",)), Case(("W11",)), Case(("W11+",)),
    Case(("W12",)), Case(("W12+",)), Case(("W12+:8",)),
)  # fmt: skip
#: The first order on the way out: the third one of the road.
EXIT = (
    Case(("W1+:4",)), Case(("W5+:3",), "denied"), Case(("W7+:3",), "doubtful"),
    Case(("W8+:3",)), Case(("W10:3",)), Case(("W11:3",)),
)  # fmt: skip
#: Killed again while it recovers, life after life.
NESTED = (
    Case(("W8+", "W9", "W9+", "W10", "W11", "W11+")),
    Case(("W5+", "W9", "W9+", "W11", "W12"), "denied"),
    Case(("W7+", "W9", "W9+", "W2"), "doubtful"),
    Case(("W3", "W3", "W4", "W4+", "W5", "W10")),
)
#: Executions in parts, and answers that never came.
PARTED = (Case(("W10:2",), script=PARTS), Case(("W10+:3", "W10"), script=PARTS), Case(("W9:3",), script=PARTS))
LOST = (Case((), lost=("submit", "after")), Case((), "doubtful", lost=("submit", "before")))

CASES = (*ENTRY, *EXIT, *NESTED, *PARTED, *LOST)


def named() -> frozenset[str]:
    """Every write point that the code passes, with the variants after the commit."""
    found: set[str] = set()
    for path in (file for room in ("bot", "core") for file in (ROOT / room).rglob("*.py")):
        text = path.read_text()
        found |= set(re.findall(r'\bat\("(W\d+\+?)"\)', text))
        for point in re.findall(r'\bwrite\(\s*"(W\d+)"', text):
            found |= {point, f"{point}+"}
    return frozenset(found)
