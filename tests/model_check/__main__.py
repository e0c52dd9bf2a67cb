"""``python -m tests.model_check``: the walks of the tests, and deeper ones with ``--deep``, as text with every path to a harm."""

import sys
import tempfile
from pathlib import Path

from tests.model_check.designs import AS_IT_IS, SHORTCUTS
from tests.model_check.explore import walk
from tests.model_check.shelf import Shelf
from tests.model_check.state import Left
from tests.model_check.steps import Model

WALKS = ((1, 2, Left(1, 1, 3)), (2, 1, Left(0, 1, 2)), (2, 1, Left(1, 0, 1)), (2, 2, Left(0, 0, 2)))
DEEP = ((1, 2, Left(2, 1, 4)), (2, 1, Left(1, 1, 2)), (2, 2, Left(1, 1, 3)))


def main() -> int:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        for processes, needed, left in (*WALKS, *(DEEP if "--deep" in sys.argv else ())):
            found.append(walk(Model(shelf, AS_IT_IS, needed), processes, left))
            print(f"as it is, {processes} process(es), {needed} person(s), {left}: {found[-1]}", flush=True)
        for design in SHORTCUTS:
            caught = walk(Model(shelf, design), design.processes, Left(0, 0, 1), design.harm)
            print(f"{design.name}: {caught}", flush=True)
            if caught.harm is None:
                return 1
    return 0 if all(one.complete and one.harm is None for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
