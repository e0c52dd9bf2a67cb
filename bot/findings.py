"""What the doctor finds: a mark, a thing, a sentence, and the remedy where one is needed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """How it is."""

    GOOD = "ok"
    WARN = "look"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's answer."""

    mark: Mark
    thing: str
    sentence: str
    remedy: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether the desk cannot do its work like this."""
        return self.mark is Mark.BAD


def good(thing: str, sentence: str) -> Finding:
    """It is as it should be."""
    return Finding(Mark.GOOD, thing, sentence)


def warn(thing: str, sentence: str, remedy: str) -> Finding:
    """The desk works, and somebody should know."""
    return Finding(Mark.WARN, thing, sentence, remedy)


def bad(thing: str, sentence: str, remedy: str) -> Finding:
    """It must be mended."""
    return Finding(Mark.BAD, thing, sentence, remedy)


def lines(found: Iterable[Finding]) -> Iterator[str]:
    """Give one line for each finding, the remedy behind an arrow."""
    for finding in found:
        remedy = f"  → {finding.remedy}" if finding.remedy else ""
        yield f"{finding.mark:<5}{finding.thing:<16}{finding.sentence}{remedy}"
