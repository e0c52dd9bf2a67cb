"""Rows of a benchmark as a table or as JSON, and the machine that they were measured on."""

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

#: What a row may promise about its value.
SIGNS = {"<=": lambda value, limit: value <= limit, ">=": lambda value, limit: value >= limit}


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure.

    Attributes
    ----------
    value : float or None
        None when it was not measured; `against` then says why.
    against : str
        Measured beside it in the same run: a peer, a physical limit, or where the time goes.
    target : str
        The promise, such as ``<= 50`` in the unit of the value; empty where nothing is promised.
    holds : bool
        False when the promise is broken.
    """

    what: str
    value: float | None
    unit: str
    against: str = ""
    target: str = ""
    holds: bool = True

    @classmethod
    def promised(cls, what: str, value: float, unit: str, target: str, against: str = "") -> "Row":
        """Hold a value against its promise."""
        sign, limit = target.split()
        return cls(what, value, unit, against, target, SIGNS[sign](value, float(limit)))

    @classmethod
    def skipped(cls, what: str, unit: str, target: str, why: str) -> "Row":
        """Nothing was measured; in CI that breaks the promise."""
        return cls(what, None, unit, f"NOT MEASURED: {why}", target, holds=not os.environ.get("CI"))


def machine() -> str:
    """Describe the machine in one line, with what else it was doing at the start."""
    load, memory = os.getloadavg()[0], psutil.virtual_memory().total / 2**30
    python = f"{platform.python_implementation()} {platform.python_version()}"
    cores = f"{os.cpu_count()} × {_processor()}"
    return f"{cores}, {memory:.1f} GB, {platform.system()} {platform.release()}, {python}, load {load:.1f} at the start"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def as_json(bench: str, described: str, rows: Sequence[Row]) -> dict[str, object]:
    """Give the one object that other programs read."""
    return {"bench": bench, "machine": described, "rows": [asdict(row) for row in rows]}


def as_table(bench: str, described: str, rows: Sequence[Row]) -> str:
    """Give the table that people read."""
    cells = [("what", "value", "unit", "target", "holds", "against")]
    cells += [(row.what, _number(row.value), row.unit, row.target, _word(row), row.against) for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(5)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[5]]) for line in cells]
    return "\n".join([f"{bench}: {described}", "", lines[0], "-" * min(len(lines[0]) + 40, 160), *lines[1:]])


def status(rows: Sequence[Row]) -> int:
    """Exit status: 1 when a row does not hold."""
    return 0 if all(row.holds for row in rows) else 1


def progress(sentence: str) -> None:
    """Say what is being measured, beside the table."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile: the smallest value that so large a share of the values does not exceed."""
    kept = sorted(values)
    return kept[min(len(kept) - 1, max(0, -int(-share * len(kept) // 1) - 1))]


def _number(value: float | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _word(row: Row) -> str:
    if row.value is None:
        return "skipped" if row.holds else "NO"
    return "" if not row.target else "yes" if row.holds else "NO"
