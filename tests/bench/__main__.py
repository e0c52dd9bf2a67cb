"""`python -m tests.bench NAME [--json] [--quick]`."""

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

from tests.bench import report
from tests.bench.report import Row

PARTS = {"report"}


class Bench(Protocol):
    """A file of this folder."""

    def rows(self, quick: bool) -> Iterator[Row]:
        """Measure one thing after the other."""
        ...


def names() -> list[str]:
    """Benchmarks of this folder."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(entry.name for entry in found if not entry.name.startswith(("_", "test_")) and entry.name not in PARTS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark; answers the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the promises about speed and memory.")
    parser.add_argument("name", choices=names(), help="which benchmark")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer samples and shorter data, for a first look")
    chosen = parser.parse_args(arguments)
    bench = cast("Bench", importlib.import_module(f"tests.bench.{chosen.name}"))
    described = report.machine()
    rows = list(bench.rows(chosen.quick))
    if chosen.json:
        print(json.dumps(report.as_json(chosen.name, described, rows), indent=2, ensure_ascii=False))
    else:
        print(report.as_table(chosen.name, described, rows))
    return report.status(rows)


if __name__ == "__main__":
    sys.exit(main())
